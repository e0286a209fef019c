"""The body of a request as a JSON value, by its media type."""

import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from aiohttp import hdrs, web

from harness.cluster.embedded.api import protobuf
from harness.cluster.embedded.api.encoding import JSON
from harness.cluster.embedded.api.errors import bad_request, media_type_refused

_PATCHES = ("application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json")


async def body_of(request: web.BaseRequest) -> object:
    """What the body says, None when it is empty; without a Content-Type it is JSON.

    Raises StatusError: 400 for what cannot be read, 415 for a media type that no reader knows.
    """
    content = await request.read()
    if not content:
        return None
    media_type = request.content_type if hdrs.CONTENT_TYPE in request.headers else JSON
    if media_type not in _READERS:
        raise media_type_refused((JSON, protobuf.MEDIA_TYPE))
    return _READERS[media_type](content)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError) as unreadable:
        raise bad_request(f"the object provided is unrecognized: invalid JSON: {unreadable}") from None


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"invalid literal {word}")


_READERS: Mapping[str, Callable[[bytes], Any]] = {
    JSON: _json,
    **dict.fromkeys(_PATCHES, _json),
    protobuf.MEDIA_TYPE: protobuf.decode,
}
