"""Port forwarding over WebSocket, in the two forms that clients speak.

kubectl since 1.30 tunnels SPDY/3.1 (KEP-4006): for each connection a pair of streams, one for data and one for an error
in words. Python's client opens a fixed set of ports: channel 2n carries the data of the nth, 2n + 1 its error.
"""

import asyncio
import struct
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from netpol_harness.emulator.apiserver.errors import bad_request, media_type_refused
from netpol_harness.emulator.apiserver.runtime import ContainerExecFailed
from netpol_harness.emulator.apiserver.spdy import FrameKind, MalformedFrame, SpdyConnection, SpdyFrame

TUNNEL = "SPDY/3.1+portforward.k8s.io"
CHANNELS = "v4.channel.k8s.io"
_CHUNK = 32768

Dial = Callable[[int], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
"""Connects to a port inside the pod. Raises ``ContainerExecFailed`` with the reason."""
Send = Callable[[bytes], Awaitable[None]]


@dataclass(slots=True)
class ForwardedConnection:
    """One forwarded connection, as the client sees it: ``typed`` is what it sends, ``None`` for its end."""

    port: int
    send: Send
    complain: Send
    typed: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)

    async def carry(self, dial: Dial) -> None:
        """Pass data both ways until the pod has no more to say; what goes wrong is said in words."""
        try:
            reader, writer = await dial(self.port)
        except ContainerExecFailed as problem:
            await self.complain(f"error forwarding port {self.port} to the pod: {problem}".encode())
            return
        inward = asyncio.ensure_future(self._inward(writer))
        try:
            with suppress(ConnectionResetError):
                while data := await reader.read(_CHUNK):
                    await self.send(data)
        finally:
            inward.cancel()
            writer.close()

    async def _inward(self, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while (data := await self.typed.get()) is not None:
                writer.write(data)
                await writer.drain()
            writer.write_eof()


async def serve(request: web.BaseRequest, dial: Dial) -> web.WebSocketResponse:
    """Upgrade the request and forward connections until the client goes."""
    offered = {word.strip() for word in request.headers.get("Sec-WebSocket-Protocol", "").split(",")}
    if request.headers.get("Upgrade", "").lower() != "websocket" or not offered & {TUNNEL, CHANNELS}:
        raise media_type_refused((TUNNEL, CHANNELS))
    ports = () if TUNNEL in offered else _ports(request.query.getall("ports", []))
    socket = web.WebSocketResponse(protocols=(TUNNEL, CHANNELS), compress=False, max_msg_size=0)
    await socket.prepare(request)
    carried = _Carried(dial)
    try:
        await (_Channels(socket, carried).run(ports) if ports else _Tunnel(socket, carried).run())
    except (ConnectionError, MalformedFrame):
        await socket.close()
    finally:
        await carried.end()
    return socket


def _ports(texts: Sequence[str]) -> tuple[int, ...]:
    numbers = [text for several in texts for text in several.split(",")]
    if not numbers or not all(text.isdecimal() and 0 < int(text) < 65536 for text in numbers):
        raise bad_request(f'query parameter "ports" must name ports, not {",".join(numbers)!r}')
    return tuple(int(text) for text in numbers)


class _Carried:
    """The connections that are being forwarded."""

    def __init__(self, dial: Dial) -> None:
        self.dial = dial
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(self._done(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _done(self, work: Coroutine[Any, Any, None]) -> None:
        with suppress(ConnectionError):  # the client has gone
            await work

    async def end(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Tunnel:
    """SPDY inside a WebSocket."""

    def __init__(self, socket: web.WebSocketResponse, carried: _Carried) -> None:
        self._socket = socket
        self._carried = carried
        self._spdy = SpdyConnection()
        self._streams: dict[str, dict[str, int]] = {}  # by request and sort
        self._lines: dict[int, ForwardedConnection] = {}

    async def run(self) -> None:
        async for message in self._socket:
            if message.type is WSMsgType.BINARY:
                for frame in self._spdy.feed(message.data):
                    await self._take(frame)

    async def _take(self, frame: SpdyFrame) -> None:
        line = self._lines.get(frame.stream)
        if frame.kind is FrameKind.SYN_STREAM:
            await self._open(frame)
        elif frame.kind is FrameKind.PING:
            await self._socket.send_bytes(self._spdy.ping(frame.payload))
        elif line is not None:
            if frame.payload:
                line.typed.put_nowait(frame.payload)
            if frame.last or frame.kind is FrameKind.RST_STREAM:
                line.typed.put_nowait(None)

    async def _open(self, frame: SpdyFrame) -> None:
        """Accept a stream; a connection begins with the second of its pair."""
        await self._socket.send_bytes(self._spdy.reply(frame.stream))
        headers = {name.lower(): value for name, value in frame.headers.items()}
        request, port = headers.get("requestid", ""), headers.get("port", "")
        pair = self._streams.setdefault(request, {})
        pair[headers.get("streamtype", "")] = frame.stream
        if {"data", "error"} <= pair.keys() and port.isdecimal():
            del self._streams[request]
            self._carried.start(self._carry(int(port), pair["data"], pair["error"]))

    async def _carry(self, port: int, data: int, error: int) -> None:
        line = self._lines[data] = ForwardedConnection(port, self._on(data), self._on(error))
        try:
            await line.carry(self._carried.dial)
            for stream in (data, error):
                await self._socket.send_bytes(self._spdy.data(stream, b"", last=True))
        finally:
            self._lines.pop(data, None)

    def _on(self, stream: int) -> Send:
        async def send(payload: bytes) -> None:
            await self._socket.send_bytes(self._spdy.data(stream, payload))

        return send


class _Channels:
    """A pair of channels for each port, all of them connected at once."""

    def __init__(self, socket: web.WebSocketResponse, carried: _Carried) -> None:
        self._socket = socket
        self._carried = carried

    async def run(self, ports: Sequence[int]) -> None:
        lines = [ForwardedConnection(port, self._on(2 * n), self._on(2 * n + 1)) for n, port in enumerate(ports)]
        for line in lines:
            for send in (line.send, line.complain):
                await send(struct.pack("<H", line.port))
        carried = [self._carried.start(line.carry(self._carried.dial)) for line in lines]
        receiving = self._carried.start(self._receive(lines))
        over = asyncio.gather(*carried, return_exceptions=True)  # some are cancelled where the client goes
        await asyncio.wait((over, receiving), return_when=asyncio.FIRST_COMPLETED)
        receiving.cancel()
        await self._socket.close()

    async def _receive(self, lines: Sequence[ForwardedConnection]) -> None:
        async for message in self._socket:
            if message.type is WSMsgType.BINARY and message.data and message.data[0] < 2 * len(lines):
                lines[message.data[0] // 2].typed.put_nowait(message.data[1:])

    def _on(self, channel: int) -> Send:
        async def send(data: bytes) -> None:
            await self._socket.send_bytes(bytes([channel]) + data)

        return send
