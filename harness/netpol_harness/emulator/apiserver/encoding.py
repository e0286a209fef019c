"""Objects as bytes: JSON, encoded once for each stored version, and the representations that a client may request.

Invariant: a list or a watch joins existing bytes. Only tables are rendered for each request.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from typing import Any

from netpol_harness.emulator.apiserver.columns import columns_of
from netpol_harness.emulator.apiserver.errors import StatusError
from netpol_harness.emulator.apiserver.resources import ServedResource, without
from netpol_harness.emulator.apiserver.table import render_table
from netpol_harness.emulator.store import Event, Key, Store
from netpol_harness.model.json_object import JsonObject

JSON = "application/json"


class Representation(Enum):
    """Representations of objects."""

    FULL = auto()
    TABLE = auto()
    METADATA = auto()


_VIEWS = {
    "": Representation.FULL,
    "Table": Representation.TABLE,
    "PartialObjectMetadata": Representation.METADATA,
    "PartialObjectMetadataList": Representation.METADATA,
}


def negotiate(accept: str) -> Representation:
    """Return the first supported representation of an Accept header. Raises StatusError 406."""
    for media in accept.split(","):
        kind, parameters = media_parameters(media)
        known = parameters.get("v", "v1") == "v1" and parameters.get("as", "") in _VIEWS
        if kind in (JSON, "application/*", "*/*", "") and known:
            return _VIEWS[parameters.get("as", "")]
    message = f"only the following media types are accepted: {JSON}"
    raise StatusError(406, "NotAcceptable", message)


def media_parameters(media: str) -> tuple[str, dict[str, str]]:
    """Return a media type and its parameters."""
    kind, *words = (part.strip() for part in media.split(";"))
    return kind, dict(word.split("=", 1) for word in words if "=" in word)


def dump_json(value: object) -> bytes:
    """Return compact JSON. Characters of a header or a path that UTF-8 cannot encode become ``?``."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")


class Encoder:
    """Encodes the objects of one store; each version at most once while it is current."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._bodies: dict[str, bytes] = {}
        store.subscribe(self._forget)

    def encode_object(
        self,
        resource: ServedResource,
        obj: JsonObject,
        view: Representation = Representation.FULL,
        *,
        include: str = "Metadata",
    ) -> bytes:
        """Return one object in the requested representation."""
        if view is Representation.TABLE:
            return self._table(resource, [obj], include, _version(obj))
        if view is Representation.METADATA:
            return dump_json(
                {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
            )
        return self._with_kind(resource, obj)

    def encode_list(
        self,
        resource: ServedResource,
        objects: Sequence[JsonObject],
        version: int,
        view: Representation,
        *,
        include: str = "Metadata",
    ) -> bytes:
        """Return a list, as of this resource version."""
        if view is Representation.TABLE:
            return self._table(resource, objects, include, str(version))
        kind, api_version = resource.list_kind, resource.api_version
        items: Iterable[bytes] = (self._body(resource, obj) for obj in objects)
        if view is Representation.METADATA:
            kind, api_version = "PartialObjectMetadataList", "meta.k8s.io/v1"
            items = (self.encode_object(resource, obj, view) for obj in objects)
        head = dump_json({"kind": kind, "apiVersion": api_version, "metadata": {"resourceVersion": str(version)}})
        return head[:-1] + b',"items":[' + b",".join(items) + b"]}"

    def _table(self, resource: ServedResource, objects: Sequence[JsonObject], include: str, version: str) -> bytes:
        columns = resource.custom.columns if resource.custom else columns_of(resource.plural)
        return dump_json(render_table(resource, columns, objects, include=include, version=version))

    def _with_kind(self, resource: ServedResource, obj: JsonObject) -> bytes:
        head = dump_json({"kind": resource.kind, "apiVersion": resource.api_version})
        return head[:-1] + b"," + self._body(resource, obj)[1:]

    def _body(self, resource: ServedResource, obj: JsonObject) -> bytes:
        """Return the object without kind and apiVersion, as in a list. The bytes are kept while it is the stored
        version.
        """
        if self._store.find(Key.of(resource.storage, obj)) is not obj:
            return dump_json(without(obj, "kind", "apiVersion"))
        version = _version(obj)
        if version not in self._bodies:
            self._bodies[version] = dump_json(without(obj, "kind", "apiVersion"))
        return self._bodies[version]

    def _forget(self, event: Event) -> None:
        if event.previous is not None:
            self._bodies.pop(_version(event.previous), None)


def _version(obj: Mapping[str, Any]) -> str:
    return str(obj["metadata"].get("resourceVersion", ""))
