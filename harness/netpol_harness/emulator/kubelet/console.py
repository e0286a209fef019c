"""What a container's program says and hears: its log, and the clients that are attached to it.

The first client is told all that was said before it came: ``kubectl run -i`` attaches to a program that may have ended
by then. Standard input is held open as the kubelet does: until the first client's input ends with ``stdinOnce``.
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
"""Characters after which a line is divided, as containerd does."""
_MOST_REPLAYED = 1 << 20
"""Bytes that are kept for the first client."""


class Log:
    """The last lines that a container has written, the one that it is at included."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_LOG_LINES)
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._rest = ""

    def note(self, line: str) -> None:
        """Add a line."""
        self.write(f"{line}\n".encode())

    def write(self, data: bytes) -> None:
        """Take a chunk."""
        *lines, rest = (self._rest + self._decode(data)).split("\n")
        while len(rest) > _LONGEST_LINE:
            lines.append(rest[:_LONGEST_LINE])
            rest = rest[_LONGEST_LINE:]
        self._lines.extend(lines)
        self._rest = rest

    def read(self) -> bytes:
        """All of it."""
        return ("".join(f"{line}\n" for line in self._lines) + self._rest).encode()


class Console:
    """The streams of one run of a container's program (``runtime.ExecStreams``)."""

    def __init__(self, container: Mapping[str, Any], log: Log) -> None:
        self.tty = bool(container.get("tty"))
        self._log = log
        self._once = bool(container.get("stdinOnce"))
        self._input: asyncio.Queue[bytes | None] | None = asyncio.Queue() if container.get("stdin") else None
        self._said: list[tuple[bool, bytes]] | None = []
        self._size = 0
        self._clients: list[ExecStreams] = []
        self._ended = asyncio.Event()

    @property
    def stdin(self) -> AsyncIterator[bytes] | None:
        """What clients type; ``None`` where the container wants none."""
        return self._typed(self._input) if self._input else None

    async def stdout(self, data: bytes) -> None:
        """Log it and pass it on."""
        await self._say(data, error=False)

    async def stderr(self, data: bytes) -> None:
        """Log it and pass it on."""
        await self._say(data, error=True)

    def end(self) -> None:
        """The program has ended."""
        self._ended.set()

    async def attach(self, client: ExecStreams) -> None:
        """Have the client hear and talk, until the program ends or the client goes (cancelled)."""
        said, self._said = self._said or [], None
        for error, data in said:
            await _tell(client, data, error=error)
        self._clients.append(client)
        typing = asyncio.ensure_future(self._listen(client))
        try:
            await self._ended.wait()
        finally:
            typing.cancel()
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

    async def _say(self, data: bytes, *, error: bool) -> None:
        self._log.write(data)
        if self._said is not None and self._size < _MOST_REPLAYED:
            self._said.append((error, data))
            self._size += len(data)
        for client in tuple(self._clients):
            with suppress(ConnectionError):
                await _tell(client, data, error=error)

    async def _typed(self, queue: asyncio.Queue[bytes | None]) -> AsyncIterator[bytes]:
        while (chunk := await queue.get()) is not None:
            yield chunk


async def _tell(client: ExecStreams, data: bytes, *, error: bool) -> None:
    await (client.stderr if error else client.stdout)(data)
