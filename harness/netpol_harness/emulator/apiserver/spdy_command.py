"""Exec and attach over SPDY/3.1, as clients written in Go ask for them first: a stream for each of the streams.

The protocol is v4.channel.k8s.io of `k8s.io/client-go/tools/remotecommand`: the client opens the streams ``error``,
``stdin``, ``stdout``, ``stderr`` and ``resize`` as it needs them, the command starts when all are there, and the
stream ``error`` carries the Status at the end.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from aiohttp import web

from netpol_harness.emulator.apiserver.errors import unsupported_media_type
from netpol_harness.emulator.apiserver.remote_command import Session, StreamRequest, run_session
from netpol_harness.emulator.apiserver.spdy import FrameKind, MalformedFrame, SpdyConnection, SpdyFrame
from netpol_harness.emulator.apiserver.upgrade import RawConnection, switch_protocols

SPDY = "SPDY/3.1"
PROTOCOL = "v4.channel.k8s.io"
PROTOCOL_HEADER = "X-Stream-Protocol-Version"
_PATIENCE = 30.0
"""Seconds within which the client must have opened its streams."""
_LINGER = 5.0
"""Seconds that a client has to close the connection after the end of the session."""


class SpdyStreams:
    """The streams of one session (``remote_command.RemoteStreams``). ``expected`` are their types."""

    def __init__(self, connection: RawConnection, requested: StreamRequest, expected: frozenset[str]) -> None:
        self.tty = requested.tty
        self.opened = asyncio.Event()
        self._has_finished = False
        self._connection = connection
        self._has_stdin = requested.stdin
        self._expected = expected
        self._spdy = SpdyConnection()
        self._streams: dict[str, int] = {}
        self._input: asyncio.Queue[bytes | None] = asyncio.Queue()

    @property
    def stdin(self) -> AsyncIterator[bytes] | None:
        """The client's input, or None if it has none."""
        return self._chunks() if self._has_stdin else None

    async def stdout(self, data: bytes) -> None:
        """Send standard output."""
        await self._send("stdout", data)

    async def stderr(self, data: bytes) -> None:
        """Send standard error, which a terminal mixes with standard output."""
        await self._send("stdout" if self.tty else "stderr", data)

    async def receive(self) -> None:
        """Receive the client's frames until it closes the connection."""
        try:
            async for chunk in self._connection.chunks():
                for frame in self._spdy.feed(chunk):
                    await self._take(frame)
        except MalformedFrame:
            return

    async def finish(self, status: bytes) -> None:
        """Send the status, close the streams, and wait until the client closes the connection.

        A client may still open streams that it has not announced: one that asks for a terminal, and for standard error
        all the same. A connection that is closed under it is an error of the command for this client.
        """
        self._has_finished = True
        await self._send("error", status)
        for number in self._streams.values():
            await self._close(number)
        with suppress(TimeoutError, asyncio.CancelledError):  # cancelled: the client has left, as it should
            async with asyncio.timeout(_LINGER):
                await self.receive()

    async def _take(self, frame: SpdyFrame) -> None:
        if frame.kind is FrameKind.SYN_STREAM:
            headers = {name.lower(): value for name, value in frame.headers.items()}
            self._streams[headers.get("streamtype", "")] = frame.stream
            await self._connection.send_bytes(self._spdy.reply(frame.stream))
            if self._has_finished:
                await self._close(frame.stream)
            if self._expected <= self._streams.keys():
                self.opened.set()
        elif frame.kind is FrameKind.PING:
            await self._connection.send_bytes(self._spdy.ping(frame.payload))
        elif frame.stream == self._streams.get("stdin"):
            if frame.payload:
                self._input.put_nowait(frame.payload)
            if frame.last or frame.kind is FrameKind.RST_STREAM:
                self._input.put_nowait(None)

    async def _send(self, stream: str, data: bytes) -> None:
        if (number := self._streams.get(stream)) is not None and data:
            await self._connection.send_bytes(self._spdy.data(number, data))

    async def _close(self, number: int) -> None:
        await self._connection.send_bytes(self._spdy.data(number, b"", last=True))

    async def _chunks(self) -> AsyncIterator[bytes]:
        while (chunk := await self._input.get()) is not None:
            yield chunk


async def serve(request: web.BaseRequest, requested: StreamRequest, session: Session) -> web.StreamResponse:
    """Upgrade the request, run the session with the client's streams, and end with its status. Raises StatusError."""
    offered = {word.strip() for line in request.headers.getall(PROTOCOL_HEADER, []) for word in line.split(",")}
    if PROTOCOL not in offered:
        raise unsupported_media_type((PROTOCOL,))
    connection = await switch_protocols(request, SPDY, {PROTOCOL_HEADER: PROTOCOL})
    streams = SpdyStreams(connection, requested, _expected(request, requested))

    async def when_opened(_: object) -> int:
        async with asyncio.timeout(_PATIENCE):
            await streams.opened.wait()
        return await session(streams)

    await run_session(streams, when_opened)
    return connection.response


def _expected(request: web.BaseRequest, requested: StreamRequest) -> frozenset[str]:
    """Return the types of the streams that a client opens for this request; a resize may come later."""
    asked = {name for name in ("stdin", "stdout", "stderr") if request.query.get(name, "").lower() in ("true", "1")}
    return frozenset({"error", *(asked - {"stderr"} if requested.tty else asked)})
