"""Deletion of objects: grace periods, finalizers, dependents, and namespaces that are deleted with their contents.

Invariant: a namespace with a deletionTimestamp accepts no new content (admission ensures it). It is removed when the
last object in it is removed.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from netpol_harness.emulator.apiserver.admission import admit
from netpol_harness.emulator.apiserver.catalog import Catalog
from netpol_harness.emulator.apiserver.errors import conflict
from netpol_harness.emulator.apiserver.resources import ServedResource
from netpol_harness.emulator.apiserver.runtime import PodRemover
from netpol_harness.emulator.store import Event, EventType, Key, Store
from netpol_harness.model.json_object import JsonObject

BACKGROUND, FOREGROUND, ORPHAN = "Background", "Foreground", "Orphan"
"""What becomes of an object's dependents (``metav1.DeletionPropagation``)."""
FOREGROUND_FINALIZER = "foregroundDeletion"
"""Finalizer of an object that waits until its dependents are gone."""
_OWNERS_FIRST = (
    "cronjobs",
    "deploymentconfigs",
    "deployments",
    "statefulsets",
    "daemonsets",
    "jobs",
    "replicasets",
    "replicationcontrollers",
)
"""Kinds that would make new pods while a namespace is emptied."""


class Lifecycle:
    """Deletes the objects of one store, and creates and deletes the contents of namespaces."""

    def __init__(self, store: Store, runtime: PodRemover, catalog: Catalog) -> None:
        self._store = store
        self._catalog = catalog
        self._runtime = runtime
        store.subscribe(self._on_event)
        for namespace in store.list("namespaces"):
            self._create_contents(namespace["metadata"]["name"])

    def delete(self, key: Key, options: Mapping[str, Any], *, dry_run: bool = False) -> JsonObject:
        """Start the deletion of an object and return its state then. ``options`` is a ``metav1.DeleteOptions``.

        Raises NotFound, and StatusError 409 if a precondition fails.
        """
        obj = self._store.get(key)
        self._check_preconditions(key, obj, options.get("preconditions", {}))
        if dry_run:
            return obj
        policy = _propagation(self._catalog.named(key.resource), options)
        if policy == ORPHAN:
            self._orphan(obj)
        match key.resource:
            case "pods":
                return self._delete_pod(key, obj, options.get("gracePeriodSeconds"))
            case "namespaces":
                return self._delete_namespace(key, obj)
            case _ if policy == FOREGROUND:
                return self._mark(key, self._store.modify(key, _with_foreground_finalizer), 0)
            case _ if obj["metadata"].get("finalizers"):
                return self._mark(key, obj, 0)
            case _:
                return self._store.remove(key)

    def delete_with_dependents(self, key: Key, policy: str = BACKGROUND) -> JsonObject:
        """Start the deletion of an object for a controller: its dependents are deleted too."""
        return self.delete(key, {"propagationPolicy": policy})

    def finish(self, key: Key) -> None:
        """Remove an object that waits for finalizers only, if none is left."""
        metadata = self._store.get(key)["metadata"]
        waits = metadata.get("finalizers") or key.resource in ("pods", "namespaces")
        if "deletionTimestamp" in metadata and not waits:
            self._store.remove(key)

    def _check_preconditions(self, key: Key, obj: JsonObject, preconditions: Mapping[str, str]) -> None:
        for field, word in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
            expected, actual = preconditions.get(field), obj["metadata"][field]
            if expected not in (None, actual):
                why = f"Precondition failed: {word} in precondition: {expected}, {word} in object meta: {actual}"
                raise conflict(self._catalog.subject(key), why)

    def _orphan(self, owner: JsonObject) -> None:
        """Remove the owner from its dependents' ownerReferences."""
        uid, namespace = owner["metadata"]["uid"], owner["metadata"].get("namespace", "")
        for row in self._catalog.stored:
            for dependent in self._store.list(row.storage, namespace if row.namespaced else ""):
                if any(reference["uid"] == uid for reference in dependent["metadata"].get("ownerReferences", ())):
                    self._store.modify(Key.of(row.storage, dependent), lambda copy: _without_owner(copy, uid))

    def _delete_pod(self, key: Key, pod: JsonObject, grace: int | None) -> JsonObject:
        seconds = pod["spec"].get("terminationGracePeriodSeconds", 0) if grace is None else grace
        if "deletionTimestamp" in pod["metadata"] and seconds > 0:
            return pod
        marked = self._mark(key, pod, seconds)
        self._runtime.delete_pod(key, seconds)
        return marked

    def _delete_namespace(self, key: Key, namespace: JsonObject) -> JsonObject:
        if "deletionTimestamp" in namespace["metadata"]:
            return namespace
        self._mark(key, namespace, 0)
        terminating = self._store.modify(
            key, lambda copy: {**copy, "status": {**copy["status"], "phase": "Terminating"}}
        )
        self._delete_contents(key.name)
        return terminating

    def _mark(self, key: Key, obj: JsonObject, grace: int) -> JsonObject:
        deletion = {"deletionTimestamp": self._store.timestamp(), "deletionGracePeriodSeconds": grace}
        return self._store.modify(key, lambda copy: {**copy, "metadata": {**copy["metadata"], **deletion}})

    def _on_event(self, event: Event) -> None:
        """After each commit: create a new namespace's contents, and remove a deleted namespace that has
        become empty.
        """
        if event.key.resource == "namespaces":
            if event.type is EventType.ADDED:
                self._create_contents(event.key.name)
            return
        if event.type is EventType.DELETED and event.key.namespace:
            namespace = self._store.find(Key("namespaces", "", event.key.namespace))
            if namespace and "deletionTimestamp" in namespace["metadata"]:
                self._remove_if_empty(event.key.namespace)

    def _create_contents(self, namespace: str) -> None:
        authority = {"data": {"ca.crt": ""}}
        for plural, name, rest in (("serviceaccounts", "default", {}), ("configmaps", "kube-root-ca.crt", authority)):
            if self._store.find(Key(plural, namespace, name)) is None:
                obj = {"metadata": {"name": name, "namespace": namespace}, **rest}
                self._store.create(plural, admit(self._store, plural, obj))

    def _delete_contents(self, namespace: str) -> None:
        for storage in self._content_kinds():
            for obj in self._store.list(storage, namespace):
                self.delete_with_dependents(Key.of(storage, obj))
        self._remove_if_empty(namespace)

    def _remove_if_empty(self, namespace: str) -> None:
        key = Key("namespaces", "", namespace)
        if self._store.find(key) and not any(self._store.list(kind, namespace) for kind in self._content_kinds()):
            self._store.remove(key)

    def _content_kinds(self) -> Iterable[str]:
        """Return the kinds that a namespace may contain."""
        namespaced = (row.storage for row in self._catalog.stored if row.namespaced)
        return dict.fromkeys((*_OWNERS_FIRST, *namespaced))


def _propagation(row: ServedResource, options: Mapping[str, Any]) -> str:
    """Return what becomes of the dependents; the default depends on the kind."""
    if options.get("orphanDependents"):
        return ORPHAN
    default = ORPHAN if row.orphans and "orphanDependents" not in options else BACKGROUND
    return str(options.get("propagationPolicy") or default)


def _with_foreground_finalizer(obj: JsonObject) -> JsonObject:
    finalizers = obj["metadata"].get("finalizers") or []
    obj["metadata"]["finalizers"] = [*finalizers, *({FOREGROUND_FINALIZER} - set(finalizers))]
    return obj


def _without_owner(obj: JsonObject, uid: str) -> JsonObject:
    metadata = obj["metadata"]
    metadata["ownerReferences"] = [reference for reference in metadata["ownerReferences"] if reference["uid"] != uid]
    return obj
