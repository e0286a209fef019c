"""The verbs on stored objects: from a parsed request to the store and back, without HTTP.

Every write takes the same steps: decode the body by the schema, admit it (defaults, allocation, validation), and commit
it unless it is a dry run.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from netpol_harness.emulator.apiserver import scale
from netpol_harness.emulator.apiserver.admission import admit_as
from netpol_harness.emulator.apiserver.body import APPLY
from netpol_harness.emulator.apiserver.decode import decode
from netpol_harness.emulator.apiserver.errors import (
    ErrorSubject,
    bad_request,
    conflict,
    forbidden,
    method_not_allowed,
    not_supported,
    object_not_found,
    required,
    unprocessable,
)
from netpol_harness.emulator.apiserver.field_managers.ownership import (
    FieldManager,
    Operation,
    apply_configuration,
    track_update,
)
from netpol_harness.emulator.apiserver.lifecycle import Lifecycle
from netpol_harness.emulator.apiserver.replacement import (
    apply_patch,
    check_identity,
    decode_as,
    decode_body,
    set_namespace,
    with_ephemeral_containers,
    with_part,
)
from netpol_harness.emulator.apiserver.request import PATCH_OPTIONS, RequestOptions, RequestTarget
from netpol_harness.emulator.apiserver.resources import ServedResource, with_type_meta
from netpol_harness.emulator.apiserver.schema import SchemaForm, Type
from netpol_harness.emulator.apiserver.selectors import Predicate
from netpol_harness.emulator.apiserver.validation import check_part
from netpol_harness.emulator.store import AlreadyExists, Key, Store
from netpol_harness.model.json_object import JsonObject

_OWN_FIELD = {"status": "status", "finalize": "spec"}
"""The part of an object that a write to a subresource changes."""
_EPHEMERAL = "ephemeralcontainers"
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
        return scale.from_workload(target.resource, obj) if target.subresource == "scale" else obj

    def shows(self, target: RequestTarget, shows: Predicate) -> bool:
        """Return whether a client that sees only these objects sees this one, or what it would become."""
        obj = self._store.find(_key(target))
        return obj is None or shows(obj)

    def list(self, target: RequestTarget, options: RequestOptions) -> Sequence[JsonObject]:
        """Return the objects of a collection that match the selectors."""
        return [obj for obj in self._store.list(target.resource.storage, target.namespace) if options.matches(obj)]

    def create(self, target: RequestTarget, body: object, options: RequestOptions) -> WriteResult:
        """Create an object."""
        obj, warnings = decode_body(target.resource, body, options)
        set_namespace(target, obj)
        admitted = admit_as(self._store, target.resource, obj)
        admitted = track_update(_type(target), None, admitted, _field_manager(target, options), self._store.timestamp())
        return WriteResult(self._create(target, admitted, options), warnings, created=True)

    def _create(self, target: RequestTarget, admitted: JsonObject, options: RequestOptions) -> JsonObject:
        if not options.dry_run:
            admitted = self._store.create(target.resource.storage, admitted)
        elif self._store.find(Key.of(target.resource.storage, admitted)):
            raise AlreadyExists(Key.of(target.resource.storage, admitted))
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
        represent = scale.from_workload if target.subresource == "scale" else with_type_meta
        current = represent(target.resource, stored)
        return self._replace(target, stored, apply_patch(target, content_type, current, body), options)

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
            self._lifecycle.delete(Key.of(target.resource.storage, obj), deletion, dry_run=options.dry_run)
        return matching

    def _replace(self, target: RequestTarget, stored: JsonObject, body: object, options: RequestOptions) -> WriteResult:
        warnings: tuple[str, ...] = ()
        if target.subresource == "scale":
            replacement = scale.apply_scale(target.resource, stored, body)
        else:
            replacement, warnings = decode_body(target.resource, body, options)
            check_identity(target, replacement, stored)
        admitted = self._admit(target, replacement, stored)
        admitted = track_update(
            _type(target), stored, admitted, _field_manager(target, options), self._store.timestamp()
        )
        return WriteResult(self._commit(target, admitted, stored, options), warnings)

    def _admit(self, target: RequestTarget, replacement: JsonObject, stored: JsonObject) -> JsonObject:
        """Return the object to store for a replacement that was written via the target's subresource."""
        if target.subresource in _OWN_FIELD:
            part = _OWN_FIELD[target.subresource]
            written = with_part(stored, replacement, part)
            causes = check_part(target.resource, written, part)
            if causes:
                raise unprocessable(target.resource.kind_subject(target.name), causes)
            return written
        if target.subresource == _EPHEMERAL:
            extended = with_ephemeral_containers(stored, replacement)
            return admit_as(self._store, target.resource, extended, stored, target.subresource)
        return admit_as(self._store, target.resource, replacement, stored)

    def _apply(self, target: RequestTarget, body: object, options: RequestOptions) -> WriteResult:
        """Server-side apply: create the object, or merge the configuration into it."""
        config, warnings = decode_body(target.resource, body, options)
        _check_application(config, options)
        stored = self._store.find(_key(target))
        if stored is None and target.subresource:
            raise object_not_found(target.resource.plural_subject(target.name))
        check_identity(target, config, stored)
        live = {} if stored is None else with_type_meta(target.resource, stored)
        author, now = _field_manager(target, options, Operation.APPLY), self._store.timestamp()
        application = apply_configuration(_type(target), live, config, author, now, force=bool(options.force))
        result = decode_as(target.resource, application.object).object
        if stored is None:
            admitted = application.with_owners(admit_as(self._store, target.resource, result))
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
        updated = self._store.update(target.resource.storage, admitted)
        self._lifecycle.finish(_key(target))
        return updated


def deletion_response(resource: ServedResource, deleted: JsonObject) -> JsonObject:
    """Return the answer to a DELETE: the object if it is deleted gracefully, otherwise a Status."""
    if resource.storage in ("pods", "namespaces"):
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
    return Key(target.resource.storage, target.namespace, target.name)


def _type(target: RequestTarget) -> Type:
    row = target.resource
    return row.custom.type if row.custom else Type(SchemaForm.RECORD, definition=row.definition)


def _field_manager(
    target: RequestTarget, options: RequestOptions, operation: Operation = Operation.UPDATE
) -> FieldManager:
    return FieldManager(options.author, operation, target.resource.api_version, target.subresource)


def _check_application(config: JsonObject, options: RequestOptions) -> None:
    if not options.manager:
        raise unprocessable(PATCH_OPTIONS, [required("fieldManager", "is required for apply patch")])
    if config.get("metadata", {}).get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
