"""Compose YAML text into ``YamlNode`` trees with positions. No input makes it raise, loop or use unbounded memory.

Scalars are read as kubectl reads them (YAML 1.1, but neither timestamps nor base-60 numbers). They also keep their
text, so that ``on`` and ``80`` remain what was written if a string is expected. Keys are their text. The number of
nodes of a file, with every alias expanded, and their depth are limited. Merge keys (``<<``) are supported; tags, except
``!!str``, are not.
"""

import math
import re
from collections.abc import Iterator
from typing import Any, ClassVar

import yaml

from netpol_harness.paths.diagnostics import Place, Problem
from netpol_harness.scenario.node import YamlKind, YamlNode
from netpol_harness.yaml_loader import SAFE_LOADER

MAX_NODES = 500_000
"""Values of a file. Manifests with many CustomResourceDefinitions have over 100,000."""
MAX_REPEATED = 50_000
"""Values that aliases repeat."""
MAX_DEPTH = 100

_TAG = "tag:yaml.org,2002:"
_COLLECTIONS = (None, "!", f"{_TAG}map", f"{_TAG}seq")


class Unreadable(Exception):
    """The rest of the file cannot be read."""

    def __init__(self, place: Place, what: str, remedy: str) -> None:
        self.problem = Problem(place, what, remedy)
        super().__init__(str(self.problem))


class _Loader(SAFE_LOADER):  # type: ignore[misc]  # the class is chosen at run time: libyaml's, or the pure one
    """PyYAML's safe loader with the scalars of kubectl's parser. Only its events and its resolver are used."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}


_DECIMAL = r"(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
for _name, _pattern, _first in (
    ("bool", r"yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF", "yYnNtTfFoO"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", "<"),
    ("int", r"[-+]?(?:0|[1-9][0-9_]*|0[0-7_]+|0b[01_]+|0x[0-9a-fA-F_]+)", "-+0123456789"),
    ("float", rf"[-+]?(?:{_DECIMAL}|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)", "-+0123456789."),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"(?:{_pattern})\Z"), list(_first))


class Composer:
    """Turns events into nodes, and counts them, so that a small file cannot become a large tree.

    The text begins after ``lines_before`` lines of its file.
    """

    def __init__(self, text: str, file: str, lines_before: int = 0) -> None:
        self.problems: list[Problem] = []
        self._text = text
        self._file = file
        self._first_line = lines_before + 1
        self._loader = _Loader(text)
        self._count = 0
        self._repeated = 0
        self._anchors: dict[str, YamlNode | None] = {}

    def documents(self) -> Iterator[YamlNode]:
        """Yield the documents; raises ``Unreadable`` if the rest of the file cannot be read."""
        try:
            while not isinstance(event := self._event(), yaml.StreamEndEvent):
                if isinstance(event, yaml.DocumentStartEvent):
                    self._anchors = {}
                    node = self._node(self._event(), 0)
                    if node.kind is not YamlKind.NOTHING:
                        yield node
        finally:
            self._loader.dispose()

    def _event(self) -> Any:
        try:
            event = self._loader.get_event()
        except yaml.MarkedYAMLError as error:
            raise self._syntax_error(error) from error
        except yaml.YAMLError as error:
            raise Unreadable(Place(self._file, 1), f"this is not YAML: {error}", "fix the syntax") from error
        return event

    def _syntax_error(self, error: yaml.MarkedYAMLError) -> Unreadable:
        mark = error.problem_mark or error.context_mark
        place = self._place(mark) if mark else Place(self._file, 1)
        if mark and _open_before(self._text, mark.line, mark.column) > MAX_DEPTH:
            return _too_deep(place)
        what = " ".join(filter(None, (error.context, error.problem)))
        lines = self._text.splitlines()
        tab = mark is not None and mark.line < len(lines) and lines[mark.line][mark.column :].startswith("\t")
        remedy = "indent with spaces, not tabs" if tab else "fix the syntax here or on the line before"
        return Unreadable(place, f"this is not YAML: {what}", remedy)

    def _place(self, mark: Any) -> Place:
        return Place(self._file, mark.line + self._first_line, mark.column + 1)

    def _node(self, event: Any, depth: int) -> YamlNode:
        place = self._place(event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, place)
        if depth > MAX_DEPTH:
            raise _too_deep(place)
        self._count += 1
        if self._count > MAX_NODES:
            raise Unreadable(place, f"the file has more than {MAX_NODES} values", "split it")
        anchor = event.anchor
        if anchor is not None:
            self._anchors[anchor] = None
        node = self._value(event, place, depth)
        if anchor is not None:
            self._anchors[anchor] = node
        return node

    def _alias(self, event: yaml.AliasEvent, place: Place) -> YamlNode:
        name = event.anchor
        if name not in self._anchors:
            raise Unreadable(place, f"the alias *{name} has no anchor", f"put &{name} before the value that it repeats")
        node = self._anchors[name]
        if node is None:
            raise Unreadable(place, f"the alias *{name} is inside its own anchor", "write the value out")
        self._repeated += node.size
        if self._repeated > MAX_REPEATED:
            raise Unreadable(
                place, f"aliases repeat more than {MAX_REPEATED} values", "write them out, or split the file"
            )
        return node

    def _value(self, event: Any, place: Place, depth: int) -> YamlNode:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, place)
        if event.tag not in _COLLECTIONS:
            self._refuse_tag(event.tag, place)
        if isinstance(event, yaml.SequenceStartEvent):
            items = tuple(self._children(yaml.SequenceEndEvent, depth))
            return YamlNode(place, YamlKind.LIST, items=items, size=1 + sum(item.size for item in items))
        pairs = list(self._children(yaml.MappingEndEvent, depth))
        size = 1 + sum(node.size for node in pairs)
        return YamlNode(place, YamlKind.MAPPING, entries=self._entries(pairs[::2], pairs[1::2]), size=size)

    def _children(self, end: type[yaml.Event], depth: int) -> Iterator[YamlNode]:
        while not isinstance(event := self._event(), end):
            yield self._node(event, depth + 1)

    def _entries(self, keys: list[YamlNode], values: list[YamlNode]) -> tuple[tuple[YamlNode, YamlNode], ...]:
        own: dict[str, tuple[YamlNode, YamlNode]] = {}
        merged: dict[str, tuple[YamlNode, YamlNode]] = {}
        for key, value in zip(keys, values, strict=True):
            if key.kind is YamlKind.MERGE:
                for entry in self._merged(value):
                    merged.setdefault(entry[0].text, entry)
            elif self._is_key(key, own):
                own[key.text] = key, value
        return tuple({**merged, **own}.values())

    def _merged(self, value: YamlNode) -> Iterator[tuple[YamlNode, YamlNode]]:
        for part in value.items if value.kind is YamlKind.LIST else (value,):
            if part.kind is YamlKind.MAPPING:
                yield from part.entries
            else:
                self._problem(part.place, f"<< merges {part.kind}", "merge a mapping, or a list of mappings")

    def _is_key(self, key: YamlNode, known: dict[str, tuple[YamlNode, YamlNode]]) -> bool:
        if key.kind in (YamlKind.MAPPING, YamlKind.LIST, YamlKind.NOTHING):
            self._problem(key.place, f"{key.kind} is not a key", "write a string before the colon")
            return False
        if key.text in known:
            earlier = known[key.text][0].place
            self._problem(key.place, f"the key '{key.text}' is already on line {earlier.line}", "remove one of them")
            return False
        return True

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> YamlNode:
        text: str = event.value
        if event.tag not in (None, "!", f"{_TAG}str"):
            self._refuse_tag(event.tag, place)
        tag = event.tag if event.tag not in (None, "!") else self._loader.resolve(yaml.ScalarNode, text, event.implicit)
        match tag.removeprefix(_TAG):
            case "null":
                return YamlNode(place, YamlKind.NOTHING, None, text)
            case "bool":
                return YamlNode(place, YamlKind.FLAG, yaml.SafeLoader.bool_values[text.lower()], text)
            case "merge":
                return YamlNode(place, YamlKind.MERGE, text, text)
            case "int" | "float" as name:
                return YamlNode(place, YamlKind.NUMBER, self._number(name, text, place), text)
            case _:
                return YamlNode(place, YamlKind.TEXT, text, text)

    def _number(self, name: str, text: str, place: Place) -> int | float:
        node = yaml.ScalarNode(_TAG + name, text)
        try:
            number: int | float = getattr(self._loader, f"construct_yaml_{name}")(node)
            is_finite = math.isfinite(number)
        except (ValueError, OverflowError):  # more digits than Python reads, or than a float holds
            is_finite = False
        if not is_finite:
            self._problem(
                place, f"'{text[:40]}' is a number that JSON cannot represent", "write a finite number, or quote it"
            )
            return 0
        return number

    def _refuse_tag(self, tag: str, place: Place) -> None:
        self._problem(place, f"the tag {tag.replace(_TAG, '!!')} is not supported", "remove the tag")

    def _problem(self, place: Place, what: str, remedy: str) -> None:
        self.problems.append(Problem(place, what, remedy))


def _too_deep(place: Place) -> Unreadable:
    return Unreadable(place, f"values are nested more than {MAX_DEPTH} deep", "reduce the nesting")


def _open_before(text: str, line: int, column: int) -> int:
    """Return how many flow collections and one-line block sequences are open at a place, ignoring quotes.

    ``line`` and ``column`` count from zero. The library scans ahead, and may stop at a depth limit of its own before it
    emits its first event.
    """
    lines = text.splitlines()[: line + 1]
    before = "\n".join([*lines[:line], lines[line][:column] if line < len(lines) else ""])
    brackets = sum(before.count(opening) for opening in "[{") - sum(before.count(closing) for closing in "]}")
    dashes = re.match(r"[-? ]*", before.rpartition("\n")[2])
    return brackets + (dashes.group().count("- ") if dashes else 0)
