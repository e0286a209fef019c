"""The owners of an object's fields: read from and written to `metadata.managedFields`, and in conflict."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from netpol_harness.emulator.apiserver.errors import StatusError
from netpol_harness.emulator.apiserver.managed import fields as sets
from netpol_harness.emulator.apiserver.managed.fields import Fields, Path, upwards
from netpol_harness.emulator.apiserver.managed.merge import merged, without
from netpol_harness.emulator.apiserver.schema import SchemaForm, Type
from netpol_harness.model.json_object import JsonObject

_NEVER_OWNED = upwards([("f:apiVersion",), ("f:kind",), ("f:metadata",)]) | {
    ("f:metadata", f"f:{name}")
    for name in (
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "resourceVersion",
        "generation",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    )
}
_OWN_LIST = ("f:metadata", "f:managedFields")
_BEFORE = "before-first-apply"


class Operation(StrEnum):
    """How an owner came to its fields."""

    APPLY = "Apply"
    UPDATE = "Update"


@dataclass(frozen=True, slots=True)
class Manager:
    """One owner."""

    name: str
    operation: Operation
    api_version: str
    subresource: str = ""

    def __str__(self) -> str:
        subresource = f' with subresource "{self.subresource}"' if self.subresource else ""
        version = f" using {self.api_version}" if self.operation is Operation.UPDATE else ""
        return f'"{self.name}"{subresource}{version}'


@dataclass(frozen=True, slots=True)
class Entry:
    """What an owner owns, and since when (RFC 3339)."""

    fields: Fields
    time: str


Owners = Mapping[Manager, Entry]


def tracked(kind: Type, before: JsonObject | None, after: JsonObject, manager: Manager, now: str) -> JsonObject:
    """The object with its owners after a write that is no apply: what it changed is the writer's alone."""
    owners = _sent(before, after)
    old, new = _owned(kind, before or {}), _owned(kind, after)
    changed = frozenset(path for path, value in new.items() if path not in old or old[path] != value)
    gone = old.keys() - new.keys()
    if not changed and not gone:
        return _with(after, owners)
    mine = owners.get(manager, Entry(frozenset(), now)).fields - gone | changed
    others = {other: replace(entry, fields=entry.fields - changed - gone) for other, entry in owners.items()}
    return _with(after, {**others, manager: Entry(mine, now)})


@dataclass(frozen=True, slots=True)
class Application:
    """What an apply makes of an object, before defaults and checks, and the owners then."""

    object: JsonObject
    owners: Owners

    def admitted(self, obj: JsonObject) -> JsonObject:
        """The object as admission made it, with the owners."""
        return _with(obj, self.owners)


def applied(
    kind: Type, live: JsonObject, config: JsonObject, manager: Manager, now: str, *, force: bool
) -> Application:
    """A configuration applied to the live object ({} where there is none yet).

    What the manager applied before, says no longer and nobody else owns is removed. Raises StatusError: 400 for a list
    that names an item twice, 409 for fields that others own with another value, unless `force` takes them.
    """
    sets.check_unique(kind, config)
    config = _settable(kind, config, manager)
    owners = _before_apply(kind, live, manager, now)
    wanted = frozenset(_owned(kind, config))
    last = owners[manager].fields if manager in owners else frozenset()
    others = {other: entry for other, entry in owners.items() if other != manager}
    held = wanted.union(*(entry.fields for entry in others.values()))
    result = without(kind, merged(kind, live, config), upwards(last) - upwards(held))
    old, new = _owned(kind, live), _owned(kind, result)
    changed = frozenset(path for path, value in new.items() if path not in old or old[path] != value)
    gone = frozenset(old.keys() - new.keys())
    disputed = [(other, path) for other, entry in others.items() for path in sorted(entry.fields & changed)]
    if disputed and not force:
        raise _conflict(disputed)
    left = {other: replace(entry, fields=entry.fields - changed - gone) for other, entry in others.items()}
    same = manager in owners and last == wanted and not changed and not gone
    time = owners[manager].time if same else now
    return Application(result, {**left, manager: Entry(wanted, time)})


def _before_apply(kind: Type, live: JsonObject, manager: Manager, now: str) -> Owners:
    """The owners; where nobody was ever written down, one who stands for all that is there."""
    owners = _read(live)
    if owners or not live:
        return owners
    unknown = Manager(_BEFORE, Operation.UPDATE, manager.api_version)
    return {unknown: Entry(frozenset(_owned(kind, _settable(kind, live, unknown))), now)}


def _owned(kind: Type, obj: JsonObject) -> dict[Path, Any]:
    """The fields that somebody can own, with their values."""
    return {
        path: value
        for path, value in sets.leaves(kind, obj)
        if path and path not in _NEVER_OWNED and path[:2] != _OWN_LIST
    }


def _settable(kind: Type, obj: JsonObject, manager: Manager) -> JsonObject:
    """What a write by way of the manager's subresource can set: the status, or all else where that is one."""
    if "status" not in obj or kind.field("status").form is not SchemaForm.RECORD:
        return obj
    status = manager.subresource == "status"
    return {name: part for name, part in obj.items() if (name == "status") is status or name == "metadata"}


def _sent(before: JsonObject | None, after: JsonObject) -> Owners:
    """The owners that the writer sent, else those before; `managedFields: [{}]` forgets them all."""
    sent = after.get("metadata", {}).get("managedFields")
    if sent:
        return _read(after)
    return _read(before or {})


def _read(obj: JsonObject) -> Owners:
    return dict(_entries(obj.get("metadata", {}).get("managedFields", ())))


def _entries(written: Any) -> Iterator[tuple[Manager, Entry]]:
    for entry in written:
        if entry.get("operation") in tuple(Operation):
            manager = Manager(
                entry.get("manager", ""),
                Operation(entry["operation"]),
                entry.get("apiVersion", ""),
                entry.get("subresource", ""),
            )
            yield manager, Entry(sets.decode(entry.get("fieldsV1", {})), entry.get("time", ""))


def _with(obj: JsonObject, owners: Owners) -> JsonObject:
    """The object with these owners written down; one who owns nothing is none."""
    written = [_written(manager, entry) for manager, entry in owners.items() if entry.fields]
    written.sort(key=lambda entry: (entry["operation"], entry["time"], entry["manager"]))
    metadata = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
    return {**obj, "metadata": {**metadata, **({"managedFields": written} if written else {})}}


def _written(manager: Manager, entry: Entry) -> dict[str, Any]:
    subresource = {"subresource": manager.subresource} if manager.subresource else {}
    return {
        "manager": manager.name,
        "operation": manager.operation.value,
        "apiVersion": manager.api_version,
        "time": entry.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": sets.encode(entry.fields),
        **subresource,
    }


def _conflict(disputed: list[tuple[Manager, Path]]) -> StatusError:
    """409 with a cause for each field."""
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": sets.text(path)}
        for manager, path in disputed
    ]
    if len(disputed) == 1:
        words = f"1 conflict: conflict with {disputed[0][0]}: {sets.text(disputed[0][1])}"
    else:
        by_manager = {manager: [path for other, path in disputed if other == manager] for manager, _ in disputed}
        lines = [
            line
            for manager, paths in by_manager.items()
            for line in (f"conflicts with {manager}:", *(f"- {sets.text(path)}" for path in paths))
        ]
        words = f"{len(disputed)} conflicts: " + "\n".join(lines)
    return StatusError(409, "Conflict", f"Apply failed with {words}", {"causes": causes})
