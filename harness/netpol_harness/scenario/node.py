"""A YAML value together with its place."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from netpol_harness.paths.diagnostics import Place


class YamlKind(StrEnum):
    """What a node is, in the words of messages."""

    MAPPING = "a mapping"
    LIST = "a list"
    TEXT = "a string"
    NUMBER = "a number"
    FLAG = "a boolean"
    NOTHING = "nothing"
    MERGE = "a merge key"


@dataclass(frozen=True, slots=True)
class YamlNode:
    """A value and its place. Fields that its kind does not use are empty, so that a reader need not ask the kind first.

    ``text`` is a scalar's source text; ``entries`` are a mapping's keys and values, with merge keys resolved; ``size``
    counts the nodes of the tree.
    """

    place: Place
    kind: YamlKind
    value: bool | int | float | str | None = None
    text: str = ""
    items: tuple["YamlNode", ...] = ()
    entries: tuple[tuple["YamlNode", "YamlNode"], ...] = ()
    size: int = 1

    def get(self, name: str) -> "YamlNode | None":
        """A field of a mapping."""
        return next((value for key, value in self.entries if key.text == name), None)

    def at(self, *names: str) -> "YamlNode":
        """A field of a field; where one is missing, an empty node at the place of the last that is there."""
        node = self
        for name in names:
            node = node.get(name) or YamlNode(node.place, YamlKind.NOTHING)
        return node

    def plain(self) -> Any:
        """Fresh plain data: dict, list, str, int, float, bool, None."""
        match self.kind:
            case YamlKind.MAPPING:
                return {key.text: value.plain() for key, value in self.entries}
            case YamlKind.LIST:
                return [item.plain() for item in self.items]
            case _:
                return self.value
