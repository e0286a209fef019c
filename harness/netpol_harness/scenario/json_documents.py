"""Compose JSON text into ``YamlNode`` trees with positions: one object after another, as kubectl reads them.

YAML contains JSON but for tabs and surrogate escapes, so JSON has a reader of its own. Raises ``Unreadable``.
"""

import math
import re
from bisect import bisect_right
from collections.abc import Iterator
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from netpol_harness.paths.diagnostics import Place, Problem
from netpol_harness.scenario.compose import MAX_DEPTH, Unreadable
from netpol_harness.scenario.node import YamlKind, YamlNode

_SPACE = re.compile(r"[ \t\r\n\ufeff]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WORDS = {
    "true": (YamlKind.FLAG, True),
    "false": (YamlKind.FLAG, False),
    "null": (YamlKind.NOTHING, None),
}


class JsonComposer:
    """Turns the text of a file into nodes. ``problems`` holds what is wrong but can be read."""

    def __init__(self, text: str, file: str) -> None:
        self.problems: list[Problem] = []
        self._text = text
        self._file = file
        self._lines = [0, *(match.end() for match in re.finditer(r"\n", text))]

    def documents(self) -> Iterator[YamlNode]:
        """Yield the values, one after another; raises ``Unreadable`` if the rest of the file cannot be read."""
        position = self._skip(0)
        while position < len(self._text):
            node, position = self._value(position, 0)
            position = self._skip(position)
            if node.kind is not YamlKind.NOTHING:
                yield node

    def _value(self, position: int, depth: int) -> tuple[YamlNode, int]:
        """Return the value that begins at a position, and the position after it."""
        if depth > MAX_DEPTH:
            raise Unreadable(self._place(position), f"values are nested more than {MAX_DEPTH} deep", "reduce it")
        match self._text[position : position + 1]:
            case "{":
                return self._mapping(position, depth)
            case "[":
                return self._list(position, depth)
            case '"':
                text, end = self._string(position)
                return YamlNode(self._place(position), YamlKind.TEXT, text, text), end
            case _:
                return self._scalar(position)

    def _mapping(self, start: int, depth: int) -> tuple[YamlNode, int]:
        entries: dict[str, tuple[YamlNode, YamlNode]] = {}
        position = self._skip(start + 1)
        while not self._ends(position, "}", first=not entries):
            position = self._next(position, first=not entries)
            key, position = self._key(position, entries)
            value, position = self._value(self._skip(self._after(":", self._skip(position))), depth + 1)
            entries[key.text] = key, value
            position = self._skip(position)
        size = 1 + sum(1 + value.size for _, value in entries.values())
        return YamlNode(self._place(start), YamlKind.MAPPING, entries=tuple(entries.values()), size=size), position + 1

    def _list(self, start: int, depth: int) -> tuple[YamlNode, int]:
        items: list[YamlNode] = []
        position = self._skip(start + 1)
        while not self._ends(position, "]", first=not items):
            item, position = self._value(self._next(position, first=not items), depth + 1)
            items.append(item)
            position = self._skip(position)
        size = 1 + sum(item.size for item in items)
        return YamlNode(self._place(start), YamlKind.LIST, items=tuple(items), size=size), position + 1

    def _ends(self, position: int, bracket: str, *, first: bool) -> bool:
        """Return whether the collection ends here; raises ``Unreadable`` if neither its end nor a comma is here."""
        found = self._text[position : position + 1]
        if found != bracket and not first and found != ",":
            raise self._syntax_error(position, f"',' or '{bracket}'")
        return found == bracket

    def _next(self, position: int, *, first: bool) -> int:
        """Return the position of the next item, after the comma that separates it from the one before."""
        return position if first else self._skip(self._after(",", position))

    def _key(self, position: int, known: dict[str, tuple[YamlNode, YamlNode]]) -> tuple[YamlNode, int]:
        place = self._place(position)
        if self._text[position : position + 1] != '"':
            raise self._syntax_error(position, "a string as key")
        text, end = self._string(position)
        if text in known:
            line = known[text][0].place.line
            self.problems.append(Problem(place, f"the key '{text}' is already on line {line}", "remove one of them"))
        return YamlNode(place, YamlKind.TEXT, text, text), end

    def _string(self, position: int) -> tuple[str, int]:
        try:
            text, end = scanstring(self._text, position + 1, True)  # noqa: FBT003 - the signature of the standard library
        except JSONDecodeError as error:
            raise self._syntax_error(error.pos, "a string without control characters and bad escapes") from error
        return str(text), int(end)

    def _scalar(self, position: int) -> tuple[YamlNode, int]:
        place = self._place(position)
        for word, (kind, value) in _WORDS.items():
            if self._text.startswith(word, position):
                return YamlNode(place, kind, value, word), position + len(word)
        found = _NUMBER.match(self._text, position)
        if not found:
            raise self._syntax_error(position, "a value")
        return YamlNode(place, YamlKind.NUMBER, self._number(found[0], place), found[0]), found.end()

    def _number(self, text: str, place: Place) -> int | float:
        try:
            number: Any = int(text) if text.lstrip("-").isdecimal() else float(text)
            if math.isfinite(number):
                return number  # type: ignore[no-any-return]
        except (ValueError, OverflowError):  # more digits than Python reads
            pass
        self.problems.append(Problem(place, f"'{text[:40]}' is too large a number", "write a smaller one, or quote it"))
        return 0

    def _after(self, character: str, position: int) -> int:
        if self._text[position : position + 1] != character:
            raise self._syntax_error(position, f"'{character}'")
        return position + 1

    def _skip(self, position: int) -> int:
        found = _SPACE.match(self._text, position)
        return found.end() if found else position

    def _place(self, position: int) -> Place:
        line = bisect_right(self._lines, position)
        return Place(self._file, line, position - self._lines[line - 1] + 1)

    def _syntax_error(self, position: int, wanted: str) -> Unreadable:
        found = repr(self._text[position : position + 1]) if position < len(self._text) else "the end of the file"
        return Unreadable(
            self._place(position), f"this is not JSON: found {found}, expected {wanted}", "fix the syntax"
        )
