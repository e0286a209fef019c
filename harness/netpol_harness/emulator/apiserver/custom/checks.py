"""Validation of custom objects by their structural schema, with the API server's words for each problem."""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from netpol_harness.emulator.apiserver.custom.structural import INT_OR_STRING, Schema
from netpol_harness.emulator.apiserver.errors import Cause, invalid, not_supported, required

_COMBINED = ("allOf", "anyOf", "oneOf")
_KEPT = (
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "required",
    "uniqueItems",
)


class SchemaCheck:
    """The checks of one schema. It is translated on first use, because that imports a library."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._validator: Any = None

    def causes(self, obj: Mapping[str, Any]) -> list[Cause]:
        """Return all causes to refuse the object."""
        if self._validator is None:
            self._validator = _validator_class()(_translated(self._schema))
        return [cause for error in self._validator.iter_errors(obj) for cause in _causes(error)]


@cache
def _validator_class() -> Any:
    from jsonschema import Draft4Validator  # imported here because most clusters have no custom kinds

    return Draft4Validator


def _translated(schema: Schema) -> dict[str, Any]:
    """Return the schema in JSON Schema's draft 4, which OpenAPI 3.0 is based on."""
    made: dict[str, Any] = {name: schema[name] for name in _KEPT if name in schema}
    made |= {name: [_translated(part) for part in schema[name]] for name in _COMBINED if schema.get(name)}
    if schema.get("not"):
        made["not"] = _translated(schema["not"])
    kinds = ["integer", "string"] if schema.get(INT_OR_STRING) else [schema["type"]] if schema.get("type") else []
    if kinds:
        made["type"] = [*kinds, *(["null"] if schema.get("nullable") else [])]
    if schema.get("nullable") and "enum" in made:
        made["enum"] = [*made["enum"], None]
    if schema.get("properties"):
        made["properties"] = {name: _translated(part) for name, part in schema["properties"].items()}
    if isinstance(schema.get("additionalProperties"), Mapping):
        made["additionalProperties"] = _translated(schema["additionalProperties"])
    if schema.get("items"):
        made["items"] = _translated(schema["items"])
    return made


def _causes(error: Any) -> list[Cause]:
    """Return the causes of a ``jsonschema.ValidationError``."""
    path = _path(error.absolute_path)
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        return [required(f"{path}.{name}" if path else name) for name in missing]
    if error.validator == "enum":
        return [not_supported(path, error.instance, [str(word) for word in error.validator_value])]
    words = _WORDS.get(error.validator, lambda value: f"does not fit {error.validator}: {json.dumps(value)}")
    return [invalid(path, error.instance, f"{path} {words(error.validator_value)}".strip())]


def _path(parts: Iterable[str | int]) -> str:
    """Return a path as the API writes it: ``spec.ports[0].name``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".")


def _type_words(kinds: Any) -> str:
    return f"in body must be of type {' or '.join(kind for kind in kinds if kind != 'null')}"


_WORDS: Mapping[str, Callable[[Any], str]] = {
    "type": _type_words,
    "pattern": lambda value: f"in body should match '{value}'",
    "maximum": lambda value: f"in body should be less than or equal to {value}",
    "minimum": lambda value: f"in body should be greater than or equal to {value}",
    "maxLength": lambda value: f"in body should be at most {value} chars long",
    "minLength": lambda value: f"in body should be at least {value} chars long",
    "maxItems": lambda value: f"in body should have at most {value} items",
    "minItems": lambda value: f"in body should have at least {value} items",
    "maxProperties": lambda value: f"in body should have at most {value} properties",
    "minProperties": lambda value: f"in body should have at least {value} properties",
    "multipleOf": lambda value: f"in body should be a multiple of {value}",
    "uniqueItems": lambda value: "in body shouldn't contain duplicates",
    "anyOf": lambda value: "in body must validate at least one schema (anyOf)",
    "oneOf": lambda value: "in body must validate one and only one schema (oneOf)",
    "not": lambda value: "in body must not validate the schema (not)",
}
