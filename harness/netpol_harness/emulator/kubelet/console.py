"""The streams of a container's program: its log, and the clients that are attached to it.

The first client gets all output from before it attached, because ``kubectl run -i`` attaches to a program that may have
ended by then. Standard input stays open as with the kubelet: with ``stdinOnce``, until the first client's input ends.
"""

import asyncio
from codecs import getincrementaldecoder
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

from netpol_harness.emulator.apiserver.runtime import ExecStreams

_LOG_LINES = 5000
_LONGEST_LINE = 16384
"""Characters after which a line is split, as containerd does."""
_MOST_REPLAYED = 1 << 20
"""Bytes that are kept for the first client."""


class ContainerLog:
    """The last lines that a container has written, including the unfinished one."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_LOG_LINES)
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._rest = ""

    def note(self, line: str) -> None:
        """Add a line."""
        self.write(f"{line}\n".encode())

    def write(self, data: bytes) -> None:
        """Add a chunk of output."""
        *lines, rest = (self._rest + self._decode(data)).split("\n")
        while len(rest) > _LONGEST_LINE:
            lines.append(rest[:_LONGEST_LINE])
            rest = rest[_LONGEST_LINE:]
        self._lines.extend(lines)
        self._rest = rest

    def read(self) -> bytes:
        """Return the whole log."""
        return ("".join(f"{line}\n" for line in self._lines) + self._rest).encode()


class Console:
    """The streams of one run of a container's program (``runtime.ExecStreams``)."""

    def __init__(self, container: Mapping[str, Any], log: ContainerLog) -> None:
        self.tty = bool(container.get("tty"))
        self._log = log
        self._once = bool(container.get("stdinOnce"))
        self._input: asyncio.Queue[bytes | None] | None = asyncio.Queue() if container.get("stdin") else None
        self._replay: list[tuple[bool, bytes]] | None = []
        self._size = 0
        self._clients: list[ExecStreams] = []
        self._ended = asyncio.Event()

    @property
    def stdin(self) -> AsyncIterator[bytes] | None:
        """The input of attached clients; ``None`` if the container has no standard input."""
        return self._chunks(self._input) if self._input else None

    async def stdout(self, data: bytes) -> None:
        """Log the output and send it to the clients."""
        await self._output(data, error=False)

    async def stderr(self, data: bytes) -> None:
        """Log the output and send it to the clients."""
        await self._output(data, error=True)

    def end(self) -> None:
        """Tell the clients that the program has ended."""
        self._ended.set()

    async def attach(self, client: ExecStreams) -> None:
        """Send output to the client and take its input, until the program ends or the client leaves (cancelled)."""
        replay, self._replay = self._replay or [], None
        for error, data in replay:
            await _send(client, data, error=error)
        self._clients.append(client)
        listening = asyncio.ensure_future(self._listen(client))
        try:
            await self._ended.wait()
        finally:
            listening.cancel()
            self._clients.remove(client)
            if self._once and self._input:
                self._input.put_nowait(None)

    async def _listen(self, client: ExecStreams) -> None:
        if client.stdin is None or self._input is None:
            return
        async for chunk in client.stdin:
            self._input.put_nowait(chunk)
        if self._once:
            self._input.put_nowait(None)

    async def _output(self, data: bytes, *, error: bool) -> None:
        self._log.write(data)
        if self._replay is not None and self._size < _MOST_REPLAYED:
            self._replay.append((error, data))
            self._size += len(data)
        for client in tuple(self._clients):
            with suppress(ConnectionError):
                await _send(client, data, error=error)

    async def _chunks(self, queue: asyncio.Queue[bytes | None]) -> AsyncIterator[bytes]:
        while (chunk := await queue.get()) is not None:
            yield chunk


async def _send(client: ExecStreams, data: bytes, *, error: bool) -> None:
    await (client.stderr if error else client.stdout)(data)
