"""Exec and attach over WebSocket: the remote command protocols v5.channel.k8s.io and v4.channel.k8s.io (KEP-4006).

Frames are binary, and their first byte is the channel. v5 adds [255, n]: the client has closed channel n. That is how
stdin ends.
"""

import asyncio
from collections.abc import AsyncIterator
from enum import IntEnum

from aiohttp import WSMsgType, hdrs, web

from netpol_harness.emulator.apiserver.errors import bad_request
from netpol_harness.emulator.apiserver.remote_command import Session, StreamRequest, run_session

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")


class Channel(IntEnum):
    """The first byte of a frame."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    STATUS = 3
    RESIZE = 4
    CLOSE = 255


class ChannelStreams:
    """The streams of one session as frames; implements ``remote_command.RemoteStreams``.

    ``has_finished`` is true once the client has been sent the status.
    """

    def __init__(self, socket: web.WebSocketResponse, requested: StreamRequest) -> None:
        self._socket = socket
        self._input: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._has_stdin = requested.stdin
        self.tty = requested.tty
        self.has_finished = False

    @property
    def stdin(self) -> AsyncIterator[bytes] | None:
        """The client's input, or None if it has none."""
        return self._chunks() if self._has_stdin else None

    async def stdout(self, data: bytes) -> None:
        """Send standard output."""
        await self.send(Channel.STDOUT, data)

    async def stderr(self, data: bytes) -> None:
        """Send standard error, which a terminal mixes with standard output."""
        await self.send(Channel.STDOUT if self.tty else Channel.STDERR, data)

    async def send(self, channel: Channel, data: bytes) -> None:
        """Send one frame."""
        await self._socket.send_bytes(bytes([channel]) + data)

    async def receive(self) -> None:
        """Receive the client's frames until it closes the connection. Python's client sends text as text frames."""
        async for message in self._socket:
            frame = message.data.encode() if message.type is WSMsgType.TEXT else message.data
            if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT) or not frame:
                continue
            channel, data = frame[0], frame[1:]
            if channel == Channel.STDIN and data:
                self._input.put_nowait(data)
            elif channel == Channel.CLOSE and data[:1] == bytes([Channel.STDIN]):
                self._input.put_nowait(None)

    async def finish(self, status: bytes) -> None:
        """Send the status, and close the connection."""
        await self.send(Channel.STATUS, status)
        self.has_finished = True
        await self._socket.close()

    async def _chunks(self) -> AsyncIterator[bytes]:
        while (chunk := await self._input.get()) is not None:
            yield chunk


async def serve(request: web.BaseRequest, requested: StreamRequest, session: Session) -> web.WebSocketResponse:
    """Upgrade the request, run the session with the client's streams, and end with its status. Raises StatusError."""
    offered = {word.strip() for word in request.headers.get(hdrs.SEC_WEBSOCKET_PROTOCOL, "").split(",")} - {""}
    if offered and not offered & set(PROTOCOLS):
        raise bad_request(f"unable to upgrade: none of the protocols is served, which are {', '.join(PROTOCOLS)}")
    socket = web.WebSocketResponse(protocols=PROTOCOLS, compress=False, max_msg_size=0)
    await socket.prepare(request)
    streams = ChannelStreams(socket, requested)
    try:
        await run_session(streams, session)
    except asyncio.CancelledError:
        if not streams.has_finished:
            raise
    return socket  # a client that has the status may leave before the end of the close
