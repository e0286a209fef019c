"""Reads a request's JSON as the API server's decoder reads it into Go structs.

Unknown fields are collected and left out. A null is an absent field. Empty optional lists and maps are dropped
(``omitempty``: an absent list and an empty one are the same on the wire). A wrong type is 400 at once. The result has
the schema's shape, so defaulting and validation after it need no type checks.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from netpol_harness.emulator.apiserver import schema
from netpol_harness.emulator.apiserver.errors import Cause, bad_request, required
from netpol_harness.emulator.apiserver.schema import SchemaDefinition, SchemaForm, Type
from netpol_harness.model.json_object import JsonObject

_QUANTITY = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?")
_INDEX = re.compile(r"\[\d+\]")
_INTEGER_BITS = {"int32": 31, "int64": 63}


@dataclass(slots=True)
class DecodedObject:
    """An object in the schema's shape, and the paths of fields that the schema does not know."""

    object: JsonObject
    unknown: list[str] = field(default_factory=list)

    def strict_message(self) -> str:
        """Return the decoder's message for all unknown fields."""
        return ", ".join(f'unknown field "{path}"' for path in self.unknown)


def decode(definition_name: str, value: object) -> DecodedObject:
    """Read a whole object. Raises StatusError 400 for a wrong type."""
    decoded = DecodedObject({})
    target = schema.definition(definition_name)
    if not isinstance(value, dict):
        raise _mismatch(value, target, "", Type(SchemaForm.RECORD, definition=definition_name))
    decoded.object = _record(target, value, "", decoded.unknown)
    return decoded


def missing_fields(definition_name: str, obj: JsonObject) -> list[Cause]:
    """Return a cause for each required field that a decoded object lacks, except in its metadata and status."""
    target = schema.definition(definition_name)
    checked = {name: value for name, value in obj.items() if name not in ("metadata", "status")}
    top = [name for name in target.required if name not in (*checked, "metadata", "status")]
    return [required(name) for name in top] + [
        cause for name, value in checked.items() for cause in _missing(target.fields[name], value, name)
    ]


def missing_in(definition_name: str, obj: JsonObject, part: str) -> list[Cause]:
    """Return a cause for each required field that one part of a decoded object lacks."""
    return _missing(schema.definition(definition_name).fields[part], obj[part], part) if part in obj else []


def _missing(kind: Type, value: Any, path: str) -> list[Cause]:
    if kind.form is SchemaForm.RECORD:
        target = schema.definition(kind.definition)
        causes = [required(f"{path}.{name}") for name in target.required if name not in value]
        return causes + [
            cause for name, item in value.items() for cause in _missing(target.fields[name], item, f"{path}.{name}")
        ]
    if kind.form is SchemaForm.LIST and kind.element:
        return [cause for i, item in enumerate(value) for cause in _missing(kind.element, item, f"{path}[{i}]")]
    return []


def _record(target: SchemaDefinition, value: JsonObject, path: str, unknown: list[str]) -> JsonObject:
    record: JsonObject = {}
    for name, item in value.items():
        kind = target.fields.get(name)
        inner = f"{path}.{name}" if path else name
        if kind is None:
            unknown.append(inner)
        elif item is not None:
            part = _value(kind, item, inner, target, unknown)
            if part or name in target.required or kind.form not in (SchemaForm.LIST, SchemaForm.MAP):
                record[name] = part
    return record


def _value(kind: Type, value: Any, path: str, owner: SchemaDefinition, unknown: list[str]) -> Any:
    match kind.form:
        case SchemaForm.RECORD if isinstance(value, dict):
            return _record(schema.definition(kind.definition), value, path, unknown)
        case SchemaForm.MAP if isinstance(value, dict):
            return {key: _element(kind, item, f"{path}.{key}", owner, unknown) for key, item in value.items()}
        case SchemaForm.LIST if isinstance(value, list):
            return [_element(kind, item, f"{path}[{i}]", owner, unknown) for i, item in enumerate(value)]
        case SchemaForm.ANY if isinstance(value, dict):
            return value
        case SchemaForm.JSON:
            return value
        case SchemaForm.RECORD | SchemaForm.MAP | SchemaForm.LIST | SchemaForm.ANY:
            raise _mismatch(value, owner, path, kind)
        case _:
            return _scalar(kind, value, path, owner)


def _element(kind: Type, value: Any, path: str, owner: SchemaDefinition, unknown: list[str]) -> Any:
    """Read an item of a list or map; null is the zero value there."""
    element = kind.element or Type(SchemaForm.ANY)
    zero = {
        SchemaForm.STRING: "",
        SchemaForm.INTEGER: 0,
        SchemaForm.NUMBER: 0,
        SchemaForm.BOOLEAN: False,
        SchemaForm.LIST: [],
    }.get(element.form, {})
    return _value(element, zero if value is None else value, path, owner, unknown)


def _scalar(kind: Type, value: Any, path: str, owner: SchemaDefinition) -> Any:
    if kind.format in _FORMATS:
        return _FORMATS[kind.format](kind, value, path, owner)
    if kind.form is SchemaForm.STRING:
        matches = isinstance(value, str)
    elif kind.form is SchemaForm.BOOLEAN:
        matches = isinstance(value, bool)
    elif kind.form is SchemaForm.INTEGER:
        matches = _fits(value, _INTEGER_BITS.get(kind.format, 63))
    else:
        matches = isinstance(value, int | float) and not isinstance(value, bool)
    if not matches:
        raise _mismatch(value, owner, path, kind)
    return value


def _fits(value: object, bits: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(1 << bits) <= value < 1 << bits


def _int_or_string(kind: Type, value: Any, path: str, owner: SchemaDefinition) -> Any:
    if isinstance(value, str) or _fits(value, 31):
        return value
    raise _mismatch(value, owner, path, kind)


def _quantity(kind: Type, value: Any, path: str, owner: SchemaDefinition) -> str:
    if isinstance(value, str | int | float) and not isinstance(value, bool) and _QUANTITY.fullmatch(str(value)):
        return str(value)
    raise bad_request(
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$' "
        f"({path}: {value!r})"
    )


def _time(kind: Type, value: Any, path: str, owner: SchemaDefinition) -> str:
    if not isinstance(value, str):
        raise _mismatch(value, owner, path, kind)
    try:
        datetime.fromisoformat(value)
    except ValueError:
        layout = "2006-01-02T15:04:05Z07:00"
        message = f'parsing time "{value}" as "{layout}": cannot parse "{value}" as "{layout}" ({path})'
        raise bad_request(message) from None
    return value


def _bytes(kind: Type, value: Any, path: str, owner: SchemaDefinition) -> str:
    if not isinstance(value, str):
        raise _mismatch(value, owner, path, kind)
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error as broken:
        raise bad_request(f"illegal base64 data ({path}): {broken}") from None
    return value


_FORMATS: dict[str, Callable[[Type, Any, str, SchemaDefinition], Any]] = {
    "int-or-string": _int_or_string,
    "quantity": _quantity,
    "date-time": _time,
    "byte": _bytes,
}


def _mismatch(value: object, owner: SchemaDefinition, path: str, kind: Type) -> Exception:
    where = f"Go struct field {owner.short}.{_INDEX.sub('', path)}" if path else "Go value"
    return bad_request(f"json: cannot unmarshal {_json_type(value)} into {where} of type {kind.go}")


def _json_type(value: object) -> str:
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case int() | float():
            return f"number {value}"
        case list():
            return "array"
        case None:
            return "null"
        case _:
            return "object"
