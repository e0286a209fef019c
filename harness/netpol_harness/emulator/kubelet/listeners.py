"""Sockets of stand-ins: one process has the listeners of all pods, each opened inside its pod's network.

There are two kinds, streams and datagrams; the ``Responder`` decides the answers. Sockets are read on the event loop
without transports: a probe that connects and leaves costs one accept, one read and one close. Invariant: an open socket
keeps its network alive, so a pod is gone only after ``Listeners.close_all``.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from typing import Protocol as Interface

from netpol_harness.emulator.kernel.netns import Namespaces, in_network
from netpol_harness.model.names import Port, Protocol

PeerAddress = tuple[str, int]

BACKLOG = 4096
_BATCH = 256  # connections or datagrams handled before other sockets get their turn
_LONGEST_REQUEST = 65536

_KINDS = {
    Protocol.TCP: (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    Protocol.UDP: (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    Protocol.SCTP: (socket.SOCK_STREAM, socket.IPPROTO_SCTP),
}


class Responder(Interface):
    """Decides the answers of a listener. Its calls are pure and never wait."""

    def stream(self, received: bytes, peer: PeerAddress, *, ended: bool) -> bytes | None:
        """Return the whole answer to what a connection has sent so far; ``None`` if more input is needed.

        ``ended`` is true if the peer sends nothing more.
        """
        ...

    def remainder(self, received: bytes) -> bytes | None:
        """Return the input after the answered part; ``None`` if the answer ends the connection."""
        ...

    def datagram(self, payload: bytes, peer: PeerAddress) -> bytes | None:
        """Return the answer to one datagram; ``None`` for no answer."""
        ...


class Listeners:
    """The open listeners of one pod, by port. Those of ``AF_INET6`` take connections of both families."""

    def __init__(self, pod: Namespaces, home: Namespaces, family: socket.AddressFamily = socket.AF_INET) -> None:
        self._pod = pod
        self._home = home
        self._family = family
        self._open: dict[Port, _Listener] = {}

    @property
    def ports(self) -> frozenset[Port]:
        """The ports with a listener."""
        return frozenset(self._open)

    def open(self, port: Port, responder: Responder) -> None:
        """Listen on every address of the pod. Raises ``OSError`` if the port is in use or the kernel lacks the
        protocol.
        """
        kind, number = _KINDS[port.protocol]
        with in_network(self._pod.net, self._home.net):
            sock = socket.socket(self._family, kind | socket.SOCK_NONBLOCK, number)
        try:
            if self._family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            listener = _DatagramListener if kind == socket.SOCK_DGRAM else _StreamListener
            self._open[port] = listener(sock, port.number, responder)
        except OSError:
            sock.close()
            raise

    async def dial(self, number: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a TCP port of the pod on its own loopback. Raises ``OSError``."""
        with in_network(self._pod.net, self._home.net):
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", number))
            return await asyncio.open_connection(sock=sock)
        except BaseException:
            sock.close()
            raise

    def close(self, port: Port) -> None:
        """Stop listening on one port. New connections to it are refused."""
        listener = self._open.pop(port, None)
        if listener:
            listener.close()

    def close_all(self) -> None:
        """Stop listening, and end all open connections."""
        for port in self.ports:
            self.close(port)


class _Listener(Interface):
    def close(self) -> None: ...


class _DatagramListener:
    def __init__(self, sock: socket.socket, number: int, responder: Responder) -> None:
        sock.bind(("", number))
        self._socket = sock
        self._responder = responder
        asyncio.get_running_loop().add_reader(sock, self._answer)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _answer(self) -> None:
        with suppress(OSError):  # nothing more to read, or the peer cannot be reached
            for _ in range(_BATCH):
                payload, peer = self._socket.recvfrom(65535)
                if (answer := self._responder.datagram(payload, _plain(peer))) is not None:
                    self._socket.sendto(answer, peer)


class _StreamListener:
    def __init__(self, sock: socket.socket, number: int, responder: Responder) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("", number))
        sock.listen(BACKLOG)
        self._socket = sock
        self._responder = responder
        self._connections: set[_StreamConnection] = set()
        asyncio.get_running_loop().add_reader(sock, self._accept)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        for connection in tuple(self._connections):
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):  # no connection waits, or it has been closed already
            for _ in range(_BATCH):
                sock, peer = self._socket.accept()
                os.set_blocking(sock.fileno(), False)
                connection = _StreamConnection(sock, _plain(peer), self._responder, self._connections.discard)
                self._connections.add(connection)
                connection.begin()


class _StreamConnection:
    """One connection: read until the responder has an answer, send it, then continue or wait for the peer to close."""

    __slots__ = ("_answered", "_discard", "_is_reading", "_peer", "_received", "_responder", "_socket")

    def __init__(
        self,
        sock: socket.socket,
        peer: PeerAddress,
        responder: Responder,
        discard: Callable[["_StreamConnection"], None],
    ) -> None:
        self._socket = sock
        self._peer = peer
        self._responder = responder
        self._discard = discard
        self._received = b""
        self._answered = False
        self._is_reading = False

    def begin(self) -> None:
        """Read at once: mostly the request, or the end, has arrived already. Otherwise the responder may
        speak first.
        """
        self._read()
        if not self._is_reading and self._socket.fileno() >= 0:
            self._is_reading = True
            asyncio.get_running_loop().add_reader(self._socket, self._read)
            if not self._received and not self._answered:
                self._respond(ended=False)

    def close(self) -> None:
        if self._is_reading:
            asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        self._discard(self)

    def _read(self) -> None:
        try:
            data = self._socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
            self._answered = True
        if not self._answered:
            self._received += data
            self._respond(ended=not data)
        if not data or len(self._received) > _LONGEST_REQUEST:
            self.close()

    def _respond(self, *, ended: bool) -> None:
        while not self._answered:
            answer = self._responder.stream(self._received, self._peer, ended=ended)
            if answer is None:
                return
            remainder = self._responder.remainder(self._received)
            self._answered = remainder is None
            with suppress(OSError):  # the peer has closed the connection
                self._socket.send(answer)
                if self._answered:
                    self._socket.shutdown(socket.SHUT_WR)
            if not (remainder or ended):
                self._received = b""
                return
            self._received = remainder or b""
            self._answered |= ended


def _plain(peer: tuple[Any, ...]) -> PeerAddress:
    """Return address and port; a socket of both families shows IPv4 addresses as mapped to IPv6 (RFC 4291, 2.5.5.2)."""
    return str(peer[0]).removeprefix("::ffff:"), int(peer[1])
