"""Sockets in the network of a node, for a daemon whose event loop is in another one."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from netpol_harness.emulator.kernel.netns import in_network

AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]
"""What ``getaddrinfo`` returns: family, type, protocol, canonical name, address."""


class NodeSockets:
    """Opens sockets in the network behind the descriptor ``network``; ``home`` is that of the calling thread."""

    def __init__(self, network: int, home: int) -> None:
        self._network = network
        self._home = home

    def open(self, info: AddressInfo) -> socket.socket:
        """Return a socket that can be connected to this address (``aiohttp.TCPConnector``)."""
        family, kind, protocol, _, _ = info
        return self._run(lambda: socket.socket(family, kind, protocol))

    def listen(self, address: str, port: int) -> socket.socket:
        """Return a listening TCP socket. Raises ``OSError``."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return self._run(lambda: socket.create_server((address, port), family=family, backlog=1024))

    async def connect(self, host: str, port: int) -> None:
        """Connect to a TCP port and close the connection. Raises the ``OSError`` of the last address of the host."""
        loop = asyncio.get_running_loop()
        failure: OSError | None = None
        for info in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            with self.open(info) as sock:
                sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
                try:
                    await loop.sock_connect(sock, info[4])
                except OSError as problem:
                    failure = problem
                else:
                    return
        raise failure or OSError(f"{host} has no address")

    def _run(self, create: Callable[[], socket.socket]) -> socket.socket:
        with in_network(self._network, self._home):
            return create()
