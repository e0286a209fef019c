"""The managers of an object's fields: read from and written to ``metadata.managedFields``, and their conflicts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from netpol_harness.emulator.apiserver.errors import StatusError
from netpol_harness.emulator.apiserver.field_managers import fields as sets
from netpol_harness.emulator.apiserver.field_managers.fields import Fields, Path, with_parents
from netpol_harness.emulator.apiserver.field_managers.merge import merge_configuration, remove_fields
from netpol_harness.emulator.apiserver.schema import SchemaForm, Type
from netpol_harness.model.json_object import JsonObject

_NEVER_OWNED = with_parents([("f:apiVersion",), ("f:kind",), ("f:metadata",)]) | {
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
    """How a manager came to own its fields."""

    APPLY = "Apply"
    UPDATE = "Update"


@dataclass(frozen=True, slots=True)
class FieldManager:
    """One owner of fields."""

    name: str
    operation: Operation
    api_version: str
    subresource: str = ""

    def __str__(self) -> str:
        subresource = f' with subresource "{self.subresource}"' if self.subresource else ""
        version = f" using {self.api_version}" if self.operation is Operation.UPDATE else ""
        return f'"{self.name}"{subresource}{version}'


@dataclass(frozen=True, slots=True)
class OwnedFields:
    """The fields of an owner, and the time of its last change (RFC 3339)."""

    fields: Fields
    time: str


Owners = Mapping[FieldManager, OwnedFields]


def track_update(
    kind: Type, before: JsonObject | None, after: JsonObject, manager: FieldManager, now: str
) -> JsonObject:
    """Return the object with its owners after a write other than apply. The writer becomes the only owner of its
    changes.
    """
    owners = _owners_after(before, after)
    old, new = _owned(kind, before or {}), _owned(kind, after)
    changed = frozenset(path for path, value in new.items() if path not in old or old[path] != value)
    removed = old.keys() - new.keys()
    if not changed and not removed:
        return _with_owners(after, owners)
    owned = owners.get(manager, OwnedFields(frozenset(), now)).fields - removed | changed
    others = {other: replace(entry, fields=entry.fields - changed - removed) for other, entry in owners.items()}
    return _with_owners(after, {**others, manager: OwnedFields(owned, now)})


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """The result of an apply, before defaults and checks, and the owners then."""

    object: JsonObject
    owners: Owners

    def with_owners(self, obj: JsonObject) -> JsonObject:
        """Return the admitted form of the object with the owners."""
        return _with_owners(obj, self.owners)


def apply_configuration(
    kind: Type, live: JsonObject, config: JsonObject, manager: FieldManager, now: str, *, force: bool
) -> ApplyResult:
    """Apply a configuration to the live object ({} if there is none yet).

    Fields that the manager applied before and omits now are removed if they have no other owner. Raises StatusError:
    400 for a list that names an item twice, 409 for fields that others own with another value, unless ``force`` takes
    them over.
    """
    sets.check_unique(kind, config)
    config = _settable(kind, config, manager)
    owners = _before_apply(kind, live, manager, now)
    applied = frozenset(_owned(kind, config))
    previous = owners[manager].fields if manager in owners else frozenset()
    others = {other: entry for other, entry in owners.items() if other != manager}
    owned = applied.union(*(entry.fields for entry in others.values()))
    result = remove_fields(kind, merge_configuration(kind, live, config), with_parents(previous) - with_parents(owned))
    old, new = _owned(kind, live), _owned(kind, result)
    changed = frozenset(path for path, value in new.items() if path not in old or old[path] != value)
    removed = frozenset(old.keys() - new.keys())
    disputed = [(other, path) for other, entry in others.items() for path in sorted(entry.fields & changed)]
    if disputed and not force:
        raise _conflict(disputed)
    remaining = {other: replace(entry, fields=entry.fields - changed - removed) for other, entry in others.items()}
    is_unchanged = manager in owners and previous == applied and not changed and not removed
    time = owners[manager].time if is_unchanged else now
    return ApplyResult(result, {**remaining, manager: OwnedFields(applied, time)})


def _before_apply(kind: Type, live: JsonObject, manager: FieldManager, now: str) -> Owners:
    """Return the owners. If none was ever recorded, one placeholder owns all existing fields."""
    owners = _read(live)
    if owners or not live:
        return owners
    unknown = FieldManager(_BEFORE, Operation.UPDATE, manager.api_version)
    return {unknown: OwnedFields(frozenset(_owned(kind, _settable(kind, live, unknown))), now)}


def _owned(kind: Type, obj: JsonObject) -> dict[Path, Any]:
    """Return the fields that can be owned, with their values."""
    return {
        path: value
        for path, value in sets.leaves(kind, obj)
        if path and path not in _NEVER_OWNED and path[:2] != _OWN_LIST
    }


def _settable(kind: Type, obj: JsonObject, manager: FieldManager) -> JsonObject:
    """Return what a write via the manager's subresource can set: the status, or everything else."""
    if "status" not in obj or kind.part("status").form is not SchemaForm.RECORD:
        return obj
    status = manager.subresource == "status"
    return {name: part for name, part in obj.items() if (name == "status") is status or name == "metadata"}


def _owners_after(before: JsonObject | None, after: JsonObject) -> Owners:
    """Return the owners that the writer sent, or else the previous ones. ``managedFields: [{}]`` removes them all."""
    sent = after.get("metadata", {}).get("managedFields")
    if sent:
        return _read(after)
    return _read(before or {})


def _read(obj: JsonObject) -> Owners:
    return dict(_entries(obj.get("metadata", {}).get("managedFields", ())))


def _entries(written: Any) -> Iterator[tuple[FieldManager, OwnedFields]]:
    for entry in written:
        if entry.get("operation") in tuple(Operation):
            manager = FieldManager(
                entry.get("manager", ""),
                Operation(entry["operation"]),
                entry.get("apiVersion", ""),
                entry.get("subresource", ""),
            )
            yield manager, OwnedFields(sets.decode(entry.get("fieldsV1", {})), entry.get("time", ""))


def _with_owners(obj: JsonObject, owners: Owners) -> JsonObject:
    """Return the object with these owners recorded. An owner of no fields is not recorded."""
    written = [_managed_fields_entry(manager, entry) for manager, entry in owners.items() if entry.fields]
    written.sort(key=lambda entry: (entry["operation"], entry["time"], entry["manager"]))
    metadata = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
    return {**obj, "metadata": {**metadata, **({"managedFields": written} if written else {})}}


def _managed_fields_entry(manager: FieldManager, entry: OwnedFields) -> dict[str, Any]:
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


def _conflict(disputed: list[tuple[FieldManager, Path]]) -> StatusError:
    """Return 409 with a cause for each field."""
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
