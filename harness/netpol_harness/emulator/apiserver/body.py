"""The body of a request as a JSON value, by its media type.

What comes out is sound: of limited depth, without numbers and characters that JSON cannot write.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from aiohttp import hdrs, web

from netpol_harness.emulator.apiserver import protobuf
from netpol_harness.emulator.apiserver.encoding import JSON
from netpol_harness.emulator.apiserver.errors import bad_request, media_type_refused

APPLY = "application/apply-patch+yaml"
_YAML = "application/yaml"
_PATCHES = ("application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json")
_DEPTH = 200
"""Levels of lists and objects; the schema's own are 30."""


async def body_of(request: web.BaseRequest) -> object:
    """What the body says, None when it is empty; without a Content-Type it is JSON.

    Raises StatusError: 400 for what cannot be read, 415 for a media type that no reader knows.
    """
    content = await request.read()
    if not content:
        return None
    media_type = media_type_of(request)
    if media_type not in _READERS:
        raise media_type_refused((JSON, _YAML, protobuf.MEDIA_TYPE))
    return sound(_READERS[media_type](content))


def media_type_of(request: web.BaseRequest) -> str:
    """The Content-Type without parameters, JSON where there is none; aiohttp's own reading recurses into comments."""
    return request.headers.get(hdrs.CONTENT_TYPE, JSON).partition(";")[0].strip().lower()


def _json(content: bytes) -> Any:
    try:
        return json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError) as unreadable:
        raise bad_request(f"the object provided is unrecognized: invalid JSON: {unreadable}") from None


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"invalid literal {word}")


def _yaml(content: bytes) -> Any:
    """YAML, which is JSON more often than not: that is read much faster."""
    try:
        return json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        from netpol_harness.emulator.apiserver import yamlbody

        return yamlbody.read(content, _DEPTH)


def sound(value: Any) -> Any:
    """The value with keys that are texts and texts that can be written; raises StatusError 400 for what cannot."""
    return _sound(value, _DEPTH)


def _sound(value: Any, levels: int) -> Any:
    if isinstance(value, dict | list) and not levels:
        raise bad_request("the object provided is unrecognized: exceeded max depth")
    if isinstance(value, dict):
        return {_sound(_key(name), 1): _sound(part, levels - 1) for name, part in value.items()}
    if isinstance(value, list):
        return [_sound(part, levels - 1) for part in value]
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, float) and not math.isfinite(value):
        raise bad_request(f"json: cannot unmarshal number {value} into Go value of type float64")
    if not isinstance(value, str | int | float | None):
        raise bad_request(f"the object provided is unrecognized: {type(value).__name__} is not a type of JSON")
    return value


def _key(name: object) -> str:
    """A key as JSON has it: YAML's numbers and booleans are written out."""
    return name if isinstance(name, str) else json.dumps(name, default=str)


_READERS: Mapping[str, Callable[[bytes], Any]] = {
    JSON: _json,
    **dict.fromkeys(_PATCHES, _json),
    **dict.fromkeys((APPLY, _YAML), _yaml),
    protobuf.MEDIA_TYPE: protobuf.decode,
}
