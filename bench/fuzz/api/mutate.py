"""Mutations of requests: bytes, headers, values, and the way they are sent."""

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from bench.fuzz.api.corpus import CORPUS, Request
from bench.fuzz.mutate import NASTY, VALUES, places

# fmt: off
_WORDS = (
    "", "/", "//", "..", "%2e%2e", "%00", "%", "%zz", "%ff", "\x00", "\u202e", "é", "a" * 300, "a" * 9000, "a/" * 300,
    "*", "-1", "0", "1e400", "9" * 30, "9" * 5000, "nan", "true", "all", "All", ",", "=", "!", "!=", "a=b,", "a in (",
    "a in (b", "in", "(),()", "a==b==c", "metadata.name=x", "spec.x=y", "{token}", "?", "&", ";", "#", "+",
    "kube-system", "pods", "exec", "attach", "portforward",
    "log", "status", "scale", "ephemeralcontainers", "finalize", "watch", "v1", "apis", "api",
    "openapi", "v2", "\ud800", "Strict", "None", "Object", "[::1]", "http://x/y",
)
_METHODS = (
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PROPFIND", "get", "", "\x00",
    "A" * 99,
)
_HEADERS = (
    "Accept", "Authorization", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Expect", "Host",
    "If-None-Match", "Origin", "Sec-WebSocket-Key", "Sec-WebSocket-Protocol", "Sec-WebSocket-Version",
    "Transfer-Encoding", "Upgrade", "User-Agent", "X", "",
)
_HEADER_VALUES = (
    "", "*/*", "text/html", "application/json", "application/yaml", "application/vnd.kubernetes.protobuf",
    "application/json;as=Table", "application/json;as=Table;v=v1;g=meta.k8s.io", "application/json;q=x;as=",
    "application/apply-patch+yaml", "application/json; charset=x", "gzip", "deflate", "br", "chunked",
    "identity, chunked", "close", "keep-alive, Upgrade", "100-continue", "websocket", "h2c", "SPDY/3.1", "Bearer",
    "Bearer {token}x", "Bearer \ud800", "Basic {token}", "v4.channel.k8s.io", "x", ",", "-1", "0", "1", "99999999999",
    "+5", "5, 5", "a" * 9000, "\x00", "\x0b", "é",
)
_TAILS = (
    b"", b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 50, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"5\r\nhello\r\n0\r\n\r\n", b"ffffffffffffffff\r\n",
    b"GET /{token} HTTP/9.9\r\n\r\n", b"\r\n" * 50, b"\x81\x85\x00\x00\x00\x00hello",
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Sent:
    """The bytes of a request; ``whole``: it is complete, so that the server waits for nothing more."""

    content: bytes
    whole: bool


def mutated(dice: random.Random, token: str) -> Sent:
    """Return a malformed request."""
    request = dice.choice(CORPUS)
    if dice.random() < 0.25:
        return _raw(request.to_bytes(token), dice, token)
    for _ in range(dice.choice((1, 1, 2, 3))):
        request = dice.choice(_MUTATIONS)(request, dice)
    whole = not {name.lower() for name in request.headers} & {
        "content-length",
        "transfer-encoding",
        "expect",
        "upgrade",
    }
    content = request.to_bytes(token).replace(b"{token}", token.encode())
    return Sent(content, whole=whole and b"\x00" not in content.split(b"\r\n\r\n")[0])


def _raw(content: bytes, dice: random.Random, token: str) -> Sent:
    """Return the request with bytes changed, removed or inserted anywhere."""
    at, to = sorted(dice.randrange(len(content) + 1) for _ in range(2))
    nasty = dice.choice((*NASTY, *_TAILS)).replace(b"{token}", token.encode())
    changed = dice.choice(
        (
            content[:at] + bytes([dice.randrange(256)]) + content[at + dice.randrange(2) :],
            content[:at] + content[to:],
            content[:at] + nasty + content[at:],
            content[:at],
            content + nasty,
            nasty + content,
            nasty,
        )
    )
    return Sent(changed, whole=False)


def _method(request: Request, dice: random.Random) -> Request:
    return replace(request, method=dice.choice(_METHODS))


def _segment(request: Request, dice: random.Random) -> Request:
    """Replace, insert or remove a segment of the path."""
    path, mark, query = request.path.partition("?")
    parts = path.split("/")
    at = dice.randrange(len(parts))
    parts[at : at + dice.randrange(2)] = [dice.choice(_WORDS)] * dice.choice((0, 1, 1, 1, 2))
    return replace(request, path="/".join(parts) + mark + query)


def _parameter(request: Request, dice: random.Random) -> Request:
    """Replace a value of the query, or add a parameter."""
    path, _, query = request.path.partition("?")
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    if pairs and dice.random() < 0.6:
        at = dice.randrange(len(pairs))
        pairs[at] = (pairs[at][0], "=", dice.choice(_WORDS))
    else:
        pairs.append((dice.choice(_PARAMETERS), "=", dice.choice(_WORDS)))
    return replace(request, path=f"{path}?{'&'.join(''.join(pair) for pair in pairs)}")


_PARAMETERS = (
    *("watch", "limit", "continue", "resourceVersion", "resourceVersionMatch", "timeoutSeconds", "sendInitialEvents"),
    *(
        "labelSelector",
        "fieldSelector",
        "includeObject",
        "fieldManager",
        "fieldValidation",
        "force",
        "dryRun",
        "pretty",
    ),
    *(
        "container",
        "command",
        "tailLines",
        "limitBytes",
        "sinceSeconds",
        "sinceTime",
        "timestamps",
        "previous",
        "stdin",
    ),
)


def _header(request: Request, dice: random.Random) -> Request:
    return replace(request, headers={**request.headers, dice.choice(_HEADERS): dice.choice(_HEADER_VALUES)})


def _value(request: Request, dice: random.Random) -> Request:
    """Replace a random value of the body; a request that creates pods becomes a dry run."""
    if not isinstance(request.body, dict | list):
        return _body_bytes(request, dice)
    holder_of = {"": copy.deepcopy(request.body)}
    holder, key = dice.choice(list(places(holder_of)))
    if dice.random() < 0.2 and isinstance(holder, dict):
        holder[dice.choice(("x", "", "name", "$patch", "$retainKeys", "$setElementOrder/ports"))] = holder.pop(key)
    else:
        holder[key] = dice.choice(VALUES)
    return _as_dry_run(replace(request, body=next(iter(holder_of.values()))))


def _body_bytes(request: Request, dice: random.Random) -> Request:
    content = request.content()
    at, to = sorted(dice.randrange(len(content) + 1) for _ in range(2))
    nasty = dice.choice(NASTY)
    return _as_dry_run(replace(request, body=dice.choice((content[:at] + nasty + content[to:], content[:at], nasty))))


def _as_dry_run(request: Request) -> Request:
    """Return the request as a dry run if a large number in it would create that many pods."""
    if "/apis/apps/" not in request.path:
        return request
    return replace(request, path=request.path.partition("?")[0] + "?dryRun=All&fieldManager=y")


_MUTATIONS: tuple[Callable[[Request, random.Random], Request], ...] = (
    *(_method, _header, _header, _segment, _segment, _parameter, _parameter),
    *(_value,) * 5,
    _body_bytes,
)
