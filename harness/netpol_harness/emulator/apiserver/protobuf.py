"""Bodies in Kubernetes' protobuf, as the typed clients of kubectl and other Go programs send them, as JSON values.

An envelope (four bytes, then `runtime.Unknown`) names the kind; its struct is read by `wire.json`, which
`tools/generate_wire.py` makes from the Go structs. Pointers, `omitempty` and inline structs decide what a zero means
and where a field stands, and no .proto file tells them: what a protobuf library would add is the reading of tags and
lengths, a page here. Unknown fields are skipped, as the real server does.
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
"""What stands on the wire: a number, or bytes that are a text, a struct or what the field's type says."""


class MalformedMessage(ValueError):
    """Bytes that are no message of the expected type."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a struct: its JSON name ("" for an inline struct) and its Go type, taken apart."""

    name: str
    kind: str
    shape: str
    """"" for a single value, "[]" or "map[string]" for many."""
    omits_zero: bool

    @classmethod
    def parse(cls, text: str) -> "Field":
        """Read `replicas,omitempty *int32`, or ` []TYPE` for an inline one."""
        tag, _, go = text.partition(" ")
        name, _, options = tag.partition(",")
        shape = next((shape for shape in ("[]", "map[string]") if go.startswith(shape)), "")
        kind = go.removeprefix(shape)
        return cls(name, kind.removeprefix("*"), shape, options == "omitempty" and not kind.startswith("*"))


def decode(body: bytes) -> Any:
    """The object in a request's body, with its apiVersion and kind; raises StatusError 400."""
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
def _struct(name: str) -> Mapping[int, Field]:
    """The fields of a struct by number."""
    return {int(number): Field.parse(text) for number, text in _document()["structs"][name].items()}


def _read(name: str, data: bytes) -> Any:
    """A struct as JSON."""
    if name in _OWN_FORMS:
        return _OWN_FORMS[name](data)
    fields, read = _struct(name), dict[str, Any]()
    for number, raw in _fields(data):
        if number in fields:
            _put(read, fields[number], raw)
    zeros = [field.name for field in fields.values() if field.omits_zero and read.get(field.name) in ("", 0)]
    return {name: value for name, value in read.items() if name not in zeros}


def _put(read: dict[str, Any], field: Field, raw: Value) -> None:
    """Add what one field on the wire says."""
    if field.shape == "map[string]":
        key, value = _entry(field, _content(raw))
        read.setdefault(field.name, {})[key] = value
    elif field.shape:
        read.setdefault(field.name, []).append(_value(field.kind, raw))
    elif field.name:
        read[field.name] = _value(field.kind, raw)
    else:
        read.update(_value(field.kind, raw))


def _entry(field: Field, data: bytes) -> tuple[str, Any]:
    """One pair of a map; what the wire leaves out is a zero."""
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
    """The numbers and values of a message, in order; raises Malformed."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, form = tag >> 3, tag & 7
        if form == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        length, at = _varint(data, at) if form == _LENGTH else (_FIXED.get(form, -1), at)
        if length < 0 or number == 0:
            raise MalformedMessage(f"proto: illegal tag {number} (wire type {form})")
        if at + length > len(data):
            raise MalformedMessage("unexpected EOF")
        yield number, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of up to 64 bits, and where it ends."""
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise MalformedMessage("unexpected EOF")
        number |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return number & (1 << 64) - 1, at
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
    given = dict(_fields(data))
    number: int = _value("int32", given.get(2, 0))
    return _text(given.get(3, b"")) if given.get(1) else number


def _time(data: bytes) -> str | None:
    """RFC 3339 in whole seconds; None for the zero time, which is an empty message."""
    return f"{_moment(data):%Y-%m-%dT%H:%M:%SZ}" if data else None


def _micro_time(data: bytes) -> str | None:
    return f"{_moment(data):%Y-%m-%dT%H:%M:%S.%fZ}" if data else None


def _moment(data: bytes) -> datetime:
    given = dict(_fields(data))
    seconds, nanoseconds = (_value("int64", given.get(number, 0)) for number in (1, 2))
    return _EPOCH + timedelta(seconds=seconds, microseconds=nanoseconds // 1000)


def _raw_json(data: bytes) -> Any:
    return json.loads(_content(dict(_fields(data)).get(1, b"{}")))


def _items(data: bytes) -> list[str]:
    return [_text(raw) for number, raw in _fields(data) if number == 1]


_OWN_FORMS: Mapping[str, Callable[[bytes], Any]] = {
    "io.k8s.api.authentication.v1.ExtraValue": _items,
    "io.k8s.api.authorization.v1.ExtraValue": _items,
    "io.k8s.apimachinery.pkg.api.resource.Quantity": _quantity,
    "io.k8s.apimachinery.pkg.runtime.RawExtension": _raw_json,
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": _int_or_string,
    f"{_META}.FieldsV1": _raw_json,
    f"{_META}.MicroTime": _micro_time,
    f"{_META}.Time": _time,
}
"""Structs whose JSON is not an object of their fields."""
