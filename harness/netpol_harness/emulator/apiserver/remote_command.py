"""Exec and attach, independent of the wire form: the end of a session, and the Status that tells it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from netpol_harness.emulator.apiserver.runtime import ContainerExecFailed, ExecStreams

_CANNOT_START = 127

Session = Callable[[ExecStreams], Awaitable[int]]
"""Runs with the client's streams and returns an exit code.

Cancelled when the client leaves. Raises ``ContainerExecFailed``.
"""


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """The streams that the client requests."""

    stdin: bool
    tty: bool


class RemoteStreams(ExecStreams, Protocol):
    """The streams of one session in some wire form."""

    async def receive(self) -> None:
        """Receive what the client sends until it leaves."""

    async def finish(self, status: bytes) -> None:
        """Send the status of the session, and close the streams."""


async def run_session(streams: RemoteStreams, session: Session) -> None:
    """Run the session until it or the client ends, and tell its exit code."""
    running = asyncio.ensure_future(_exit_code(session, streams))
    receiving = asyncio.ensure_future(streams.receive())
    try:
        await asyncio.wait((running, receiving), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            receiving.cancel()  # before the end: closing a WebSocket reads the client's answer
            with suppress(ConnectionError):
                await streams.finish(json.dumps(exit_status(running.result())).encode())
    finally:
        for task in (running, receiving):
            task.cancel()
        await asyncio.gather(running, receiving, return_exceptions=True)


async def _exit_code(session: Session, streams: ExecStreams) -> int:
    try:
        return await session(streams)
    except ContainerExecFailed as failure:
        # An exit code rather than an InternalError without one, which Python clients cannot read.
        await streams.stderr(f"{failure}\n".encode())
        return _CANNOT_START


def exit_status(code: int) -> dict[str, Any]:
    """Return the Status that ends a session."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }
