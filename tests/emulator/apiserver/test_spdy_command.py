"""Exec over SPDY with a client on a bare socket, which does what real clients in Go do at their own pace."""

import json
import socket
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from netpol_harness.emulator.apiserver.spdy import DICTIONARY
from tests.emulator.apiserver.conftest import TOKEN, Served

PODS = "/api/v1/namespaces/default/pods"
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "x"},
    "spec": {"containers": [{"name": "c", "image": "i"}]},
}
SYN_REPLY = 2


class Client:
    """A connection after its upgrade to SPDY."""

    def __init__(self, port: int, query: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)
        head = f"POST /{TOKEN}{PODS}/x/exec?{query} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
        self._socket.sendall(f"{head}X-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n".encode())
        self._received = self._socket.makefile("rb")
        assert self._received.readline().split()[1] == b"101"
        while self._received.readline().strip():
            pass

    def open(self, number: int, kind: str) -> None:
        """Open a stream."""
        words = (b"streamtype", kind.encode())
        block = struct.pack("!I", 1) + b"".join(struct.pack("!I", len(word)) + word for word in words)
        packed = self._deflate.compress(block) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        body = struct.pack("!IIH", number, 0, 0) + packed
        self._socket.sendall(struct.pack("!II", 0x80030001, len(body)) + body)

    def frame(self) -> tuple[str, int, bytes]:
        """Return the next frame: 'reply', 'data' or 'last', its stream, and the data."""
        first, second = struct.unpack("!II", self._received.read(8))
        body = self._received.read(second & 0xFFFFFF)
        if first & 0x80000000:
            assert first & 0xFFFF == SYN_REPLY
            return "reply", struct.unpack("!I", body[:4])[0], b""
        return ("last" if second >> 24 else "data"), first, body

    def close(self) -> None:
        """Close the connection."""
        self._received.close()
        self._socket.close()


@pytest.fixture
def client(served: Served, request: pytest.FixtureRequest) -> Iterator[Client]:
    served.ask("POST", PODS, POD)
    connected = Client(served.port, request.param)
    yield connected
    connected.close()


@pytest.mark.parametrize("client", ["command=true&stdout=true&stderr=true&tty=true"], indirect=True)
def test_a_stream_that_the_client_opens_after_the_end_is_accepted_and_closed(client: Any) -> None:
    client.open(1, "error")
    client.open(3, "stdout")
    frames = [client.frame() for _ in range(5)]
    assert [(kind, number) for kind, number, _ in frames] == [
        ("reply", 1),
        ("reply", 3),
        ("data", 1),
        ("last", 1),
        ("last", 3),
    ]
    assert json.loads(frames[2][2])["status"] == "Success"
    client.open(5, "stderr")
    assert [client.frame() for _ in range(2)] == [("reply", 5, b""), ("last", 5, b"")]
