"""Sockets of stand-ins: one process holds the listeners of all pods, each opened inside its pod's network.

Two kinds, streams and datagrams; what is answered is the ``Responder``'s business. Readers on the event loop, no
transports: a probe that connects and goes away costs an accept, a read and a close.
Invariant: an open socket keeps its network alive, so a pod is gone only after ``Listeners.close``.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol as Interface

from netpol_harness.emulator.kernel.netns import Namespaces, in_network
from netpol_harness.model.names import Port, Protocol

Peer = tuple[str, int]

BACKLOG = 4096
_BATCH = 256  # connections or datagrams taken before other sockets have their turn
_LONGEST_REQUEST = 65536

_KINDS = {
    Protocol.TCP: (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    Protocol.UDP: (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    Protocol.SCTP: (socket.SOCK_STREAM, socket.IPPROTO_SCTP),
}


class Responder(Interface):
    """What a listener says. Pure calls: no waiting."""

    def stream(self, received: bytes, peer: Peer, *, ended: bool) -> bytes | None:
        """The whole answer to what a connection has sent so far (``ended``: and will ever send); ``None`` for more."""
        ...

    def beyond(self, received: bytes) -> bytes | None:
        """What of all that was received comes after the answered part; ``None`` where the answer ends it all."""
        ...

    def datagram(self, payload: bytes, peer: Peer) -> bytes | None:
        """The answer to one datagram; ``None`` where there is none."""
        ...


class Listeners:
    """The open listeners of one pod, by port."""

    def __init__(self, there: Namespaces, home: Namespaces, family: socket.AddressFamily = socket.AF_INET) -> None:
        self._there = there
        self._home = home
        self._family = family
        self._open: dict[Port, _Listener] = {}

    @property
    def ports(self) -> frozenset[Port]:
        """The ports being listened on."""
        return frozenset(self._open)

    def open(self, port: Port, responder: Responder) -> None:
        """Listen on every address of the pod. Raises ``OSError``: in use, or a protocol that the kernel lacks."""
        kind, number = _KINDS[port.protocol]
        with in_network(self._there.net, self._home.net):
            sock = socket.socket(self._family, kind | socket.SOCK_NONBLOCK, number)
        try:
            self._open[port] = (_Datagrams if kind == socket.SOCK_DGRAM else _Streams)(sock, port.number, responder)
        except OSError:
            sock.close()
            raise

    async def dial(self, number: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to a TCP port of the pod on its own loopback. Raises ``OSError``."""
        with in_network(self._there.net, self._home.net):
            sock = socket.socket(self._family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", number))
            return await asyncio.open_connection(sock=sock)
        except BaseException:
            sock.close()
            raise

    def close(self, port: Port) -> None:
        """Stop listening on one port; a connection to it is refused from now on."""
        listener = self._open.pop(port, None)
        if listener:
            listener.close()

    def close_all(self) -> None:
        """Stop listening, and end the connections that are still open."""
        for port in self.ports:
            self.close(port)


class _Listener(Interface):
    def close(self) -> None: ...


class _Datagrams:
    def __init__(self, sock: socket.socket, number: int, responder: Responder) -> None:
        sock.bind(("", number))
        self._socket = sock
        self._responder = responder
        asyncio.get_running_loop().add_reader(sock, self._answer)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _answer(self) -> None:
        with suppress(OSError):  # nothing more to read; or the peer cannot be reached
            for _ in range(_BATCH):
                payload, peer = self._socket.recvfrom(65535)
                if (answer := self._responder.datagram(payload, peer)) is not None:
                    self._socket.sendto(answer, peer)


class _Streams:
    def __init__(self, sock: socket.socket, number: int, responder: Responder) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("", number))
        sock.listen(BACKLOG)
        self._socket = sock
        self._responder = responder
        self._connections: set[_Connection] = set()
        asyncio.get_running_loop().add_reader(sock, self._accept)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        for connection in tuple(self._connections):
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):  # nobody waits; or they have gone already
            for _ in range(_BATCH):
                sock, peer = self._socket.accept()
                os.set_blocking(sock.fileno(), False)
                connection = _Connection(sock, peer, self._responder, self._connections.discard)
                self._connections.add(connection)
                connection.begin()


class _Connection:
    """One conversation: read until the responder has an answer, send it; go on, or wait for the peer to close."""

    __slots__ = ("_answered", "_forget", "_peer", "_received", "_responder", "_socket", "_watched")

    def __init__(
        self, sock: socket.socket, peer: Peer, responder: Responder, forget: Callable[["_Connection"], None]
    ) -> None:
        self._socket = sock
        self._peer = peer
        self._responder = responder
        self._forget = forget
        self._received = b""
        self._answered = False
        self._watched = False

    def begin(self) -> None:
        """Mostly the request, or the end, is there already. If not: perhaps the responder speaks first."""
        self._read()
        if not self._watched and self._socket.fileno() >= 0:
            self._watched = True
            asyncio.get_running_loop().add_reader(self._socket, self._read)
            if not self._received and not self._answered:
                self._respond(ended=False)

    def close(self) -> None:
        if self._watched:
            asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        self._forget(self)

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
            beyond = self._responder.beyond(self._received)
            self._answered = beyond is None
            with suppress(OSError):  # the peer has gone
                self._socket.send(answer)
                if self._answered:
                    self._socket.shutdown(socket.SHUT_WR)
            if not (beyond or ended):
                self._received = b""
                return
            self._received = beyond or b""
            self._answered |= ended
