"""The difference between two versions of an object, as lines of YAML with ``+`` and ``-`` before what changes. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile
from operator import eq
from typing import Any

from netpol_harness.analysis.edits.yaml_text import yaml_lines

KeyPath = tuple[str | int, ...]

_CONTEXT = 3
"""How many unchanged lines stand before and after changed ones; longer runs are left out in the middle."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """One changed part of an object: its place as keys from the object's root, and its lines.

    The first two characters of each line are ``+ ``, ``- `` or blank.
    """

    keys: KeyPath
    lines: tuple[str, ...]

    @property
    def changes(self) -> int:
        """The number of lines that differ."""
        return sum(not line.startswith(" ") for line in self.lines)


def hunks(before: Any, after: Any, keys: KeyPath = ()) -> Iterator[Hunk]:
    """Yield a hunk for each part that differs: a whole list item such as a rule, or a whole field.

    Nothing is yielded for equal values, and one hunk of added lines for an object that is new (``None`` before).
    """
    if before is None:
        yield Hunk(keys, tuple(f"+ {line}" for line in yaml_lines(after)))
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys((*before, *after)):
            yield from _field(before, after, (*keys, name))


def _field(before: Mapping[str, Any], after: Mapping[str, Any], keys: KeyPath) -> Iterator[Hunk]:
    """Yield the hunks of one field: those inside it if it is a mapping of both versions, apart from selectors."""
    name = str(keys[-1])
    old, new = before.get(name), after.get(name)
    if old == new and (name in before) == (name in after):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping) and name in ("metadata", "spec", "template"):
        yield from hunks(old, new, keys)
        return
    start, old_lines, new_lines = _versions(name, before, after)
    indent = "  " * (len(keys) - 1)
    where = keys if start is None else (*keys, start)
    yield Hunk(where, tuple(f"{mark}{indent}{line}" for mark, line in _compared(old_lines, new_lines)))


def _versions(
    name: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[int | None, Sequence[str], Sequence[str]]:
    """Return the lines of a field in both versions; of lists, only items from the first to the last that differs.

    The first result is the index of that item, ``None`` if the field is not a list in both versions.
    """
    old, new = before.get(name), after.get(name)
    if not (isinstance(old, list) and isinstance(new, list) and old and new):
        return None, _lines(name, before), _lines(name, after)
    start = _common(old, new)
    end = min(_common(old[::-1], new[::-1]), min(len(old), len(new)) - start)
    return start, _listed(name, old[start : len(old) - end]), _listed(name, new[start : len(new) - end])


def _lines(name: str, version: Mapping[str, Any]) -> list[str]:
    return yaml_lines({name: version[name]}) if name in version else []


def _listed(name: str, items: Sequence[Any]) -> list[str]:
    return [f"{name}:", *(yaml_lines(items) if items else [])]


def _common(first: Sequence[Any], second: Sequence[Any]) -> int:
    return len([*takewhile(bool, map(eq, first, second))])


def _compared(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, str]]:
    for tag, start, end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from (("  ", line) for line in _shortened(old[start:end]))
        else:
            yield from (("- ", line) for line in old[start:end])
            yield from (("+ ", line) for line in new[new_start:new_end])


def _shortened(lines: Sequence[str]) -> Sequence[str]:
    if len(lines) <= 2 * _CONTEXT + 1:
        return lines
    return [*lines[:_CONTEXT], "...", *lines[-_CONTEXT:]]
