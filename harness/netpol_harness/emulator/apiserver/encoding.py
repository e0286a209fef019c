"""Objects as bytes: JSON, made once for each stored version, and the representations that a client may ask for.

Invariant: a list or a watch joins bytes that exist already; only what is asked for as a table is rendered anew.
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


class View(Enum):
    """Representations of objects."""

    FULL = auto()
    TABLE = auto()
    METADATA = auto()


_VIEWS = {
    "": View.FULL,
    "Table": View.TABLE,
    "PartialObjectMetadata": View.METADATA,
    "PartialObjectMetadataList": View.METADATA,
}


def negotiate(accept: str) -> View:
    """The first representation of an Accept header that we have; raises StatusError 406."""
    for media in accept.split(","):
        kind, parameters = media_parameters(media)
        known = parameters.get("v", "v1") == "v1" and parameters.get("as", "") in _VIEWS
        if kind in (JSON, "application/*", "*/*", "") and known:
            return _VIEWS[parameters.get("as", "")]
    message = f"only the following media types are accepted: {JSON}"
    raise StatusError(406, "NotAcceptable", message)


def media_parameters(media: str) -> tuple[str, dict[str, str]]:
    """A media type and its parameters."""
    kind, *words = (part.strip() for part in media.split(";"))
    return kind, dict(word.split("=", 1) for word in words if "=" in word)


def dump(value: object) -> bytes:
    """Compact JSON. What a header or a path held and UTF-8 cannot say becomes `?`."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")


class Encoder:
    """Objects of one store as bytes, each version encoded at most once while it is current."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._bodies: dict[str, bytes] = {}
        store.subscribe(self._forget)

    def one(
        self, resource: ServedResource, obj: JsonObject, view: View = View.FULL, *, include: str = "Metadata"
    ) -> bytes:
        """One object in the representation asked for."""
        if view is View.TABLE:
            return self._table(resource, [obj], include, _version(obj))
        if view is View.METADATA:
            return dump({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]})
        return self._with_kind(resource, obj)

    def many(
        self,
        resource: ServedResource,
        objects: Sequence[JsonObject],
        version: int,
        view: View,
        *,
        include: str = "Metadata",
    ) -> bytes:
        """A list, as of this resource version."""
        if view is View.TABLE:
            return self._table(resource, objects, include, str(version))
        kind, api_version = f"{resource.kind}List", resource.api_version
        items: Iterable[bytes] = (self._body(resource, obj) for obj in objects)
        if view is View.METADATA:
            kind, api_version = "PartialObjectMetadataList", "meta.k8s.io/v1"
            items = (self.one(resource, obj, view) for obj in objects)
        head = dump({"kind": kind, "apiVersion": api_version, "metadata": {"resourceVersion": str(version)}})
        return head[:-1] + b',"items":[' + b",".join(items) + b"]}"

    def _table(self, resource: ServedResource, objects: Sequence[JsonObject], include: str, version: str) -> bytes:
        columns = columns_of(resource.plural)
        return dump(render_table(resource, columns, objects, include=include, version=version))

    def _with_kind(self, resource: ServedResource, obj: JsonObject) -> bytes:
        head = dump({"kind": resource.kind, "apiVersion": resource.api_version})
        return head[:-1] + b"," + self._body(resource, obj)[1:]

    def _body(self, resource: ServedResource, obj: JsonObject) -> bytes:
        """The object without kind and apiVersion, which is how it stands in a list; kept while it is the stored
        one.
        """
        if self._store.find(Key.of(resource.plural, obj)) is not obj:
            return dump(without(obj, "kind", "apiVersion"))
        version = _version(obj)
        if version not in self._bodies:
            self._bodies[version] = dump(without(obj, "kind", "apiVersion"))
        return self._bodies[version]

    def _forget(self, event: Event) -> None:
        if event.previous is not None:
            self._bodies.pop(_version(event.previous), None)


def _version(obj: Mapping[str, Any]) -> str:
    return str(obj["metadata"].get("resourceVersion", ""))
