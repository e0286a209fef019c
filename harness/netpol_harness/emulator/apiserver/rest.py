"""The verbs on stored objects: from a parsed request to the store and back, without HTTP.

Every write goes the same way: read the body by the schema, admit it (defaults, allocation, validation),
commit it unless it is a dry run.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from netpol_harness.emulator.apiserver import scale
from netpol_harness.emulator.apiserver.admission import admit
from netpol_harness.emulator.apiserver.body import APPLY, sound
from netpol_harness.emulator.apiserver.decode import decode
from netpol_harness.emulator.apiserver.errors import (
    ErrorSubject,
    StatusError,
    bad_request,
    conflict,
    forbidden,
    media_type_refused,
    missing,
    no_such_method,
    not_supported,
    required,
    unprocessable,
)
from netpol_harness.emulator.apiserver.lifecycle import Lifecycle
from netpol_harness.emulator.apiserver.managed.managers import Manager, Operation, applied, tracked
from netpol_harness.emulator.apiserver.patch import json_patch, merge_patch
from netpol_harness.emulator.apiserver.request import PATCH_OPTIONS, FieldValidation, RequestOptions, RequestTarget
from netpol_harness.emulator.apiserver.resources import ServedResource, identified, without
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
"""The part of an object that writes to a subresource change."""
_EPHEMERAL = "ephemeralContainers"
_DELETE_OPTIONS = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"
_PROPAGATION = ("Background", "Foreground", "Orphan")


@dataclass(frozen=True, slots=True)
class Written:
    """The answer to a write: the object, the warnings for the client, and whether it is new."""

    object: JsonObject
    warnings: tuple[str, ...] = ()
    created: bool = False


class Rest:
    """get, list, create, update, patch, delete and deletecollection. All raise StatusError or StoreError."""

    def __init__(self, store: Store, lifecycle: Lifecycle) -> None:
        self._store = store
        self._lifecycle = lifecycle

    def get(self, target: RequestTarget) -> JsonObject:
        """One object, or its scale."""
        obj = self._store.get(_key(target))
        return scale.of(obj) if target.subresource == "scale" else obj

    def list(self, target: RequestTarget, options: RequestOptions) -> Sequence[JsonObject]:
        """The objects of a collection that match the selectors."""
        return [obj for obj in self._store.list(target.resource.plural, target.namespace) if options.matches(obj)]

    def create(self, target: RequestTarget, body: object, options: RequestOptions) -> Written:
        """Make a new object."""
        obj, warnings = _read(target.resource, body, options)
        _place(target, obj)
        admitted = admit(self._store, target.resource.plural, obj)
        admitted = tracked(_type(target), None, admitted, _author(target, options), self._store.timestamp())
        return Written(self._create(target, admitted, options), warnings, created=True)

    def _create(self, target: RequestTarget, admitted: JsonObject, options: RequestOptions) -> JsonObject:
        if not options.dry_run:
            admitted = self._store.create(target.resource.plural, admitted)
        elif self._store.find(Key.of(target.resource.plural, admitted)):
            raise AlreadyExists(Key.of(target.resource.plural, admitted))
        return admitted

    def update(self, target: RequestTarget, body: object, options: RequestOptions) -> Written:
        """Replace an object, or what its subresource is about."""
        return self._replace(target, self._store.get(_key(target)), body, options)

    def patch(self, target: RequestTarget, content_type: str, body: object, options: RequestOptions) -> Written:
        """Change an object, or what its subresource is about, by a patch of this media type."""
        if content_type == APPLY and target.subresource != "scale":
            return self._apply(target, body, options)
        if options.force is not None:
            raise unprocessable(PATCH_OPTIONS, [forbidden("force", "may not be specified for non-apply patch")])
        stored = self._store.get(_key(target))
        current = scale.of(stored) if target.subresource == "scale" else identified(target.resource, stored)
        return self._replace(target, stored, _patched(target, content_type, current, body), options)

    def delete(self, target: RequestTarget, body: object, options: RequestOptions) -> JsonObject:
        """Begin the end of an object; the answer's form is `deletion_answer`'s."""
        key = _key(target)
        deleted = self._lifecycle.delete(key, _deletion(body, options), dry_run=options.dry_run)
        return deletion_answer(target.resource, deleted)

    def delete_collection(self, target: RequestTarget, body: object, options: RequestOptions) -> Sequence[JsonObject]:
        """Begin the end of all objects that match, and return them."""
        if not target.resource.namespaced:
            raise no_such_method()
        matching, deletion = self.list(target, options), _deletion(body, options)
        for obj in matching:
            self._lifecycle.delete(Key.of(target.resource.plural, obj), deletion, dry_run=options.dry_run)
        return matching

    def _replace(self, target: RequestTarget, stored: JsonObject, body: object, options: RequestOptions) -> Written:
        warnings: tuple[str, ...] = ()
        if target.subresource == "scale":
            replacement = scale.applied(stored, body)
        else:
            replacement, warnings = _read(target.resource, body, options)
            _check_identity(target, replacement, stored)
        admitted = self._admit(target, replacement, stored)
        admitted = tracked(_type(target), stored, admitted, _author(target, options), self._store.timestamp())
        return Written(self._commit(target, admitted, stored, options), warnings)

    def _admit(self, target: RequestTarget, replacement: JsonObject, stored: JsonObject) -> JsonObject:
        """What may be stored of a replacement that came by way of the target's subresource."""
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

    def _apply(self, target: RequestTarget, body: object, options: RequestOptions) -> Written:
        """Server-side apply: make the object, or put the configuration into it."""
        config, warnings = _read(target.resource, body, options)
        _check_application(config, options)
        stored = self._store.find(_key(target))
        if stored is None and target.subresource:
            raise missing(target.resource.plural_subject(target.name))
        _check_identity(target, config, stored)
        live = {} if stored is None else identified(target.resource, stored)
        author, now = _author(target, options, Operation.APPLY), self._store.timestamp()
        application = applied(_type(target), live, config, author, now, force=bool(options.force))
        result = decode(target.resource.definition, application.object).object
        if stored is None:
            admitted = application.admitted(admit(self._store, target.resource.plural, result))
            return Written(self._create(target, admitted, options), warnings, created=True)
        admitted = application.admitted(self._admit(target, result, stored))
        return Written(self._commit(target, admitted, stored, options), warnings)

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


def deletion_answer(resource: ServedResource, deleted: JsonObject) -> JsonObject:
    """What a DELETE answers: things that end gracefully show themselves, others a Status."""
    if resource.plural in ("pods", "namespaces"):
        return deleted
    subject = resource.plural_subject(deleted["metadata"]["name"])
    group = {"group": subject.group} if subject.group else {}
    details = {"name": subject.name, **group, "kind": subject.kind, "uid": deleted["metadata"]["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def _deletion(body: object, options: RequestOptions) -> JsonObject:
    """The `metav1.DeleteOptions` of a body, or of the query where there is none."""
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


def _author(target: RequestTarget, options: RequestOptions, operation: Operation = Operation.UPDATE) -> Manager:
    return Manager(options.author, operation, target.resource.api_version, target.subresource)


def _check_application(config: JsonObject, options: RequestOptions) -> None:
    if not options.manager:
        raise unprocessable(PATCH_OPTIONS, [required("fieldManager", "is required for apply patch")])
    if config.get("metadata", {}).get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")


def _read(resource: ServedResource, body: object, options: RequestOptions) -> tuple[JsonObject, tuple[str, ...]]:
    """The body by the schema, and warnings about fields that the schema does not know."""
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


def _place(target: RequestTarget, obj: JsonObject) -> None:
    """Put a new object where the path says."""
    metadata = obj.setdefault("metadata", {})
    if target.resource.namespaced:
        if metadata.get("namespace", target.namespace) != target.namespace:
            raise _elsewhere()
        metadata["namespace"] = target.namespace


def _check_identity(target: RequestTarget, obj: JsonObject, stored: JsonObject | None) -> None:
    """Refuse a body that speaks of another object than the path does; fill in what it leaves out."""
    metadata = obj.setdefault("metadata", {})
    if metadata.get("name", target.name) != target.name:
        words = f"the name of the object ({metadata['name']}) does not match the name on the URL ({target.name})"
        raise bad_request(words)
    if metadata.get("namespace", target.namespace) != target.namespace:
        raise _elsewhere()
    uid = "" if stored is None else stored["metadata"]["uid"]
    if metadata.get("uid", uid) != uid:
        why = f"Precondition failed: UID in precondition: {metadata['uid']}, UID in object meta: {uid}"
        raise conflict(target.resource.plural_subject(target.name), why)
    metadata.update({"name": target.name} | ({"namespace": target.namespace} if target.namespace else {}))


def _elsewhere() -> StatusError:
    return bad_request("the namespace of the provided object does not match the namespace sent on the request")


def _patched(target: RequestTarget, content_type: str, current: JsonObject, body: object) -> object:
    match content_type:
        case "application/json-patch+json":
            return sound(json_patch(current, body))
        case "application/merge-patch+json":
            return merge_patch(current, body)
        case "application/strategic-merge-patch+json":
            definition = scale.DEFINITION if target.subresource == "scale" else target.resource.definition
            return strategic_merge(definition, current, body)
        case _:
            raise media_type_refused(_PATCHES)


def _with_ephemeral(stored: JsonObject, written: JsonObject) -> JsonObject:
    """The stored pod with the ephemeral containers, and the version that the writer saw, from what was written."""
    metadata = {**stored["metadata"], "resourceVersion": written["metadata"].get("resourceVersion", "")}
    containers = written.get("spec", {}).get(_EPHEMERAL)
    part = {_EPHEMERAL: containers} if containers else {}
    return {**stored, "metadata": metadata, "spec": {**without(stored["spec"], _EPHEMERAL), **part}}


def _with_part(stored: JsonObject, written: JsonObject, field: str) -> JsonObject:
    """The stored object with one part, which is never absent, and the version that the writer saw."""
    metadata = {**stored["metadata"], "resourceVersion": written["metadata"].get("resourceVersion", "")}
    return {**without(stored, field), "metadata": metadata, field: written.get(field, {})}
