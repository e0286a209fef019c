"""What the API asks of whoever runs the pods: one protocol, implemented by the daemon and by the tests' fakes.

The wire form of a stream (WebSocket today) ends in `api.websocket`; a runtime sees bytes only.
"""

from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from netpol_harness.emulator.store import Key


class ContainerExecFailed(Exception):
    """The process could not be started at all; the message is for the user."""


class ExecStreams(Protocol):
    """The three streams of one exec session, free of any wire form."""

    @property
    def tty(self) -> bool:
        """Whether the client asked for a terminal (then stderr travels on stdout)."""

    @property
    def stdin(self) -> AsyncIterator[bytes] | None:
        """Chunks from the client, ending at its EOF; None when stdin was not asked for."""

    async def stdout(self, data: bytes) -> None:
        """Send a chunk of standard output."""

    async def stderr(self, data: bytes) -> None:
        """Send a chunk of standard error."""


class Runtime(Protocol):
    """The dataplane and the kubelet, as the API sees them."""

    async def settled(self) -> None:
        """Return when the dataplane enforces the store's current state.

        Awaited by every mutating request on what the dataplane reads, before the answer.
        """

    async def exec(self, pod: Mapping[str, Any], container: str, argv: Sequence[str], streams: ExecStreams) -> int:
        """Run `argv` in the container and return its exit code.

        Cancelled when the client goes away: the process must then be killed. Raises ExecFailed.
        """

    async def attach(self, pod: Mapping[str, Any], container: str, streams: ExecStreams) -> None:
        """Connect the client with the container's program until that ends.

        Cancelled when the client goes away: the program goes on. Raises ExecFailed.
        """

    async def dial(self, pod: Mapping[str, Any], port: int) -> tuple[StreamReader, StreamWriter]:
        """Connect to a TCP port on the pod's own loopback. Raises ExecFailed."""

    async def logs(self, pod: Mapping[str, Any], container: str) -> bytes:
        """Everything that the container has written so far."""

    def delete_pod(self, key: Key, grace_seconds: int) -> None:
        """Stop the pod's containers and then take the object out of the store with `Store.remove`.

        Called once deletionTimestamp is in the store.
        """
