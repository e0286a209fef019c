"""What the API server needs from the kubelet and the data plane: one protocol, implemented by the daemon and by fakes.

The wire form of a stream (WebSocket) is only known to ``websocket``; a runtime sees bytes.
"""

from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from netpol_harness.emulator.store import Key


class ContainerExecFailed(Exception):
    """The process could not be started at all. The message is for the user."""


class ExecStreams(Protocol):
    """The three streams of one exec session, independent of any wire form."""

    @property
    def tty(self) -> bool:
        """Whether the client requested a terminal (then stderr is sent on stdout)."""

    @property
    def stdin(self) -> AsyncIterator[bytes] | None:
        """Chunks from the client, ending at its EOF; None if stdin was not requested."""

    async def stdout(self, data: bytes) -> None:
        """Send a chunk of standard output."""

    async def stderr(self, data: bytes) -> None:
        """Send a chunk of standard error."""


class PodRemover(Protocol):
    """The kubelet, as the deletion of pods sees it."""

    def delete_pod(self, key: Key, grace_seconds: int) -> None:
        """Stop the pod's containers, then remove the object with ``Store.remove``.

        Called once deletionTimestamp is in the store.
        """


class Runtime(PodRemover, Protocol):
    """The data plane and the kubelet, as the API server sees them."""

    async def settled(self) -> None:
        """Return when the data plane enforces the store's current state.

        Awaited by every request that changes what the data plane reads, before the answer.
        """

    async def exec(self, pod: Mapping[str, Any], container: str, argv: Sequence[str], streams: ExecStreams) -> int:
        """Run ``argv`` in the container and return its exit code.

        Cancelled when the client leaves: the process must then be killed. Raises ContainerExecFailed.
        """

    async def attach(self, pod: Mapping[str, Any], container: str, streams: ExecStreams) -> None:
        """Connect the client with the container's program until that ends.

        Cancelled when the client leaves: the program continues. Raises ContainerExecFailed.
        """

    async def dial(self, pod: Mapping[str, Any], port: int) -> tuple[StreamReader, StreamWriter]:
        """Connect to a TCP port on the pod's own loopback. Raises ContainerExecFailed."""

    async def logs(self, pod: Mapping[str, Any], container: str) -> bytes:
        """Return everything that the container has written so far."""
