"""Admission: identity, defaults, allocation and validation of an object between a request and the store.

The HTTP server and the cluster's controllers both use it, so a pod that a ReplicaSet creates equals one that a user
creates.
"""

import random
from collections.abc import Mapping
from typing import Any

from netpol_harness.emulator.apiserver import allocation, job_identity, validation
from netpol_harness.emulator.apiserver.built_in_kinds import BY_PLURAL
from netpol_harness.emulator.apiserver.defaults import apply_defaults
from netpol_harness.emulator.apiserver.errors import (
    Cause,
    bad_request,
    forbidden_request,
    object_not_found,
    required,
    unprocessable,
)
from netpol_harness.emulator.apiserver.resources import ServedResource, with_type_meta, without
from netpol_harness.emulator.store import Key, Store, clone
from netpol_harness.model.json_object import JsonObject

_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX_LENGTH = 5
_SERVER_OWNED = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")


def admit(
    store: Store,
    resource: str,
    obj: Mapping[str, Any],
    previous: Mapping[str, Any] | None = None,
    subresource: str = "",
) -> JsonObject:
    """Return an object of a built-in kind as it may be stored. See ``admit_as``."""
    return admit_as(store, BY_PLURAL[resource], obj, previous, subresource)


def admit_as(
    store: Store,
    row: ServedResource,
    obj: Mapping[str, Any],
    previous: Mapping[str, Any] | None = None,
    subresource: str = "",
) -> JsonObject:
    """Return the object as it may be stored: as a new one, or as the successor of ``previous``, written via
    ``subresource``.

    ``obj`` has the schema's shape (see ``decode``) and is not changed. Raises StatusError: 400, 403 (the namespace is
    being deleted), 404 (no such namespace), 422 with all causes.
    """
    before = None if previous is None else dict(previous)
    admitted = with_type_meta(row, clone(dict(obj)))
    admitted.setdefault("metadata", {})
    if before is None:
        _check_namespace(store, row, admitted)
        _prepare_new(row, admitted)
        if row.storage == "jobs":
            job_identity.assign(admitted, store.new_uid())
    else:
        _prepare_update(row, admitted, before)
    if not admitted["metadata"].get("name"):
        raise unprocessable(row.kind_subject(""), [required("metadata.name", "name or generateName is required")])
    if row.custom:
        row.custom.apply_defaults(admitted)
    else:
        apply_defaults(row.plural, admitted)
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
        raise object_not_found(BY_PLURAL["namespaces"].plural_subject(name))
    if "deletionTimestamp" in namespace["metadata"]:
        why = f"unable to create new content in namespace {name} because it is being terminated"
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {name} is being terminated",
            "field": "metadata.namespace",
        }
        raise forbidden_request(row.plural_subject(obj["metadata"].get("name", "")), why, [cause])


def _prepare_new(row: ServedResource, obj: JsonObject) -> None:
    """Prepare a new object: generate its name, and drop all fields that only the server may set."""
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


def _prepare_update(row: ServedResource, obj: JsonObject, previous: JsonObject) -> None:
    """Prepare an update: the object keeps its identity, and its status if that has a subresource."""
    metadata = obj["metadata"]
    for name in _SERVER_OWNED:
        metadata.pop(name, None)
        if name in previous["metadata"]:
            metadata[name] = previous["metadata"][name]
    if row.has_status:
        obj.pop("status", None)
        obj.update({"status": clone(previous["status"])} if "status" in previous else {})


def _allocate(store: Store, row: ServedResource, obj: JsonObject, previous: JsonObject | None) -> list[Cause]:
    return allocation.allocate(store, obj, previous) if row.storage == "services" else []


def _count_generation(row: ServedResource, obj: JsonObject, previous: JsonObject | None) -> None:
    """Increase metadata.generation if anything except metadata and status changes."""
    if not row.counts_generation:
        return
    if previous is None:
        obj["metadata"]["generation"] = 1
    elif without(obj, "metadata", "status") != without(previous, "metadata", "status"):
        obj["metadata"]["generation"] = previous["metadata"].get("generation", 0) + 1
