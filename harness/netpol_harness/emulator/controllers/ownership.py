"""Owners and the owned: ``metadata.ownerReferences``, and the names and marks that controllers give. Pure."""

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from netpol_harness.emulator.store import Key
from netpol_harness.model.json_object import JsonMapping, JsonObject

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""Without vowels and what looks like them, so that no name spells a word."""


def controller_of(obj: JsonMapping) -> Mapping[str, Any] | None:
    """The reference to the owner that controls the object, if one does."""
    references = obj["metadata"].get("ownerReferences") or ()
    return next((reference for reference in references if reference.get("controller")), None)


def controls(owner: JsonMapping, obj: JsonMapping) -> bool:
    """Whether this owner, not just one of its name, controls the object."""
    reference = controller_of(obj)
    return reference is not None and reference["uid"] == owner["metadata"]["uid"]


def controlled_by(obj: JsonMapping, resource: str, kind: str) -> list[Key]:
    """The controlling owner of the object if it is of this kind."""
    reference = controller_of(obj)
    if reference is None or reference["kind"] != kind:
        return []
    return [Key(resource, obj["metadata"]["namespace"], reference["name"])]


def reference_to(owner: JsonMapping) -> JsonObject:
    """The ``ownerReferences`` entry that makes ``owner`` the controller."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def is_active(pod: JsonMapping) -> bool:
    """Whether the pod counts as a replica: not finished and not on its way out."""
    return "deletionTimestamp" not in pod["metadata"] and (pod.get("status") or {}).get("phase") not in (
        "Succeeded",
        "Failed",
    )


def fingerprint(value: object, length: int) -> str:
    """A short name for a JSON value, the same for equal values."""
    number = int.from_bytes(blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).digest())
    letters = []
    for _ in range(length):
        number, index = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[index])
    return "".join(letters)
