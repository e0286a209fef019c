"""Commands in pods: the ``Exec`` protocol, a single method, and ``PodExec``, which implements it for any API server.

Invariant: the exit code comes from the status frame alone. An exec whose connection broke, or that the deadline ended,
has ``exit_code`` None and the reason in ``broken``; the output until then is kept, for the caller to judge. A server
that throttles (429, API Priority and Fairness) is asked again until the deadline, at the pace that it asks for.

v4 of the wire protocol (``stream``) cannot close stdin, so commands must not wait for the end of their input. The
official client's ``stream()`` swaps a method of a shared object during the call and joins output in quadratic time;
websocket-client, on which it is built, is used directly.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential
from websocket import ABNF, WebSocket, WebSocketException, WebSocketTimeoutException

from netpol_harness.deadline import Deadline
from netpol_harness.errors import ExecFailed
from netpol_harness.kube.config import Access
from netpol_harness.kube.log import Operation
from netpol_harness.kube.session import PodSession
from netpol_harness.kube.stream import (
    CLOSE,
    STATUS,
    STDERR,
    STDIN,
    STDOUT,
    V5,
    PermanentFailure,
    Throttling,
    TransientFailure,
    connect,
    exec_path,
    exit_code,
)
from netpol_harness.model.names import NamespacedName

MOST_OUTPUT = 16 * 1024 * 1024
STDIN_FRAME = 32 * 1024
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class ExecReply:
    """The output of a command. ``exit_code`` is ``None`` without a status frame; ``broken`` then says why.

    ``throttled``: the server refused at first, because of its load, before it ran the command.
    """

    exit_code: int | None
    stdout: bytes
    stderr: bytes = b""
    broken: str = ""
    throttled: bool = False


class Throttled(ExecFailed):
    """The server refused because of its load until no time was left."""


class Exec(Protocol):
    """Runs ``argv`` in a container of a pod (its only one if ``container`` is empty) and waits for its end.

    Raises ``ExecFailed`` if the command could not be started; never waits longer than ``deadline``.
    """

    def __call__(
        self, pod: NamespacedName, argv: Sequence[str], *, stdin: bytes = b"", deadline: Deadline, container: str = ""
    ) -> ExecReply:
        """Run the command; see the class."""
        ...


class Session(Protocol):
    """An interactive command in a pod. One thread at a time."""

    def write(self, data: bytes) -> None:
        """Write ``data`` to its standard input. Raises ``ExecFailed`` if the command or connection has ended."""
        ...

    def read(self, deadline: Deadline) -> bytes:
        """Return the next chunk of its standard output; empty if there is none before the deadline.

        Raises ``ExecFailed`` if the command or connection has ended.
        """
        ...

    def close(self) -> None:
        """Close the connection, which ends the command's standard input."""
        ...


@runtime_checkable
class Sessions(Protocol):
    """Opens sessions."""

    def session(self, pod: NamespacedName, argv: Sequence[str], *, deadline: Deadline, container: str = "") -> Session:
        """Start ``argv`` in a container of a pod. Raises ``ExecFailed`` if that is not possible."""
        ...


class PodExec:
    """``Exec`` by the pods/exec endpoint of an API server. Keeps no connection; may be shared between threads."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def __call__(
        self, pod: NamespacedName, argv: Sequence[str], *, stdin: bytes = b"", deadline: Deadline, container: str = ""
    ) -> ExecReply:
        """Run the command. It is tried three times if it fails before its first output for a temporary reason."""
        path = exec_path(pod, argv, container, "true" if stdin else "false")
        patience = _Patience(deadline)
        operation = Operation(f"exec {argv[0]}", f"in pod {pod}", container)
        retrying = Retrying(
            retry=retry_if_exception_type((TransientFailure, Throttling)),
            wait=patience.wait,
            stop=patience.stop,
            before_sleep=lambda state: operation.log_retry(_failure(state), state.upcoming_sleep),
            reraise=True,
        )
        try:
            reply = retrying(self._once, path, stdin, deadline)
        except Throttling as error:
            operation.log_end(f"throttled: {error}")
            raise Throttled(f"exec in pod {pod} failed: {error}; lower --probe-concurrency") from error
        except (TransientFailure, PermanentFailure) as error:
            operation.log_end(error)
            raise ExecFailed(f"exec in pod {pod} failed: {error}") from error
        operation.log_end(reply.broken or f"exit code {reply.exit_code}")
        return replace(reply, throttled=patience.throttled)

    def session(
        self, pod: NamespacedName, argv: Sequence[str], *, deadline: Deadline, container: str = ""
    ) -> PodSession:
        """Start the command and leave it running. It is tried once: the caller knows when to try again."""
        operation = Operation(f"session {argv[0]}", f"in pod {pod}", container)
        try:
            session = PodSession(connect(self._access, exec_path(pod, argv, container, "true"), deadline), pod)
        except (TransientFailure, Throttling, PermanentFailure) as error:
            operation.log_end(error)
            raise ExecFailed(f"exec in pod {pod} failed: {error}") from error
        operation.log_end("open")
        return session

    def _once(self, path: str, stdin: bytes, deadline: Deadline) -> ExecReply:
        socket = connect(self._access, path, deadline)
        received = _Received()
        try:
            with suppress(ConnectionError):  # it has ended without reading all of it: why is still to be received
                _send(socket, stdin, deadline)
            _receive(socket, received, deadline)
        except WebSocketTimeoutException:
            received.broken = "the deadline passed before the command ended"
        except (WebSocketException, OSError) as error:
            received.broken = f"the connection broke: {error or type(error).__name__}"
            if not received.has_output:
                raise TransientFailure(received.broken) from error
        finally:
            socket.shutdown()  # type: ignore[no-untyped-call]  # websocket-client is half typed
        return received.reply()


class _Patience:
    """The retry policy of one exec: failures are counted, throttling only takes time."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._failures = 0
        self.throttled = False

    def stop(self, state: RetryCallState) -> bool:
        """Count a failed attempt, and return whether to give up, also if the next one would come too late."""
        if isinstance(_failure(state), Throttling):
            self.throttled = True
        else:
            self._failures += 1
        return self._failures >= ATTEMPTS or state.upcoming_sleep >= self._deadline.remaining

    def wait(self, state: RetryCallState) -> float:
        """Return the seconds until the next attempt: Retry-After, plus a growing random pause that spreads clients."""
        failure = _failure(state)
        retry_after = failure.retry_after if isinstance(failure, Throttling) else None
        return min((retry_after or 0.0) + _backoff(state), self._deadline.remaining)


_backoff = wait_random_exponential(multiplier=0.05, max=1.0)


def _failure(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


@dataclass(slots=True)
class _Received:
    """The frames received so far, by channel."""

    stdout: list[bytes] = field(default_factory=list)
    stderr: list[bytes] = field(default_factory=list)
    status: list[bytes] = field(default_factory=list)
    size: int = 0
    broken: str = ""

    @property
    def has_output(self) -> bool:
        return bool(self.stdout or self.stderr)

    def add(self, frame: bytes) -> None:
        channels = {STDOUT: self.stdout, STDERR: self.stderr, STATUS: self.status}
        chunks = channels.get(frame[0]) if frame else None
        if chunks is not None and len(frame) > 1:
            chunks.append(frame[1:])
            self.size += len(frame)

    def reply(self) -> ExecReply:
        code = exit_code(b"".join(self.status)) if self.status else None
        broken = "" if code is not None else self.broken or "the connection closed without the command's exit status"
        return ExecReply(code, b"".join(self.stdout), b"".join(self.stderr), broken)


def _send(socket: WebSocket, stdin: bytes, deadline: Deadline) -> None:
    """Send ``stdin``, then its end if the protocol has a frame for that."""
    for start in range(0, len(stdin), STDIN_FRAME):
        socket.settimeout(max(0.001, deadline.remaining))
        socket.send_binary(bytes([STDIN]) + stdin[start : start + STDIN_FRAME])
    if stdin and socket.getsubprotocol() == V5:
        socket.send_binary(bytes([CLOSE, STDIN]))


def _receive(socket: WebSocket, received: _Received, deadline: Deadline) -> None:
    """Receive until the server closes the connection, the deadline passes or there is too much output."""
    while True:
        socket.settimeout(max(0.001, deadline.remaining))
        kind, frame = socket.recv_data_frame(control_frame=True)
        if kind == ABNF.OPCODE_CLOSE:
            return
        if kind in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT):
            received.add(frame.data)
        if received.size > MOST_OUTPUT:
            received.broken = f"more than {MOST_OUTPUT // 1024 // 1024} MiB of output"
            return
        if deadline.passed:
            received.broken = "the deadline passed before the command ended"
            return
