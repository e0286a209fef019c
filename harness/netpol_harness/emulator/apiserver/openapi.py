"""/openapi/v3: the schemas, and the operations of each resource that kubectl looks up before it applies."""

import hashlib
import json
from typing import Any

from netpol_harness.emulator.apiserver import schema
from netpol_harness.emulator.apiserver.catalog import Catalog
from netpol_harness.emulator.apiserver.custom.version import METADATA, CustomVersion
from netpol_harness.emulator.apiserver.resources import ServedResource

_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
    for name in ("dryRun", "fieldManager", "fieldValidation")
]


class OpenApi:
    """The documents of a catalog. Each is made once for each edition of the catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._edition = catalog.edition
        self._documents: dict[str, bytes | None] = {}

    def index(self) -> dict[str, Any]:
        """Return the answer to /openapi/v3: the location of each group's document, by content hash."""
        paths = [
            f"apis/{group}/{version}" if group else f"api/{version}"
            for group, versions in self._catalog.versions().items()
            for version in versions
        ]
        urls = {path: f"/openapi/v3/{path}?hash={self._digest(path)}" for path in paths}
        return {"paths": {path: {"serverRelativeURL": url} for path, url in urls.items()}}

    def document(self, path: str) -> bytes | None:
        """Return the document of ``api/v1`` or ``apis/GROUP/VERSION``; None if it is not served."""
        if self._edition != self._catalog.edition:
            self._edition, self._documents = self._catalog.edition, {}
        if path not in self._documents:
            self._documents[path] = self._render(path)
        return self._documents[path]

    def _render(self, path: str) -> bytes | None:
        rows = self._rows(path)
        return _document(path, rows) if rows else None

    def _rows(self, path: str) -> list[ServedResource]:
        match path.split("/"):
            case ["api", version]:
                return self._catalog.within("", version)
            case ["apis", group, version]:
                return self._catalog.within(group, version)
            case _:
                return []

    def _digest(self, path: str) -> str:
        """Return a hash that changes with the document. That of built-in kinds is the same in each release."""
        is_custom = any(row.custom for row in self._rows(path))
        content = self.document(path) if is_custom else f"{schema.document()['version']} {path}".encode()
        return hashlib.sha256(content or b"").hexdigest()[:32].upper()


def _document(path: str, rows: list[ServedResource]) -> bytes:
    return json.dumps(
        {
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": f"v{schema.document()['version']}"},
            "paths": {name: item for row in rows for name, item in _operations(path, row).items()},
            "components": {"schemas": _schemas(rows)},
        }
    ).encode()


def _operations(prefix: str, row: ServedResource) -> dict[str, Any]:
    base = f"/{prefix}/namespaces/{{namespace}}" if row.namespaced else f"/{prefix}"
    collection, single = f"{base}/{row.plural}", f"{base}/{row.plural}/{{name}}"
    if row.verbs == ("create",):
        return {collection: {"post": _operation(row, "post")}}
    return {
        collection: {"get": _operation(row, "list"), "post": _operation(row, "post")},
        single: {"get": _operation(row, "get"), "put": _operation(row, "put"), "patch": _operation(row, "patch")},
    }


def _operation(row: ServedResource, action: str) -> dict[str, Any]:
    kind = {"group": row.group, "version": row.version, "kind": row.kind}
    parameters = {} if action in ("get", "list") else {"parameters": _PARAMETERS}
    return {"x-kubernetes-action": action, "x-kubernetes-group-version-kind": kind, **parameters, "responses": {}}


def _schemas(rows: list[ServedResource]) -> dict[str, Any]:
    """Return the definitions that these resources reach, with the kinds of the resources themselves."""
    definitions = schema.document()["definitions"]
    schemas: dict[str, Any] = {row.definition: _custom(row.custom) for row in rows if row.custom}
    pending = [METADATA if row.custom else row.definition for row in rows]
    while pending:
        name = pending.pop()
        if name not in schemas:
            schemas[name] = definitions[name]
            pending += schema.references(definitions[name])
    for row in rows:
        kind = {"group": row.group, "version": row.version, "kind": row.kind}
        schemas[row.definition] = {**schemas[row.definition], "x-kubernetes-group-version-kind": [kind]}
    return schemas


def _custom(custom: CustomVersion) -> dict[str, Any]:
    """Return the schema of a custom kind, with the fields that every object has."""
    text = {"type": "string"}
    own = {"apiVersion": text, "kind": text, "metadata": {"allOf": [{"$ref": schema.reference(METADATA)}]}}
    return {**custom.schema, "properties": {**custom.schema.get("properties", {}), **own}}
