"""Connections on loopback, which must end as those of the program that runs for names do."""

import asyncio
import os
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest

from netpol_harness.emulator.kubelet.agnhost import Connect
from netpol_harness.emulator.kubelet.connector import Connector

pytestmark = pytest.mark.live  # it enters a network namespace: this process's own


@dataclass
class Streams:
    """The streams of an exec without input or output."""

    tty: bool = False
    errors: bytes = b""
    stdin: AsyncIterator[bytes] | None = field(default=None)

    async def stdout(self, data: bytes) -> None:
        raise AssertionError(data)

    async def stderr(self, data: bytes) -> None:
        self.errors += data


@pytest.fixture
def network() -> Iterator[int]:
    descriptor = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


@pytest.fixture(params=["127.0.0.1", "::1"])
def host(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def connect(network: int, request: Connect) -> tuple[int, str]:
    streams = Streams()
    code = asyncio.run(Connector(network, lambda _, __: {}).run(request, network, streams))
    return code, streams.errors.decode()


def by_program(request: Connect) -> tuple[int, str]:
    done = subprocess.run(request.program(), capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def bound(host: str, kind: socket.SocketKind) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    sock.bind((host, 0))
    return sock


def test_an_open_port_is_connected_to(network: int, host: str) -> None:
    with bound(host, socket.SOCK_STREAM) as server:
        server.listen()
        request = Connect(host, server.getsockname()[1], 5.0, "tcp", "")
        assert connect(network, request) == by_program(request) == (0, "")


@pytest.mark.parametrize(("protocol", "kind"), [("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)])
def test_a_closed_port_refuses(network: int, host: str, protocol: str, kind: socket.SocketKind) -> None:
    with bound(host, kind) as server:
        number = server.getsockname()[1]
    request = Connect(host, number, 5.0, protocol, "x")
    assert connect(network, request) == by_program(request) == (1, "REFUSED\n")


def test_udp_needs_an_answer(network: int, host: str) -> None:
    with bound(host, socket.SOCK_DGRAM) as server:
        request = Connect(host, server.getsockname()[1], 0.05, "udp", "hello")
        assert connect(network, request) == by_program(request) == (1, "TIMEOUT\n")
        assert server.recv(100) == server.recv(100) == b"hello\n"


def test_an_address_without_a_route_is_another_error(network: int) -> None:
    request = Connect("240.0.0.1", 80, 5.0, "tcp", "")
    assert connect(network, request) == by_program(request)


def test_a_connection_that_the_kernel_made_in_time_counts_if_the_loop_was_late(network: int, host: str) -> None:
    with bound(host, socket.SOCK_STREAM) as server:
        server.listen()
        assert connect(network, Connect(host, server.getsockname()[1], 1e-9, "tcp", "")) == (0, "")
