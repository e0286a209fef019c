"""The frames of SPDY/3.1 (draft-mbelshe-httpbis-spdy-00, 3.1) that a server of port forwarding needs. Pure.

Kubernetes' clients open streams, send data on them and close them; they use neither flow control nor settings. Headers
are compressed with one context per direction and connection, and with a dictionary from the draft.
"""

import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie "
    "keep-alive origin"
)
_TAIL = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden"
    "404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,"
    "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)


def _counted(words: Iterable[str]) -> bytes:
    return b"".join(struct.pack("!I", len(word)) + word.encode("latin-1") for word in words)


DICTIONARY = _counted(word.replace("_", " ") for word in _WORDS.split()) + _TAIL.encode()

_CONTROL = 0x80000000
_VERSION = 3
_HEAD = struct.Struct("!II")  # control: version and type, or stream; flags and length
_FIN = 1
_NO_HEADERS = struct.pack("!I", 0)


class FrameKind(IntEnum):
    """The types of control frames, and DATA."""

    DATA = 0
    SYN_STREAM = 1
    SYN_REPLY = 2
    RST_STREAM = 3
    PING = 6
    GOAWAY = 7


@dataclass(frozen=True, slots=True)
class SpdyFrame:
    """A frame of one of these kinds. ``last``: the sender closes the stream. Data and pings have a ``payload``."""

    kind: FrameKind
    stream: int = 0
    payload: bytes = b""
    last: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


class MalformedFrame(ValueError):
    """Input that is not SPDY/3.1."""


class SpdyConnection:
    """The server's state of one connection: received bytes become frames, and frames become bytes."""

    def __init__(self) -> None:
        self._received = b""
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def feed(self, data: bytes) -> list[SpdyFrame]:
        """Return the frames that are complete now; other kinds are ignored. Raises ``MalformedFrame``."""
        self._received += data
        frames = []
        while len(self._received) >= _HEAD.size:
            first, second = _HEAD.unpack_from(self._received)
            end = _HEAD.size + (second & 0xFFFFFF)
            if len(self._received) < end:
                break
            body, self._received = self._received[_HEAD.size : end], self._received[end:]
            if frame := self._frame(first, second >> 24, body):
                frames.append(frame)
        return frames

    def reply(self, stream: int) -> bytes:
        """Accept a stream that the client opens."""
        block = self._deflate.compress(_NO_HEADERS) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return _control(FrameKind.SYN_REPLY, struct.pack("!I", stream) + block)

    def data(self, stream: int, payload: bytes, *, last: bool = False) -> bytes:
        """Return data on a stream, and close it if ``last``."""
        return _HEAD.pack(stream, (_FIN if last else 0) << 24 | len(payload)) + payload

    def ping(self, payload: bytes) -> bytes:
        """Return the answer to a ping: the same frame."""
        return _control(FrameKind.PING, payload)

    def _frame(self, first: int, flags: int, body: bytes) -> SpdyFrame | None:
        last = bool(flags & _FIN)
        if not first & _CONTROL:
            return SpdyFrame(FrameKind.DATA, first, body, last)
        kind = first & 0xFFFF
        try:
            if kind == FrameKind.SYN_STREAM:
                return SpdyFrame(FrameKind.SYN_STREAM, _stream(body), last=last, headers=self._headers(body[10:]))
            if kind == FrameKind.RST_STREAM:
                return SpdyFrame(FrameKind.RST_STREAM, _stream(body))
        except (struct.error, zlib.error, UnicodeDecodeError) as problem:
            raise MalformedFrame(str(problem)) from problem
        return SpdyFrame(FrameKind(kind), payload=body) if kind in (FrameKind.PING, FrameKind.GOAWAY) else None

    def _headers(self, block: bytes) -> dict[str, str]:
        text = self._inflate.decompress(block)
        (count,) = struct.unpack_from("!I", text)
        position, words = 4, []
        for _ in range(2 * count):
            (length,) = struct.unpack_from("!I", text, position)
            words.append(text[position + 4 : position + 4 + length].decode())
            position += 4 + length
        return dict(zip(words[::2], words[1::2], strict=True))


def _stream(body: bytes) -> int:
    (number,) = struct.unpack_from("!I", body)
    return int(number) & 0x7FFFFFFF


def _control(kind: FrameKind, body: bytes) -> bytes:
    return _HEAD.pack(_CONTROL | _VERSION << 16 | kind, len(body)) + body
