"""Garbage collection: an object is deleted when all its owners are gone (background deletion).

Implements the contract of ``metadata.ownerReferences``. Orphaning removes the reference before the owner is deleted.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from netpol_harness.emulator.apiserver.resources import RESOURCES
from netpol_harness.emulator.store import Event, EventType, Key, Store

_PLURALS = {resource.kind: resource.plural for resource in RESOURCES}
_NAMESPACED = {resource.plural: resource.namespaced for resource in RESOURCES}


class GarbageCollector:
    """Deletes dependents whose owners no longer exist."""

    resources = tuple(resource.plural for resource in RESOURCES if resource.plural != "events")

    def __init__(self, store: Store, delete: Callable[[Key], object]) -> None:
        self._store = store
        self._delete = delete
        self._dependents: dict[str, set[Key]] = {}

    def affected_keys(self, event: Event) -> Iterator[Key]:
        """Yield the object itself if it has owners, and the dependents of a deleted object."""
        for reference in event.object["metadata"].get("ownerReferences") or ():
            self._dependents.setdefault(reference["uid"], set()).add(event.key)
            yield event.key
        if event.type is EventType.DELETED:
            yield from self._dependents.pop(event.object["metadata"]["uid"], ())

    def reconcile(self, key: Key) -> None:
        obj = self._store.find(key)
        if obj is None or "deletionTimestamp" in obj["metadata"]:
            return
        references = obj["metadata"].get("ownerReferences") or ()
        if references and not any(self._exists(reference, key.namespace) for reference in references):
            self._delete(key)

    def _exists(self, reference: Mapping[str, Any], namespace: str) -> bool:
        """Return whether the owner exists. Owners of kinds that this cluster does not know count as existing."""
        plural = _PLURALS.get(reference["kind"])
        if plural is None:
            return True
        owner = self._store.find(Key(plural, namespace if _NAMESPACED[plural] else "", reference["name"]))
        return owner is not None and owner["metadata"]["uid"] == reference["uid"]
