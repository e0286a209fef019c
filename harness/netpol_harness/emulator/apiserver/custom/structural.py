"""Structural schemas (apiextensions.k8s.io/v1): pruning, defaults, and types for server-side apply. Pure.

Implements kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions, "Specifying a
structural schema".
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from netpol_harness.emulator.apiserver.schema import SchemaForm, Type
from netpol_harness.emulator.store import clone

Schema: TypeAlias = Mapping[str, Any]

PRESERVED = "x-kubernetes-preserve-unknown-fields"
EMBEDDED = "x-kubernetes-embedded-resource"
INT_OR_STRING = "x-kubernetes-int-or-string"
_OF_EMBEDDED = ("apiVersion", "kind", "metadata")
_SCALARS = {
    "string": SchemaForm.STRING,
    "integer": SchemaForm.INTEGER,
    "number": SchemaForm.NUMBER,
    "boolean": SchemaForm.BOOLEAN,
}


def prune(schema: Schema, value: Any, path: str, unknown: list[str]) -> Any:
    """Return the value without fields that the schema does not know, and add their paths to ``unknown``.

    Nulls are dropped where the schema does not allow them.
    """
    if isinstance(value, list):
        items = schema.get("items") or {PRESERVED: True}
        return [prune(items, item, f"{path}[{i}]", unknown) for i, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, item in value.items():
        inner = f"{path}.{name}" if path else name
        part = _part(schema, name)
        if part is None:
            unknown.append(inner)
        elif item is not None or part.get("nullable") or part.get(PRESERVED):
            kept[name] = prune(part, item, inner, unknown)
    return kept


def _part(schema: Schema, name: str) -> Schema | None:
    """Return the schema of one field; None if the field is unknown."""
    properties, additional = schema.get("properties") or {}, schema.get("additionalProperties")
    if name in properties:
        found: Schema = properties[name]
        return found
    if isinstance(additional, Mapping):
        return additional
    is_kept = additional is True or schema.get(PRESERVED) or (schema.get(EMBEDDED) and name in _OF_EMBEDDED)
    return {PRESERVED: True} if is_kept else None


def apply_defaults(schema: Schema, value: Any) -> None:
    """Set the fields that are absent and have a default, in place."""
    if isinstance(value, list):
        for item in value:
            apply_defaults(schema.get("items") or {}, item)
    elif isinstance(value, dict):
        for name, part in (schema.get("properties") or {}).items():
            if name not in value and "default" in part:
                value[name] = clone(part["default"])
        for name, item in value.items():
            apply_defaults(_part(schema, name) or {}, item)


def as_type(schema: Schema) -> Type:
    """Return the type that server-side apply and decoding know. Lists are replaced as a whole unless they say more."""
    atomic = schema.get("x-kubernetes-map-type") == "atomic"
    if schema.get("properties"):
        fields = {name: as_type(part) for name, part in schema["properties"].items()}
        return Type(SchemaForm.RECORD, fields=fields, atomic=atomic)
    if isinstance(schema.get("additionalProperties"), Mapping):
        return Type(SchemaForm.MAP, element=as_type(schema["additionalProperties"]), atomic=atomic)
    if schema.get("type") == "array":
        return Type(
            SchemaForm.LIST,
            element=as_type(schema.get("items") or {}),
            list_type=schema.get("x-kubernetes-list-type", "atomic"),
            keys=tuple(schema.get("x-kubernetes-list-map-keys") or ()),
        )
    return Type(_SCALARS.get(schema.get("type", ""), SchemaForm.JSON))
