"""What happens to an object between a request and the store: identity, defaults, allocation, validation.

Used by the HTTP face and by the cluster's own controllers alike, so that a pod made by a ReplicaSet is what a
pod made by a user is.
"""

import random
from collections.abc import Mapping
from typing import Any

from netpol_harness.emulator.apiserver import allocation, validation
from netpol_harness.emulator.apiserver.defaults import apply_defaults
from netpol_harness.emulator.apiserver.errors import Cause, bad_request, missing, refused, required, unprocessable
from netpol_harness.emulator.apiserver.resources import BY_PLURAL, ServedResource, identified, without
from netpol_harness.emulator.store import Key, Store, clone
from netpol_harness.model.json_object import JsonObject

_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX_LENGTH = 5
_WITH_GENERATION = ("deployments", "replicasets", "pods", "networkpolicies", "endpointslices")
_SERVER_OWNED = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")


def admit(
    store: Store,
    resource: str,
    obj: Mapping[str, Any],
    previous: Mapping[str, Any] | None = None,
    subresource: str = "",
) -> JsonObject:
    """The object as it may be stored: as a new one, or as the successor of `previous`, written through `subresource`.

    `obj` has the schema's shape (see `decode`) and is not changed. Raises StatusError: 400, 403 (namespace is
    going away), 404 (no such namespace), 422 with all causes.
    """
    row = BY_PLURAL[resource]
    before = None if previous is None else dict(previous)
    admitted = identified(row, clone(dict(obj)))
    admitted.setdefault("metadata", {})
    if before is None:
        _check_namespace(store, row, admitted)
        _begin(row, admitted)
    else:
        _continue(row, admitted, before)
    if not admitted["metadata"].get("name"):
        raise unprocessable(row.kind_subject(""), [required("metadata.name", "name or generateName is required")])
    apply_defaults(resource, admitted)
    causes = _allocate(store, row, admitted, before)
    causes += validation.check(row, admitted, before, subresource)
    if causes:
        raise unprocessable(row.kind_subject(admitted["metadata"].get("name", "")), causes)
    _count_generation(row, admitted, before)
    return admitted


def _check_namespace(store: Store, row: ServedResource, obj: JsonObject) -> None:
    if not row.namespaced:
        return
    name = obj["metadata"].get("namespace", "")
    namespace = store.find(Key("namespaces", "", name))
    if namespace is None:
        raise missing(BY_PLURAL["namespaces"].plural_subject(name))
    if "deletionTimestamp" in namespace["metadata"]:
        why = f"unable to create new content in namespace {name} because it is being terminated"
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {name} is being terminated",
            "field": "metadata.namespace",
        }
        raise refused(row.plural_subject(obj["metadata"].get("name", "")), why, [cause])


def _begin(row: ServedResource, obj: JsonObject) -> None:
    """A new object: its name, and nothing of what only the server may say."""
    metadata = obj["metadata"]
    if metadata.get("resourceVersion"):
        raise bad_request("resourceVersion should not be set on objects to be created")
    for name in (*_SERVER_OWNED, "resourceVersion"):
        metadata.pop(name, None)
    if not row.namespaced:
        metadata.pop("namespace", None)
    prefix = metadata.get("generateName", "")
    if not metadata.get("name") and prefix:
        suffix = "".join(random.choices(_SUFFIX_LETTERS, k=_SUFFIX_LENGTH))
        metadata["name"] = prefix[: 63 - _SUFFIX_LENGTH] + suffix
    if row.has_status:
        obj.pop("status", None)


def _continue(row: ServedResource, obj: JsonObject, previous: JsonObject) -> None:
    """A changed object keeps its identity, and its status where that has a subresource of its own."""
    metadata = obj["metadata"]
    for name in _SERVER_OWNED:
        metadata.pop(name, None)
        if name in previous["metadata"]:
            metadata[name] = previous["metadata"][name]
    if row.has_status:
        obj.pop("status", None)
        obj.update({"status": clone(previous["status"])} if "status" in previous else {})


def _allocate(store: Store, row: ServedResource, obj: JsonObject, previous: JsonObject | None) -> list[Cause]:
    return allocation.allocate(store, obj, previous) if row.plural == "services" else []


def _count_generation(row: ServedResource, obj: JsonObject, previous: JsonObject | None) -> None:
    """metadata.generation grows when anything but metadata and status changes."""
    if row.plural not in _WITH_GENERATION:
        return
    if previous is None:
        obj["metadata"]["generation"] = 1
    elif without(obj, "metadata", "status") != without(previous, "metadata", "status"):
        obj["metadata"]["generation"] = previous["metadata"].get("generation", 0) + 1
