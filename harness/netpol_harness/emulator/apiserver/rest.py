"""The verbs on stored objects: from a parsed request to the store and back, without HTTP.

Every write takes the same steps: decode the body by the schema, admit it (defaults, allocation, validation), and commit
it unless it is a dry run.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from netpol_harness.emulator.apiserver import scale
from netpol_harness.emulator.apiserver.admission import admit
from netpol_harness.emulator.apiserver.body import APPLY, sanitize
from netpol_harness.emulator.apiserver.decode import decode
from netpol_harness.emulator.apiserver.errors import (
    ErrorSubject,
    StatusError,
    bad_request,
    conflict,
    forbidden,
    method_not_allowed,
    not_supported,
    object_not_found,
    required,
    unprocessable,
    unsupported_media_type,
)
from netpol_harness.emulator.apiserver.field_managers.ownership import (
    FieldManager,
    Operation,
    apply_configuration,
    track_update,
)
from netpol_harness.emulator.apiserver.lifecycle import Lifecycle
from netpol_harness.emulator.apiserver.patch import json_patch, merge_patch
from netpol_harness.emulator.apiserver.request import PATCH_OPTIONS, FieldValidation, RequestOptions, RequestTarget
from netpol_harness.emulator.apiserver.resources import ServedResource, with_type_meta, without
from netpol_harness.emulator.apiserver.schema import SchemaForm, Type
from netpol_harness.emulator.apiserver.strategic import strategic_merge
from netpol_harness.emulator.apiserver.validation import check_part
from netpol_harness.emulator.store import AlreadyExists, Key, Store
from netpol_harness.model.json_object import JsonObject

_PATCHES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    APPLY,
)
_OWN_FIELD = {"status": "status", "finalize": "spec"}
"""The part of an object that a write to a subresource changes."""
_EPHEMERAL = "ephemeralContainers"
_DELETE_OPTIONS = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"
_PROPAGATION = ("Background", "Foreground", "Orphan")


@dataclass(frozen=True, slots=True)
class WriteResult:
    """The answer to a write: the object, the warnings for the client, and whether it is new."""

    object: JsonObject
    warnings: tuple[str, ...] = ()
    created: bool = False


class RestVerbs:
    """get, list, create, update, patch, delete and deletecollection. All raise StatusError or StoreError."""

    def __init__(self, store: Store, lifecycle: Lifecycle) -> None:
        self._store = store
        self._lifecycle = lifecycle

    def get(self, target: RequestTarget) -> JsonObject:
        """Return one object, or its scale."""
        obj = self._store.get(_key(target))
        return scale.from_workload(obj) if target.subresource == "scale" else obj

    def list(self, target: RequestTarget, options: RequestOptions) -> Sequence[JsonObject]:
        """Return the objects of a collection that match the selectors."""
        return [obj for obj in self._store.list(target.resource.plural, target.namespace) if options.matches(obj)]

    def create(self, target: RequestTarget, body: object, options: RequestOptions) -> WriteResult:
        """Create an object."""
        obj, warnings = _decode_body(target.resource, body, options)
        _set_namespace(target, obj)
        admitted = admit(self._store, target.resource.plural, obj)
        admitted = track_update(_type(target), None, admitted, _field_manager(target, options), self._store.timestamp())
        return WriteResult(self._create(target, admitted, options), warnings, created=True)

    def _create(self, target: RequestTarget, admitted: JsonObject, options: RequestOptions) -> JsonObject:
        if not options.dry_run:
            admitted = self._store.create(target.resource.plural, admitted)
        elif self._store.find(Key.of(target.resource.plural, admitted)):
            raise AlreadyExists(Key.of(target.resource.plural, admitted))
        return admitted

    def update(self, target: RequestTarget, body: object, options: RequestOptions) -> WriteResult:
        """Replace an object, or the part of its subresource."""
        return self._replace(target, self._store.get(_key(target)), body, options)

    def patch(self, target: RequestTarget, content_type: str, body: object, options: RequestOptions) -> WriteResult:
        """Change an object, or the part of its subresource, by a patch of this media type."""
        if content_type == APPLY and target.subresource != "scale":
            return self._apply(target, body, options)
        if options.force is not None:
            raise unprocessable(PATCH_OPTIONS, [forbidden("force", "may not be specified for non-apply patch")])
        stored = self._store.get(_key(target))
        current = (
            scale.from_workload(stored) if target.subresource == "scale" else with_type_meta(target.resource, stored)
        )
        return self._replace(target, stored, _patched(target, content_type, current, body), options)

    def delete(self, target: RequestTarget, body: object, options: RequestOptions) -> JsonObject:
        """Start the deletion of an object. ``deletion_response`` decides the form of the answer."""
        key = _key(target)
        deleted = self._lifecycle.delete(key, _deletion(body, options), dry_run=options.dry_run)
        return deletion_response(target.resource, deleted)

    def delete_collection(self, target: RequestTarget, body: object, options: RequestOptions) -> Sequence[JsonObject]:
        """Start the deletion of all matching objects, and return them."""
        if not target.resource.namespaced:
            raise method_not_allowed()
        matching, deletion = self.list(target, options), _deletion(body, options)
        for obj in matching:
            self._lifecycle.delete(Key.of(target.resource.plural, obj), deletion, dry_run=options.dry_run)
        return matching

    def _replace(self, target: RequestTarget, stored: JsonObject, body: object, options: RequestOptions) -> WriteResult:
        warnings: tuple[str, ...] = ()
        if target.subresource == "scale":
            replacement = scale.apply_scale(stored, body)
        else:
            replacement, warnings = _decode_body(target.resource, body, options)
            _check_identity(target, replacement, stored)
        admitted = self._admit(target, replacement, stored)
        admitted = track_update(
            _type(target), stored, admitted, _field_manager(target, options), self._store.timestamp()
        )
        return WriteResult(self._commit(target, admitted, stored, options), warnings)

    def _admit(self, target: RequestTarget, replacement: JsonObject, stored: JsonObject) -> JsonObject:
        """Return the object to store for a replacement that was written via the target's subresource."""
        if target.subresource in _OWN_FIELD:
            part = _OWN_FIELD[target.subresource]
            written = _with_part(stored, replacement, part)
            causes = check_part(target.resource, written, part)
            if causes:
                raise unprocessable(target.resource.kind_subject(target.name), causes)
            return written
        if target.subresource == _EPHEMERAL.lower():
            extended = _with_ephemeral(stored, replacement)
            return admit(self._store, target.resource.plural, extended, stored, target.subresource)
        return admit(self._store, target.resource.plural, replacement, stored)

    def _apply(self, target: RequestTarget, body: object, options: RequestOptions) -> WriteResult:
        """Server-side apply: create the object, or merge the configuration into it."""
        config, warnings = _decode_body(target.resource, body, options)
        _check_application(config, options)
        stored = self._store.find(_key(target))
        if stored is None and target.subresource:
            raise object_not_found(target.resource.plural_subject(target.name))
        _check_identity(target, config, stored)
        live = {} if stored is None else with_type_meta(target.resource, stored)
        author, now = _field_manager(target, options, Operation.APPLY), self._store.timestamp()
        application = apply_configuration(_type(target), live, config, author, now, force=bool(options.force))
        result = decode(target.resource.definition, application.object).object
        if stored is None:
            admitted = application.with_owners(admit(self._store, target.resource.plural, result))
            return WriteResult(self._create(target, admitted, options), warnings, created=True)
        admitted = application.with_owners(self._admit(target, result, stored))
        return WriteResult(self._commit(target, admitted, stored, options), warnings)

    def _commit(
        self, target: RequestTarget, admitted: JsonObject, stored: JsonObject, options: RequestOptions
    ) -> JsonObject:
        version = admitted["metadata"].get("resourceVersion", "")
        if version not in ("", stored["metadata"]["resourceVersion"]):
            raise conflict(target.resource.plural_subject(target.name))
        if options.dry_run:
            return admitted
        updated = self._store.update(target.resource.plural, admitted)
        self._lifecycle.finish(_key(target))
        return updated


def deletion_response(resource: ServedResource, deleted: JsonObject) -> JsonObject:
    """Return the answer to a DELETE: the object if it is deleted gracefully, otherwise a Status."""
    if resource.plural in ("pods", "namespaces"):
        return deleted
    subject = resource.plural_subject(deleted["metadata"]["name"])
    group = {"group": subject.group} if subject.group else {}
    details = {"name": subject.name, **group, "kind": subject.kind, "uid": deleted["metadata"]["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def _deletion(body: object, options: RequestOptions) -> JsonObject:
    """Return the ``metav1.DeleteOptions`` of the body, or of the query without a body."""
    written = decode(_DELETE_OPTIONS, options.deletion if body is None else body).object
    policy = written.get("propagationPolicy", _PROPAGATION[0])
    if policy not in _PROPAGATION:
        subject = ErrorSubject("meta.k8s.io", "DeleteOptions", "")
        raise unprocessable(subject, [not_supported("propagationPolicy", policy, _PROPAGATION)])
    return written


def _key(target: RequestTarget) -> Key:
    return Key(target.resource.plural, target.namespace, target.name)


def _type(target: RequestTarget) -> Type:
    return Type(SchemaForm.RECORD, definition=target.resource.definition)


def _field_manager(
    target: RequestTarget, options: RequestOptions, operation: Operation = Operation.UPDATE
) -> FieldManager:
    return FieldManager(options.author, operation, target.resource.api_version, target.subresource)


def _check_application(config: JsonObject, options: RequestOptions) -> None:
    if not options.manager:
        raise unprocessable(PATCH_OPTIONS, [required("fieldManager", "is required for apply patch")])
    if config.get("metadata", {}).get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")


def _decode_body(resource: ServedResource, body: object, options: RequestOptions) -> tuple[JsonObject, tuple[str, ...]]:
    """Decode the body by the schema. Return warnings about fields that the schema does not know."""
    if not isinstance(body, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {resource.kind})")
    api_version, kind = body.get("apiVersion") or resource.api_version, body.get("kind") or resource.kind
    if (api_version, kind) != (resource.api_version, resource.kind):
        raise bad_request(
            f"the API version in the data ({api_version}, Kind={kind}) does not match the expected API version "
            f"({resource.api_version}, Kind={resource.kind})"
        )
    try:
        decoded = decode(resource.definition, body)
    except StatusError as refusal:
        raise bad_request(f"{_handled_as(resource)}: {refusal.message}") from refusal
    if not decoded.unknown or options.field_validation is FieldValidation.IGNORE:
        return decoded.object, ()
    if options.field_validation is FieldValidation.STRICT:
        raise bad_request(f"{_handled_as(resource)}: strict decoding error: {decoded.strict_message()}")
    return decoded.object, tuple(f'unknown field "{path}"' for path in decoded.unknown)


def _handled_as(resource: ServedResource) -> str:
    return f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}'


def _set_namespace(target: RequestTarget, obj: JsonObject) -> None:
    """Set a new object's namespace to that of the path."""
    metadata = obj.setdefault("metadata", {})
    if target.resource.namespaced:
        if metadata.get("namespace", target.namespace) != target.namespace:
            raise _wrong_namespace()
        metadata["namespace"] = target.namespace


def _check_identity(target: RequestTarget, obj: JsonObject, stored: JsonObject | None) -> None:
    """Refuse a body about another object than the path, and fill in what it omits."""
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


def _patched(target: RequestTarget, content_type: str, current: JsonObject, body: object) -> object:
    match content_type:
        case "application/json-patch+json":
            return sanitize(json_patch(current, body))
        case "application/merge-patch+json":
            return merge_patch(current, body)
        case "application/strategic-merge-patch+json":
            definition = scale.DEFINITION if target.subresource == "scale" else target.resource.definition
            return strategic_merge(definition, current, body)
        case _:
            raise unsupported_media_type(_PATCHES)


def _with_ephemeral(stored: JsonObject, written: JsonObject) -> JsonObject:
    """Return the stored pod with the written ephemeral containers and the version that the writer sent."""
    metadata = {**stored["metadata"], "resourceVersion": written["metadata"].get("resourceVersion", "")}
    containers = written.get("spec", {}).get(_EPHEMERAL)
    part = {_EPHEMERAL: containers} if containers else {}
    return {**stored, "metadata": metadata, "spec": {**without(stored["spec"], _EPHEMERAL), **part}}


def _with_part(stored: JsonObject, written: JsonObject, field: str) -> JsonObject:
    """Return the stored object with one part, which is never absent, and the version that the writer sent."""
    metadata = {**stored["metadata"], "resourceVersion": written["metadata"].get("resourceVersion", "")}
    return {**without(stored, field), "metadata": metadata, field: written.get(field, {})}
