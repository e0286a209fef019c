"""Garbage collection: objects are deleted after their owners (in the background) or before them (in the foreground).

Implements the contract of ``metadata.ownerReferences``. Orphaning removes the reference before the owner is deleted.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from netpol_harness.emulator.apiserver.catalog import Catalog
from netpol_harness.emulator.apiserver.lifecycle import BACKGROUND, FOREGROUND, FOREGROUND_FINALIZER
from netpol_harness.emulator.store import Event, EventType, Key, Store
from netpol_harness.model.json_object import JsonObject


class Delete(Protocol):
    """Does what a user's DELETE with a propagation policy does, like ``Lifecycle.delete_with_dependents``."""

    def __call__(self, key: Key, policy: str = BACKGROUND) -> object:
        """Start the deletion of an object."""
        ...


class _AllButEvents:
    """The resources that may own or be owned. Events are many, and never are."""

    def __contains__(self, resource: object) -> bool:
        return resource != "events"


class GarbageCollector:
    """Deletes dependents whose owners no longer exist, and those of owners that wait for it."""

    resources = _AllButEvents()

    def __init__(self, store: Store, delete: Delete, catalog: Catalog) -> None:
        self._store = store
        self._catalog = catalog
        self._delete = delete
        self._dependents: dict[str, set[Key]] = {}

    def affected_keys(self, event: Event) -> Iterator[Key]:
        """Yield the object itself if it waits or has owners, its owners, and the dependents of a deleted object."""
        if _waits(event.object):
            yield event.key
        for reference in event.object["metadata"].get("ownerReferences") or ():
            self._dependents.setdefault(reference["uid"], set()).add(event.key)
            yield event.key
            if (owner := self._owner_key(reference, event.key.namespace)) is not None:
                yield owner
        if event.type is EventType.DELETED:
            yield from self._dependents.pop(event.object["metadata"]["uid"], ())

    def reconcile(self, key: Key) -> None:
        obj = self._store.find(key)
        if obj is None:
            return
        if _waits(obj):
            self._delete_dependents(key, obj)
            return
        references = obj["metadata"].get("ownerReferences") or ()
        is_kept = not references or "deletionTimestamp" in obj["metadata"]
        if not is_kept and not any(self._exists(reference, key.namespace) for reference in references):
            self._delete(key)

    def _delete_dependents(self, key: Key, owner: JsonObject) -> None:
        """Delete the dependents of an owner that waits, and the owner itself once no dependent blocks it."""
        uid, blocked = owner["metadata"]["uid"], False
        for dependent in self._dependents.get(uid, set()).copy():
            obj = self._store.find(dependent)
            references = [] if obj is None else obj["metadata"].get("ownerReferences") or []
            mine = [reference for reference in references if reference["uid"] == uid]
            blocked |= any(reference.get("blockOwnerDeletion") for reference in mine)
            if obj is not None and mine and "deletionTimestamp" not in obj["metadata"]:
                self._delete(dependent, FOREGROUND)
        if not blocked:
            rest = [word for word in owner["metadata"]["finalizers"] if word != FOREGROUND_FINALIZER]
            self._store.modify(key, lambda copy: {**copy, "metadata": {**copy["metadata"], "finalizers": rest}})
            if not rest:
                self._store.remove(key)

    def _exists(self, reference: Mapping[str, Any], namespace: str) -> bool:
        """Return whether the owner exists. Owners of kinds that this cluster does not know count as existing."""
        key = self._owner_key(reference, namespace)
        if key is None:
            return True
        owner = self._store.find(key)
        return owner is not None and owner["metadata"]["uid"] == reference["uid"]

    def _owner_key(self, reference: Mapping[str, Any], namespace: str) -> Key | None:
        """Return the key of an owner; None if its kind is unknown."""
        group = reference["apiVersion"].rpartition("/")[0]
        row = self._catalog.of_kind(group, reference["kind"])
        return None if row is None else Key(row.storage, namespace if row.namespaced else "", reference["name"])


def _waits(obj: JsonObject) -> bool:
    metadata = obj["metadata"]
    return "deletionTimestamp" in metadata and FOREGROUND_FINALIZER in (metadata.get("finalizers") or ())
