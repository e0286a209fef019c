"""Bodies in Kubernetes' protobuf, as kubectl's typed clients and other Go programs send them, as JSON values.

An envelope (four bytes, then ``runtime.Unknown``) names the kind. Its struct is read with ``wire.json``, which
``tools/generate_wire.py`` generates from the Go structs. Pointers, ``omitempty`` and inline structs decide the meaning
of a zero and the position of a field, and no .proto file contains them. A protobuf library would only add the reading
of tags and lengths, which is one page here. Unknown fields are skipped, as on the real server.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias

from netpol_harness.emulator.apiserver.errors import StatusError, bad_request

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\0"
_VARINT, _LENGTH = 0, 2
_FIXED = {1: 8, 5: 4}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_META = "io.k8s.apimachinery.pkg.apis.meta.v1"

Value: TypeAlias = int | bytes
"""A value on the wire: a number, or bytes whose meaning the field's type decides."""


class MalformedMessage(ValueError):
    """Bytes that are not a message of the expected type."""


@dataclass(frozen=True, slots=True)
class StructField:
    """One field of a struct: its JSON name ("" for an inline struct), and the parts of its Go type."""

    name: str
    kind: str
    shape: str
    """"" for a single value, "[]" or "map[string]" for many."""
    omits_zero: bool

    @classmethod
    def parse(cls, text: str) -> "StructField":
        """Read ``replicas,omitempty *int32``, or `` []TYPE`` for an inline one."""
        tag, _, go = text.partition(" ")
        name, _, options = tag.partition(",")
        shape = next((shape for shape in ("[]", "map[string]") if go.startswith(shape)), "")
        kind = go.removeprefix(shape)
        return cls(name, kind.removeprefix("*"), shape, options == "omitempty" and not kind.startswith("*"))


def decode(body: bytes) -> Any:
    """Return the object in a request's body, with its apiVersion and kind. Raises StatusError 400."""
    if not body.startswith(_MAGIC):
        raise bad_request("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    try:
        envelope = dict(_fields(body[len(_MAGIC) :]))
        kind = dict(_fields(_content(envelope.get(1, b""))))
        api_version, name = (_text(kind.get(number, b"")) for number in (1, 2))
        struct = _struct_of(api_version, name)
        return {"apiVersion": api_version, "kind": name, **_read(struct, _content(envelope.get(2, b"")))}
    except (ValueError, RecursionError, OverflowError) as broken:
        raise bad_request(f"the object provided is unrecognized: {broken}") from None


def _struct_of(api_version: str, kind: str) -> str:
    names = _document()["kinds"]
    key = f"v1/{kind}" if kind == "DeleteOptions" else f"{api_version}/{kind}"
    if key not in names:
        raise _unknown_kind(api_version, kind)
    return str(names[key])


def _unknown_kind(api_version: str, kind: str) -> StatusError:
    return bad_request(f'no kind "{kind}" is registered for version "{api_version}" in the embedded cluster')


@cache
def _document() -> Mapping[str, Any]:
    loaded: dict[str, Any] = json.loads((files(__package__) / "wire.json").read_bytes())
    return loaded


@cache
def _struct(name: str) -> Mapping[int, StructField]:
    """Return the fields of a struct, by number."""
    return {int(number): StructField.parse(text) for number, text in _document()["structs"][name].items()}


def _read(name: str, data: bytes) -> Any:
    """Return a struct as JSON."""
    if name in _SPECIAL_FORMS:
        return _SPECIAL_FORMS[name](data)
    fields, result = _struct(name), dict[str, Any]()
    for number, raw in _fields(data):
        if number in fields:
            _put(result, fields[number], raw)
    zeros = [field.name for field in fields.values() if field.omits_zero and result.get(field.name) in ("", 0)]
    return {name: value for name, value in result.items() if name not in zeros}


def _put(result: dict[str, Any], field: StructField, raw: Value) -> None:
    """Add the value of one field on the wire."""
    if field.shape == "map[string]":
        key, value = _entry(field, _content(raw))
        result.setdefault(field.name, {})[key] = value
    elif field.shape:
        result.setdefault(field.name, []).append(_value(field.kind, raw))
    elif field.name:
        result[field.name] = _value(field.kind, raw)
    else:
        result.update(_value(field.kind, raw))


def _entry(field: StructField, data: bytes) -> tuple[str, Any]:
    """Return one pair of a map. A missing part is a zero."""
    entry = dict(_fields(data))
    zero: Value = 0 if field.kind.startswith(("bool", "int")) else b""
    return _text(entry.get(1, b"")), _value(field.kind, entry.get(2, zero))


def _value(kind: str, raw: Value) -> Any:
    match kind:
        case "bool":
            return bool(_number(raw))
        case "int32" | "int64":
            number = _number(raw)
            return number - (1 << 64) if number >> 63 else number
        case "string":
            return _text(raw)
        case "bytes":
            return base64.b64encode(_content(raw)).decode()
        case _:
            return _read(kind, _content(raw))


def _fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """Yield the numbers and values of a message, in order. Raises MalformedMessage."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, form = tag >> 3, tag & 7
        if form == _VARINT:
            value, position = _varint(data, position)
            yield number, value
            continue
        length, position = _varint(data, position) if form == _LENGTH else (_FIXED.get(form, -1), position)
        if length < 0 or number == 0:
            raise MalformedMessage(f"proto: illegal tag {number} (wire type {form})")
        if position + length > len(data):
            raise MalformedMessage("unexpected EOF")
        yield number, data[position : position + length]
        position += length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Return a number of up to 64 bits, and the position after it."""
    number = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise MalformedMessage("unexpected EOF")
        number |= (data[position] & 0x7F) << shift
        position += 1
        if data[position - 1] < 0x80:
            return number & (1 << 64) - 1, position
    raise MalformedMessage("proto: integer overflow")


def _content(raw: Value) -> bytes:
    if isinstance(raw, int):
        raise MalformedMessage("proto: wrong wireType = 0 for a field of bytes")
    return raw


def _number(raw: Value) -> int:
    if isinstance(raw, bytes):
        raise MalformedMessage("proto: wrong wireType = 2 for a number")
    return raw


def _text(raw: Value) -> str:
    return _content(raw).decode()


def _quantity(data: bytes) -> str:
    return _text(dict(_fields(data)).get(1, b"0"))


def _int_or_string(data: bytes) -> int | str:
    fields = dict(_fields(data))
    number: int = _value("int32", fields.get(2, 0))
    return _text(fields.get(3, b"")) if fields.get(1) else number


def _time(data: bytes) -> str | None:
    """Return RFC 3339 in whole seconds; None for the zero time, which is an empty message."""
    return f"{_moment(data):%Y-%m-%dT%H:%M:%SZ}" if data else None


def _micro_time(data: bytes) -> str | None:
    return f"{_moment(data):%Y-%m-%dT%H:%M:%S.%fZ}" if data else None


def _moment(data: bytes) -> datetime:
    fields = dict(_fields(data))
    seconds, nanoseconds = (_value("int64", fields.get(number, 0)) for number in (1, 2))
    return _EPOCH + timedelta(seconds=seconds, microseconds=nanoseconds // 1000)


def _raw_json(data: bytes) -> Any:
    return json.loads(_content(dict(_fields(data)).get(1, b"{}")))


def _items(data: bytes) -> list[str]:
    return [_text(raw) for number, raw in _fields(data) if number == 1]


_SPECIAL_FORMS: Mapping[str, Callable[[bytes], Any]] = {
    "io.k8s.api.authentication.v1.ExtraValue": _items,
    "io.k8s.api.authorization.v1.ExtraValue": _items,
    "io.k8s.apimachinery.pkg.api.resource.Quantity": _quantity,
    "io.k8s.apimachinery.pkg.runtime.RawExtension": _raw_json,
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": _int_or_string,
    f"{_META}.FieldsV1": _raw_json,
    f"{_META}.MicroTime": _micro_time,
    f"{_META}.Time": _time,
}
"""Structs whose JSON is not an object with their fields."""
