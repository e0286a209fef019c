"""The replacement of an object: what the body of a write means for it. Pure."""

from netpol_harness.emulator.apiserver import scale
from netpol_harness.emulator.apiserver.body import APPLY, sanitize
from netpol_harness.emulator.apiserver.decode import DecodedObject, decode
from netpol_harness.emulator.apiserver.errors import StatusError, bad_request, conflict, unsupported_media_type
from netpol_harness.emulator.apiserver.patch import json_patch, merge_patch
from netpol_harness.emulator.apiserver.request import FieldValidation, RequestOptions, RequestTarget
from netpol_harness.emulator.apiserver.resources import ServedResource, without
from netpol_harness.emulator.apiserver.strategic import strategic_merge
from netpol_harness.model.json_object import JsonObject

_PATCHES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    APPLY,
)
_EPHEMERAL = "ephemeralContainers"


def decode_body(resource: ServedResource, body: object, options: RequestOptions) -> tuple[JsonObject, tuple[str, ...]]:
    """Decode the body by the schema. Return warnings about fields that the schema does not know.

    Raises StatusError 400.
    """
    if not isinstance(body, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {resource.kind})")
    api_version, kind = body.get("apiVersion") or resource.api_version, body.get("kind") or resource.kind
    if (api_version, kind) != (resource.api_version, resource.kind):
        raise bad_request(
            f"the API version in the data ({api_version}, Kind={kind}) does not match the expected API version "
            f"({resource.api_version}, Kind={resource.kind})"
        )
    try:
        decoded = decode_as(resource, body)
    except StatusError as refusal:
        raise bad_request(f"{_handled_as(resource)}: {refusal.message}") from refusal
    if not decoded.unknown or options.field_validation is FieldValidation.IGNORE:
        return decoded.object, ()
    if options.field_validation is FieldValidation.STRICT:
        raise bad_request(f"{_handled_as(resource)}: strict decoding error: {decoded.strict_message()}")
    return decoded.object, tuple(f'unknown field "{path}"' for path in decoded.unknown)


def decode_as(resource: ServedResource, value: JsonObject) -> DecodedObject:
    """Read an object of a kind. Raises StatusError 400 for a wrong type."""
    return resource.custom.decode(value) if resource.custom else decode(resource.definition, value)


def _handled_as(resource: ServedResource) -> str:
    return f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}'


def set_namespace(target: RequestTarget, obj: JsonObject) -> None:
    """Set a new object's namespace to that of the path. Raises StatusError 400 for another one."""
    metadata = obj.setdefault("metadata", {})
    if target.resource.namespaced:
        if metadata.get("namespace", target.namespace) != target.namespace:
            raise _wrong_namespace()
        metadata["namespace"] = target.namespace


def check_identity(target: RequestTarget, obj: JsonObject, stored: JsonObject | None) -> None:
    """Refuse a body about another object than the path, and fill in what it omits. Raises StatusError 400, 409."""
    metadata = obj.setdefault("metadata", {})
    if metadata.get("name", target.name) != target.name:
        words = f"the name of the object ({metadata['name']}) does not match the name on the URL ({target.name})"
        raise bad_request(words)
    if metadata.get("namespace", target.namespace) != target.namespace:
        raise _wrong_namespace()
    uid = "" if stored is None else stored["metadata"]["uid"]
    if metadata.get("uid", uid) != uid:
        why = f"Precondition failed: UID in precondition: {metadata['uid']}, UID in object meta: {uid}"
        raise conflict(target.resource.plural_subject(target.name), why)
    metadata.update({"name": target.name} | ({"namespace": target.namespace} if target.namespace else {}))


def _wrong_namespace() -> StatusError:
    return bad_request("the namespace of the provided object does not match the namespace sent on the request")


def apply_patch(target: RequestTarget, content_type: str, current: JsonObject, body: object) -> object:
    """Return the current object, or its scale, with a patch of this media type. Raises StatusError."""
    match content_type:
        case "application/json-patch+json":
            return sanitize(json_patch(current, body))
        case "application/merge-patch+json":
            return merge_patch(current, body)
        case "application/strategic-merge-patch+json" if not target.resource.custom or target.subresource == "scale":
            definition = scale.DEFINITION if target.subresource == "scale" else target.resource.definition
            return strategic_merge(definition, current, body)
        case _:
            raise unsupported_media_type(_PATCHES)


def with_ephemeral_containers(stored: JsonObject, written: JsonObject) -> JsonObject:
    """Return the stored pod with the written ephemeral containers and the version that the writer sent."""
    metadata = {**stored["metadata"], "resourceVersion": written["metadata"].get("resourceVersion", "")}
    containers = written.get("spec", {}).get(_EPHEMERAL)
    part = {_EPHEMERAL: containers} if containers else {}
    return {**stored, "metadata": metadata, "spec": {**without(stored["spec"], _EPHEMERAL), **part}}


def with_part(stored: JsonObject, written: JsonObject, field: str) -> JsonObject:
    """Return the stored object with one part, which is never absent, and the version that the writer sent."""
    metadata = {**stored["metadata"], "resourceVersion": written["metadata"].get("resourceVersion", "")}
    return {**without(stored, field), "metadata": metadata, field: written.get(field, {})}
