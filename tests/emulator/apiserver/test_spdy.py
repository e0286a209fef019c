import struct
import zlib

import pytest

from netpol_harness.emulator.apiserver.spdy import DICTIONARY, FrameKind, MalformedFrame, SpdyConnection


def syn_stream(stream: int, headers: dict[str, str]) -> bytes:
    words = [word.encode() for pair in headers.items() for word in pair]
    block = struct.pack("!I", len(headers)) + b"".join(struct.pack("!I", len(word)) + word for word in words)
    deflate = zlib.compressobj(zdict=DICTIONARY)
    body = struct.pack("!IIH", stream, 0, 0) + deflate.compress(block) + deflate.flush(zlib.Z_SYNC_FLUSH)
    return struct.pack("!II", 0x80030001, len(body)) + body


def test_the_dictionary_is_that_of_the_draft() -> None:
    assert (len(DICTIONARY), zlib.adler32(DICTIONARY)) == (1423, 0xE3C6A7C2)


def test_frames_may_arrive_in_pieces() -> None:
    sent = syn_stream(3, {"streamtype": "data", "port": "80"}) + SpdyConnection().data(3, b"hello", last=True)
    connection = SpdyConnection()
    opened, data = [frame for byte in sent for frame in connection.feed(bytes([byte]))]
    assert (opened.kind, opened.stream, opened.headers) == (
        FrameKind.SYN_STREAM,
        3,
        {"streamtype": "data", "port": "80"},
    )
    assert (data.kind, data.stream, data.payload, data.last) == (FrameKind.DATA, 3, b"hello", True)


def test_a_ping_is_returned_and_settings_are_ignored() -> None:
    settings = struct.pack("!II", 0x80030004, 4) + b"\0\0\0\0"
    (ping,) = SpdyConnection().feed(settings + SpdyConnection().ping(b"\0\0\0\1"))
    assert (ping.kind, ping.payload) == (FrameKind.PING, b"\0\0\0\1")


@pytest.mark.parametrize("body", [b"", b"\0\0\0\1\0\0\0\0\0\0not compressed"])
def test_malformed_streams_are_refused(body: bytes) -> None:
    with pytest.raises(MalformedFrame):
        SpdyConnection().feed(struct.pack("!II", 0x80030001, len(body)) + body)
