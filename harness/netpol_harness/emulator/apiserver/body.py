"""The body of a request as a JSON value, by its media type.

The result is sanitized: it has limited depth, and no numbers or characters that JSON cannot represent.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from aiohttp import hdrs, web

from netpol_harness.emulator.apiserver import protobuf
from netpol_harness.emulator.apiserver.encoding import JSON
from netpol_harness.emulator.apiserver.errors import bad_request, unsupported_media_type

APPLY = "application/apply-patch+yaml"
_YAML = "application/yaml"
_PATCHES = ("application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json")
_DEPTH = 200
"""Levels of lists and objects; the schema has 30."""


async def read_body(request: web.BaseRequest) -> object:
    """Return the body's value, or None if it is empty. Without a Content-Type it is JSON.

    Raises StatusError: 400 if it cannot be read, 415 for an unknown media type.
    """
    content = await request.read()
    if not content:
        return None
    kind = media_type(request)
    if kind not in _READERS:
        raise unsupported_media_type((JSON, _YAML, protobuf.MEDIA_TYPE))
    return sanitize(_READERS[kind](content))


def media_type(request: web.BaseRequest) -> str:
    """Return the Content-Type without parameters; JSON by default. aiohttp's own parser recurses into comments."""
    return request.headers.get(hdrs.CONTENT_TYPE, JSON).partition(";")[0].strip().lower()


def _json(content: bytes) -> Any:
    try:
        return json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError) as unreadable:
        raise bad_request(f"the object provided is unrecognized: invalid JSON: {unreadable}") from None


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"invalid literal {word}")


def _yaml(content: bytes) -> Any:
    """Read YAML. It is JSON more often than not, which is read much faster."""
    try:
        return json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        from netpol_harness.emulator.apiserver import yamlbody

        return yamlbody.read(content, _DEPTH)


def sanitize(value: Any) -> Any:
    """Return the value with text keys and valid Unicode. Raises StatusError 400 if that is impossible."""
    return _sanitize(value, _DEPTH)


def _sanitize(value: Any, levels: int) -> Any:
    if isinstance(value, dict | list) and not levels:
        raise bad_request("the object provided is unrecognized: exceeded max depth")
    if isinstance(value, dict):
        return {_sanitize(_key(name), 1): _sanitize(part, levels - 1) for name, part in value.items()}
    if isinstance(value, list):
        return [_sanitize(part, levels - 1) for part in value]
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, float) and not math.isfinite(value):
        raise bad_request(f"json: cannot unmarshal number {value} into Go value of type float64")
    if not isinstance(value, str | int | float | None):
        raise bad_request(f"the object provided is unrecognized: {type(value).__name__} is not a type of JSON")
    return value


def _key(name: object) -> str:
    """Return a key in JSON's form: YAML's numbers and booleans are written out."""
    return name if isinstance(name, str) else json.dumps(name, default=str)


_READERS: Mapping[str, Callable[[bytes], Any]] = {
    JSON: _json,
    **dict.fromkeys(_PATCHES, _json),
    **dict.fromkeys((APPLY, _YAML), _yaml),
    protobuf.MEDIA_TYPE: protobuf.decode,
}
