"""An applied configuration put into an object, and fields taken out of one; both return new values."""

from collections.abc import Sequence
from typing import Any

from netpol_harness.emulator.apiserver.managed.fields import Fields, Path, element, merges
from netpol_harness.emulator.apiserver.schema import ANYTHING, Type
from netpol_harness.emulator.apiserver.strategic import ordered
from netpol_harness.emulator.store import clone


def merged(kind: Type, live: Any, applied: Any) -> Any:
    """The live value with all that the configuration says."""
    if not (merges(kind, live) and merges(kind, applied)):
        return clone(applied)
    if isinstance(applied, dict):
        new = {
            name: merged(kind.field(name), live[name], part) if name in live else clone(part)
            for name, part in applied.items()
        }
        return {**live, **new}
    return _merged_list(kind, live, applied)


def _merged_list(kind: Type, live: Sequence[Any], applied: Sequence[Any]) -> list[Any]:
    """Items in the configuration's order; those that it does not name stay behind the one that they follow."""
    wanted = {element(kind, item): item for item in applied}
    known = {element(kind, item) for item in live}
    kept = [
        merged(kind.element or ANYTHING, item, wanted[element(kind, item)]) if element(kind, item) in wanted else item
        for item in live
    ]
    added = [clone(item) for own, item in wanted.items() if own not in known]
    return ordered([*kept, *added], applied, lambda item: element(kind, item))


def without(kind: Type, value: Any, doomed: Fields, path: Path = ()) -> Any:
    """The value without these fields."""
    if not merges(kind, value):
        return value
    if isinstance(value, dict):
        return {
            name: without(kind.field(name), part, doomed, (*path, f"f:{name}"))
            for name, part in value.items()
            if (*path, f"f:{name}") not in doomed
        }
    return [
        without(kind.element or ANYTHING, item, doomed, where)
        for item, where in ((item, (*path, element(kind, item))) for item in value)
        if where not in doomed
    ]
