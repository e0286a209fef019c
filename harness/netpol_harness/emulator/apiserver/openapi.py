"""/openapi/v3: the schemas, and the operations of each resource that kubectl looks up before it applies."""

import hashlib
import json
from functools import cache
from typing import Any

from netpol_harness.emulator.apiserver import schema
from netpol_harness.emulator.apiserver.built_in_kinds import GROUPS, RESOURCES, REVIEWS
from netpol_harness.emulator.apiserver.resources import ServedResource

_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
    for name in ("dryRun", "fieldManager", "fieldValidation")
]


def index() -> dict[str, Any]:
    """Return the answer to /openapi/v3: the location of each group's document, by content hash."""
    return {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={_digest(path)}"} for path in _paths()}}


@cache
def document(path: str) -> bytes | None:
    """Return the document of ``api/v1`` or ``apis/GROUP/VERSION``; None if it is not served."""
    group_version = _paths().get(path)
    if group_version is None:
        return None
    rows = [row for row in (*RESOURCES, *REVIEWS) if (row.group, row.version) == group_version]
    return json.dumps(
        {
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": f"v{schema.document()['version']}"},
            "paths": {name: item for row in rows for name, item in _operations(path, row).items()},
            "components": {"schemas": _schemas(rows)},
        }
    ).encode()


def _paths() -> dict[str, tuple[str, str]]:
    return {f"apis/{group}/{version}" if group else f"api/{version}": (group, version) for group, version in GROUPS}


def _digest(path: str) -> str:
    return hashlib.sha256(document(path) or b"").hexdigest()[:32].upper()


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
    schemas: dict[str, Any] = {}
    pending = [row.definition for row in rows]
    while pending:
        name = pending.pop()
        if name not in schemas:
            schemas[name] = definitions[name]
            pending += schema.references(definitions[name])
    for row in rows:
        kind = {"group": row.group, "version": row.version, "kind": row.kind}
        schemas[row.definition] = {**schemas[row.definition], "x-kubernetes-group-version-kind": [kind]}
    return schemas
