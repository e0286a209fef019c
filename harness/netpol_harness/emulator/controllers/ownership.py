"""Owners and dependents (``metadata.ownerReferences``), and the names that controllers generate. Pure."""

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from netpol_harness.emulator.store import Key
from netpol_harness.model.json_object import JsonMapping, JsonObject

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""No vowels and no characters that look like them, so that no name spells a word."""


def controller_of(obj: JsonMapping) -> Mapping[str, Any] | None:
    """Return the reference to the owner that controls the object, or None."""
    references = obj["metadata"].get("ownerReferences") or ()
    return next((reference for reference in references if reference.get("controller")), None)


def controls(owner: JsonMapping, obj: JsonMapping) -> bool:
    """Return whether this very owner, not only one with its name, controls the object."""
    reference = controller_of(obj)
    return reference is not None and reference["uid"] == owner["metadata"]["uid"]


def controller_keys(obj: JsonMapping, resource: str, kind: str) -> list[Key]:
    """Return the key of the owner that controls the object, if it is of this kind."""
    reference = controller_of(obj)
    if reference is None or reference["kind"] != kind:
        return []
    return [Key(resource, obj["metadata"]["namespace"], reference["name"])]


def owner_reference(owner: JsonMapping) -> JsonObject:
    """Return the ``ownerReferences`` entry that makes ``owner`` the controller."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def is_active(pod: JsonMapping) -> bool:
    """Return whether the pod counts as a replica: it has not finished and is not being deleted."""
    return "deletionTimestamp" not in pod["metadata"] and (pod.get("status") or {}).get("phase") not in (
        "Succeeded",
        "Failed",
    )


def fingerprint(value: object, length: int) -> str:
    """Return a short name for a JSON value, the same for equal values."""
    number = int.from_bytes(blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).digest())
    letters = []
    for _ in range(length):
        number, index = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[index])
    return "".join(letters)
