"""Merge an applied configuration into an object, and remove fields from one. Both return new values."""

from collections.abc import Sequence
from typing import Any

from netpol_harness.emulator.apiserver.field_managers.fields import Fields, Path, element, merges
from netpol_harness.emulator.apiserver.schema import ANYTHING, Type
from netpol_harness.emulator.apiserver.strategic import reorder
from netpol_harness.emulator.store import clone


def merge_configuration(kind: Type, live: Any, applied: Any) -> Any:
    """Return the live value with everything in the configuration."""
    if not (merges(kind, live) and merges(kind, applied)):
        return clone(applied)
    if isinstance(applied, dict):
        new = {
            name: merge_configuration(kind.part(name), live[name], part) if name in live else clone(part)
            for name, part in applied.items()
        }
        return {**live, **new}
    return _merge_list(kind, live, applied)


def _merge_list(kind: Type, live: Sequence[Any], applied: Sequence[Any]) -> list[Any]:
    """Return items in the configuration's order. Others stay behind the item that they follow."""
    applied_items = {element(kind, item): item for item in applied}
    known = {element(kind, item) for item in live}
    kept = [
        merge_configuration(kind.element or ANYTHING, item, applied_items[element(kind, item)])
        if element(kind, item) in applied_items
        else item
        for item in live
    ]
    added = [clone(item) for own, item in applied_items.items() if own not in known]
    return reorder([*kept, *added], applied, lambda item: element(kind, item))


def remove_fields(kind: Type, value: Any, removed: Fields, path: Path = ()) -> Any:
    """Return the value without these fields."""
    if not merges(kind, value):
        return value
    if isinstance(value, dict):
        return {
            name: remove_fields(kind.part(name), part, removed, (*path, f"f:{name}"))
            for name, part in value.items()
            if (*path, f"f:{name}") not in removed
        }
    return [
        remove_fields(kind.element or ANYTHING, item, removed, where)
        for item, where in ((item, (*path, element(kind, item))) for item in value)
        if where not in removed
    ]
