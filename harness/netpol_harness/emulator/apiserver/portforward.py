"""Port forwarding, in the forms that clients use.

Since 1.30 kubectl tunnels SPDY/3.1 (KEP-4006), which others speak without a WebSocket: each connection has two
streams, one for data and one for an error message. Python's client opens a fixed set of ports: channel 2n carries the
data of the nth, channel 2n + 1 its error.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from netpol_harness.emulator.apiserver.errors import bad_request, unsupported_media_type
from netpol_harness.emulator.apiserver.runtime import ContainerExecFailed
from netpol_harness.emulator.apiserver.spdy import FrameKind, MalformedFrame, SpdyConnection, SpdyFrame
from netpol_harness.emulator.apiserver.spdy_command import PROTOCOL_HEADER, SPDY
from netpol_harness.emulator.apiserver.upgrade import RawConnection, switch_protocols

TUNNEL = "SPDY/3.1+portforward.k8s.io"
CHANNELS = "v4.channel.k8s.io"
_SPDY_PROTOCOL = "portforward.k8s.io"
_CHUNK = 32768

Dial = Callable[[int], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
"""Connects to a port inside the pod. Raises ``ContainerExecFailed`` with the reason."""
Send = Callable[[bytes], Awaitable[None]]


@dataclass(slots=True)
class ForwardedConnection:
    """One forwarded connection. ``input`` is what the client sends, ``None`` for its end."""

    port: int
    send: Send
    send_error: Send
    input: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)

    async def carry(self, dial: Dial) -> None:
        """Pass data both ways until the pod ends the connection. Errors are sent as messages."""
        try:
            reader, writer = await dial(self.port)
        except ContainerExecFailed as problem:
            await self.send_error(f"error forwarding port {self.port} to the pod: {problem}".encode())
            return
        input_task = asyncio.ensure_future(self._pass_input(writer))
        try:
            with suppress(ConnectionResetError):
                while data := await reader.read(_CHUNK):
                    await self.send(data)
        finally:
            input_task.cancel()
            writer.close()

    async def _pass_input(self, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while (data := await self.input.get()) is not None:
                writer.write(data)
                await writer.drain()
            writer.write_eof()


async def serve(request: web.BaseRequest, dial: Dial) -> web.StreamResponse:
    """Upgrade the request and forward connections until the client leaves."""
    if request.headers.get("Upgrade", "").lower() == SPDY.lower():
        return await _serve_spdy(request, dial)
    offered = {word.strip() for word in request.headers.get("Sec-WebSocket-Protocol", "").split(",")}
    if request.headers.get("Upgrade", "").lower() != "websocket" or not offered & {TUNNEL, CHANNELS}:
        raise unsupported_media_type((TUNNEL, CHANNELS))
    ports = () if TUNNEL in offered else _ports(request.query.getall("ports", []))
    socket = web.WebSocketResponse(protocols=(TUNNEL, CHANNELS), compress=False, max_msg_size=0)
    await socket.prepare(request)
    tasks = _ConnectionTasks(dial)
    try:
        await (_ChannelPairs(socket, tasks).run(ports) if ports else _SpdyTunnel(socket, tasks).run(_messages(socket)))
    except (ConnectionError, MalformedFrame):
        await socket.close()
    finally:
        await tasks.end()
    return socket


def _ports(texts: Sequence[str]) -> tuple[int, ...]:
    numbers = [text for parameter in texts for text in parameter.split(",")]
    if not numbers or not all(text.isdecimal() and 0 < int(text) < 65536 for text in numbers):
        raise bad_request(f'query parameter "ports" must name ports, not {",".join(numbers)!r}')
    return tuple(int(text) for text in numbers)


class _ConnectionTasks:
    """The tasks of the forwarded connections."""

    def __init__(self, dial: Dial) -> None:
        self.dial = dial
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(self._done(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _done(self, work: Coroutine[Any, Any, None]) -> None:
        with suppress(ConnectionError):  # the client has left
            await work

    async def end(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _serve_spdy(request: web.BaseRequest, dial: Dial) -> web.StreamResponse:
    connection = await switch_protocols(request, SPDY, {PROTOCOL_HEADER: _SPDY_PROTOCOL})
    tasks = _ConnectionTasks(dial)
    with suppress(ConnectionError, MalformedFrame):
        try:
            await _SpdyTunnel(connection, tasks).run(connection.chunks())
        finally:
            await tasks.end()
    return connection.response


async def _messages(socket: web.WebSocketResponse) -> AsyncIterator[bytes]:
    async for message in socket:
        if message.type is WSMsgType.BINARY:
            yield message.data


class _SpdyTunnel:
    """SPDY inside a WebSocket, or instead of it."""

    def __init__(self, socket: web.WebSocketResponse | RawConnection, tasks: _ConnectionTasks) -> None:
        self._socket = socket
        self._tasks = tasks
        self._spdy = SpdyConnection()
        self._streams: dict[str, dict[str, int]] = {}  # by request and type
        self._connections: dict[int, ForwardedConnection] = {}

    async def run(self, received: AsyncIterator[bytes]) -> None:
        async for data in received:
            for frame in self._spdy.feed(data):
                await self._take(frame)

    async def _take(self, frame: SpdyFrame) -> None:
        connection = self._connections.get(frame.stream)
        if frame.kind is FrameKind.SYN_STREAM:
            await self._open(frame)
        elif frame.kind is FrameKind.PING:
            await self._socket.send_bytes(self._spdy.ping(frame.payload))
        elif connection is not None:
            if frame.payload:
                connection.input.put_nowait(frame.payload)
            if frame.last or frame.kind is FrameKind.RST_STREAM:
                connection.input.put_nowait(None)

    async def _open(self, frame: SpdyFrame) -> None:
        """Accept a stream. A connection begins with the second of its two streams."""
        await self._socket.send_bytes(self._spdy.reply(frame.stream))
        headers = {name.lower(): value for name, value in frame.headers.items()}
        request, port = headers.get("requestid", ""), headers.get("port", "")
        pair = self._streams.setdefault(request, {})
        pair[headers.get("streamtype", "")] = frame.stream
        if {"data", "error"} <= pair.keys() and port.isdecimal():
            del self._streams[request]
            self._tasks.start(self._carry(int(port), pair["data"], pair["error"]))

    async def _carry(self, port: int, data: int, error: int) -> None:
        connection = self._connections[data] = ForwardedConnection(port, self._sender(data), self._sender(error))
        try:
            await connection.carry(self._tasks.dial)
            for stream in (data, error):
                await self._socket.send_bytes(self._spdy.data(stream, b"", last=True))
        finally:
            self._connections.pop(data, None)

    def _sender(self, stream: int) -> Send:
        async def send(payload: bytes) -> None:
            await self._socket.send_bytes(self._spdy.data(stream, payload))

        return send


class _ChannelPairs:
    """Two channels for each port, all connected at once."""

    def __init__(self, socket: web.WebSocketResponse, tasks: _ConnectionTasks) -> None:
        self._socket = socket
        self._tasks = tasks

    async def run(self, ports: Sequence[int]) -> None:
        connections = [
            ForwardedConnection(port, self._sender(2 * n), self._sender(2 * n + 1)) for n, port in enumerate(ports)
        ]
        for connection in connections:
            for send in (connection.send, connection.send_error):
                await send(struct.pack("<H", connection.port))
        running = [self._tasks.start(connection.carry(self._tasks.dial)) for connection in connections]
        receiving = self._tasks.start(self._receive(connections))
        all_done = asyncio.gather(*running, return_exceptions=True)  # some are cancelled when the client leaves
        await asyncio.wait((all_done, receiving), return_when=asyncio.FIRST_COMPLETED)
        receiving.cancel()
        await self._socket.close()

    async def _receive(self, connections: Sequence[ForwardedConnection]) -> None:
        async for message in self._socket:
            if message.type is WSMsgType.BINARY and message.data and message.data[0] < 2 * len(connections):
                connections[message.data[0] // 2].input.put_nowait(message.data[1:])

    def _sender(self, channel: int) -> Send:
        async def send(data: bytes) -> None:
            await self._socket.send_bytes(bytes([channel]) + data)

        return send
