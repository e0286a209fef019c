"""``agnhost connect`` without a process: a socket in the pod's network, and the outcome in agnhost's words.

The socket is the pod's: it is made in the pod's network namespace, so its packets leave by the pod's interface and meet
the same rules as those of a program there. What is spared is the start of an interpreter, 9 ms of processor time for
each of the hundreds of connections of one step of another suite.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from netpol_harness.emulator.apiserver.runtime import ExecStreams
from netpol_harness.emulator.kernel.netns import in_network
from netpol_harness.emulator.kubelet.agnhost import Connect
from netpol_harness.emulator.kubelet.pod_resolver import PORT, ResolverConfiguration, look_up
from netpol_harness.model.json_object import JsonMapping

Files = Callable[[JsonMapping, Sequence[str]], Mapping[str, str]]

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
_LONGEST_ANSWER = 1024


class Connector:
    """Connects from networks of pods; ``home`` is the descriptor of the calling thread's network.

    ``files`` returns what a pod with given addresses has in /etc, by path.
    """

    def __init__(self, home: int, files: Files) -> None:
        self._home = home
        self._files = files

    async def located(
        self, request: Connect, network: int, pod: JsonMapping, addresses: Sequence[str]
    ) -> Connect | None:
        """Return the request with an address, which is looked up from the pod's network if it has IPv4 only.

        ``None`` if a program must run in the container.
        """
        if not request.needs_program:
            return request
        if not request.is_to_name or any(":" in address for address in addresses):
            return None
        configuration = ResolverConfiguration.parse(self._files(pod, addresses))
        with self._socket(socket.AF_INET, socket.SOCK_DGRAM, network) as sock, suppress(OSError):
            sock.connect((configuration.server, PORT))
            if address := await look_up(request.host, configuration, sock):
                return replace(request, host=address)
        return None

    async def run(self, request: Connect, network: int, streams: ExecStreams) -> int:
        """Connect from the network behind a descriptor, and return agnhost's exit code.

        The request is one that is ``located``.
        """
        word = await self._outcome(request, network)
        if word:
            await streams.stderr(f"{word}\n".encode())
        return 1 if word else 0

    async def _outcome(self, request: Connect, network: int) -> str:
        """Return agnhost's word for what went wrong, or an empty string."""
        try:
            with self._open(request, network) as sock:
                await _ask(request, sock)
        except TimeoutError:
            return "TIMEOUT"
        except ConnectionRefusedError:
            return "REFUSED"
        except OSError as problem:
            return f"OTHER: [Errno {problem.errno}] {os.strerror(problem.errno or 0)}"
        return ""

    def _open(self, request: Connect, network: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in request.host else socket.AF_INET
        return self._socket(family, _KINDS[request.protocol], network)

    def _socket(self, family: socket.AddressFamily, kind: socket.SocketKind, network: int) -> socket.socket:
        with in_network(network, self._home):
            return socket.socket(family, kind | socket.SOCK_NONBLOCK)


async def _ask(request: Connect, sock: socket.socket) -> None:
    """Connect, and over UDP wait for an answer. Raises ``OSError``; ``TimeoutError`` if there is none in time."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(request.seconds or None):
            await loop.sock_connect(sock, (request.host, request.port))
            if request.protocol == "udp":
                await loop.sock_sendall(sock, f"{request.payload}\n".encode())
                await loop.sock_recv(sock, _LONGEST_ANSWER)
    except TimeoutError:
        if not _has_answer(request, sock):
            raise


def _has_answer(request: Connect, sock: socket.socket) -> bool:
    """Return whether the kernel has an answer that a busy event loop has not seen in time. Raises ``OSError``."""
    if error := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(error, os.strerror(error))
    try:
        sock.recv(_LONGEST_ANSWER) if request.protocol == "udp" else sock.getpeername()
    except OSError:  # no datagram; not connected
        return False
    return True
