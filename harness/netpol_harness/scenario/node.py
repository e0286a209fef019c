"""A YAML value with its place in the file."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from netpol_harness.paths.diagnostics import Place


class YamlKind(StrEnum):
    """The kind of a node, as messages name it."""

    MAPPING = "a mapping"
    LIST = "a list"
    TEXT = "a string"
    NUMBER = "a number"
    FLAG = "a boolean"
    NOTHING = "nothing"
    MERGE = "a merge key"


@dataclass(frozen=True, slots=True)
class YamlNode:
    """A value and its place. Fields that its kind does not use are empty, so that readers need not check the kind.

    ``text`` is the source text of a scalar. ``entries`` are the keys and values of a mapping, with merge keys resolved.
    ``size`` is the number of nodes of the tree.
    """

    place: Place
    kind: YamlKind
    value: bool | int | float | str | None = None
    text: str = ""
    items: tuple["YamlNode", ...] = ()
    entries: tuple[tuple["YamlNode", "YamlNode"], ...] = ()
    size: int = 1

    def get(self, name: str) -> "YamlNode | None":
        """Return a field of a mapping, ``None`` if there is none."""
        return next((value for key, value in self.entries if key.text == name), None)

    def at(self, *names: str) -> "YamlNode":
        """Return a nested field. If one is missing, return an empty node at the place of the last one that exists."""
        node = self
        for name in names:
            node = node.get(name) or YamlNode(node.place, YamlKind.NOTHING)
        return node

    def plain(self) -> Any:
        """Return a fresh copy as plain data: dict, list, str, int, float, bool, None."""
        match self.kind:
            case YamlKind.MAPPING:
                return {key.text: value.plain() for key, value in self.entries}
            case YamlKind.LIST:
                return [item.plain() for item in self.items]
            case _:
                return self.value
