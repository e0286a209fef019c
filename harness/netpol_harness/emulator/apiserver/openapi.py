"""/openapi/v3: the schemas, and for each resource the operations that kubectl looks for before it applies."""

import hashlib
import json
from functools import cache
from typing import Any

from netpol_harness.emulator.apiserver import schema
from netpol_harness.emulator.apiserver.resources import GROUPS, RESOURCES, REVIEWS, ServedResource

_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
    for name in ("dryRun", "fieldManager", "fieldValidation")
]


def index() -> dict[str, Any]:
    """The answer to /openapi/v3: where each group's document is, by content hash."""
    return {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={_digest(path)}"} for path in _paths()}}


@cache
def document(path: str) -> bytes | None:
    """The document of `api/v1` or `apis/GROUP/VERSION`; None when we do not serve it."""
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
    place = f"/{prefix}/namespaces/{{namespace}}" if row.namespaced else f"/{prefix}"
    collection, one = f"{place}/{row.plural}", f"{place}/{row.plural}/{{name}}"
    if row.verbs == ("create",):
        return {collection: {"post": _operation(row, "post")}}
    return {
        collection: {"get": _operation(row, "list"), "post": _operation(row, "post")},
        one: {"get": _operation(row, "get"), "put": _operation(row, "put"), "patch": _operation(row, "patch")},
    }


def _operation(row: ServedResource, action: str) -> dict[str, Any]:
    kind = {"group": row.group, "version": row.version, "kind": row.kind}
    parameters = {} if action in ("get", "list") else {"parameters": _PARAMETERS}
    return {"x-kubernetes-action": action, "x-kubernetes-group-version-kind": kind, **parameters, "responses": {}}


def _schemas(rows: list[ServedResource]) -> dict[str, Any]:
    """The definitions that these resources reach; their own name their kind."""
    definitions = schema.document()["definitions"]
    found: dict[str, Any] = {}
    waiting = [row.definition for row in rows]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = definitions[name]
            waiting += schema.references(definitions[name])
    for row in rows:
        kind = {"group": row.group, "version": row.version, "kind": row.kind}
        found[row.definition] = {**found[row.definition], "x-kubernetes-group-version-kind": [kind]}
    return found
