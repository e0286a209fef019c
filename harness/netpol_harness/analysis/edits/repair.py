"""A change of one of the two lists of a rule, its peers or its ports. Pure."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Repair:
    """The list after the change, and what is wrong and how to fix it, as the end of a sentence about the rule.

    ``items`` is ``None`` for a list that is absent. ``widening`` is the number of workloads admitted beside the one in
    question. ``is_addition`` if the list has one more item and is otherwise as it was;
    ``is_mistake`` if the item that changes has no effect as it is written.
    """

    items: list[Any] | None
    text: str
    widening: int = 0
    is_addition: bool = False
    is_mistake: bool = False


def replaced(items: list[Any], index: int, *new: Any) -> list[Any]:
    """Return the list with new items in place of one."""
    return [*items[:index], *new, *items[index + 1 :]]
