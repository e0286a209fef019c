"""Running a command in a pod: ``Exec``, a protocol of one method, and ``PodExec``, which speaks it to any API server.

Invariant: the end of a command is known only from its status frame. An exec that was cut short, or that the deadline
closed, has ``exit_code`` None and says why in ``broken``; what it had said until then is kept, for the caller to judge.
A server that throttles (429, API Priority and Fairness) is asked again until the deadline, as slowly as it wishes.

v4 of the wire (``stream``) cannot close stdin, so commands must not wait for the end of their input. The official
client's ``stream()`` swaps a method of a shared object during the call and joins output quadratically;
websocket-client, which it stands on, is used directly.
"""

from collections.abc import Sequence
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
    """What came back. ``exit_code`` is ``None`` where no status frame told it; ``broken`` then says why, in words.

    ``throttled``: the server wanted to be asked again later before it let the command run.
    """

    exit_code: int | None
    stdout: bytes
    stderr: bytes = b""
    broken: str = ""
    throttled: bool = False


class Throttled(ExecFailed):
    """The server wanted to be asked again later until no time was left."""


class Exec(Protocol):
    """Runs ``argv`` in a container of a pod (its only one where ``container`` is empty) and waits for its end.

    Raises ``ExecFailed`` where the command could not be started; never waits longer than ``deadline``.
    """

    def __call__(
        self, pod: NamespacedName, argv: Sequence[str], *, stdin: bytes = b"", deadline: Deadline, container: str = ""
    ) -> ExecReply:
        """Run the command; see the class."""
        ...


class Session(Protocol):
    """A command that runs in a pod and is talked to. One thread at a time."""

    def write(self, data: bytes) -> None:
        """Put ``data`` on its standard input. Raises ``ExecFailed`` where it is gone."""
        ...

    def read(self, deadline: Deadline) -> bytes:
        """What comes next on its standard output; empty where nothing does before the deadline.

        Raises ``ExecFailed`` where nothing will come any more: the command has ended, or the connection is gone.
        """
        ...

    def close(self) -> None:
        """Let go of it; its standard input ends."""
        ...


@runtime_checkable
class Sessions(Protocol):
    """What can open sessions."""

    def session(self, pod: NamespacedName, argv: Sequence[str], *, deadline: Deadline, container: str = "") -> Session:
        """Start ``argv`` in a container of a pod. Raises ``ExecFailed`` where that is not possible."""
        ...


class PodExec:
    """``Exec`` over pods/exec of an API server. Holds no connection and may be shared between threads."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def __call__(
        self, pod: NamespacedName, argv: Sequence[str], *, stdin: bytes = b"", deadline: Deadline, container: str = ""
    ) -> ExecReply:
        """Run the command. What fails before the first output, for a reason that passes, is tried three times."""
        path = exec_path(pod, argv, container, "true" if stdin else "false")
        patience = _Patience(deadline)
        operation = Operation(f"exec {argv[0]}", f"in pod {pod}", container)
        retrying = Retrying(
            retry=retry_if_exception_type((TransientFailure, Throttling)),
            wait=patience.wait,
            stop=patience.stop,
            before_sleep=lambda state: operation.log_retry(_problem(state), state.upcoming_sleep),
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
        """Start the command and leave it running. Tried once: who holds sessions knows when to try again."""
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
        conversation = _Conversation()
        try:
            _send(socket, stdin, deadline)
            _listen(socket, conversation, deadline)
        except WebSocketTimeoutException:
            conversation.broken = "the deadline passed before the command ended"
        except (WebSocketException, OSError) as error:
            conversation.broken = f"the connection broke: {error or type(error).__name__}"
            if not conversation.has_output:
                raise TransientFailure(conversation.broken) from error
        finally:
            socket.shutdown()  # type: ignore[no-untyped-call]  # websocket-client is half typed
        return conversation.reply()


class _Patience:
    """When to try an exec again, and when to give up: failures are counted, throttling costs nothing but time."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._failures = 0
        self.throttled = False

    def stop(self, state: RetryCallState) -> bool:
        """Take note of an attempt that failed; whether to give up, as where the next one would come too late."""
        if isinstance(_problem(state), Throttling):
            self.throttled = True
        else:
            self._failures += 1
        return self._failures >= ATTEMPTS or state.upcoming_sleep >= self._deadline.remaining

    def wait(self, state: RetryCallState) -> float:
        """Seconds until the next attempt: what the server asks for, and a growing random pause that parts a crowd."""
        problem = _problem(state)
        asked = problem.retry_after if isinstance(problem, Throttling) else None
        return min((asked or 0.0) + _backoff(state), self._deadline.remaining)


_backoff = wait_random_exponential(multiplier=0.05, max=1.0)


def _problem(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


@dataclass(slots=True)
class _Conversation:
    """What has been received so far."""

    stdout: list[bytes] = field(default_factory=list)
    stderr: list[bytes] = field(default_factory=list)
    status: list[bytes] = field(default_factory=list)
    size: int = 0
    broken: str = ""

    @property
    def has_output(self) -> bool:
        return bool(self.stdout or self.stderr)

    def take(self, frame: bytes) -> None:
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
    """All of ``stdin``, then its end where the protocol can say it."""
    for start in range(0, len(stdin), STDIN_FRAME):
        socket.settimeout(max(0.001, deadline.remaining))
        socket.send_binary(bytes([STDIN]) + stdin[start : start + STDIN_FRAME])
    if stdin and socket.getsubprotocol() == V5:
        socket.send_binary(bytes([CLOSE, STDIN]))


def _listen(socket: WebSocket, conversation: _Conversation, deadline: Deadline) -> None:
    """Receive until the server closes, the deadline passes or there is too much of it."""
    while True:
        socket.settimeout(max(0.001, deadline.remaining))
        kind, frame = socket.recv_data_frame(control_frame=True)
        if kind == ABNF.OPCODE_CLOSE:
            return
        if kind in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT):
            conversation.take(frame.data)
        if conversation.size > MOST_OUTPUT:
            conversation.broken = f"more than {MOST_OUTPUT // 1024 // 1024} MiB of output"
            return
        if deadline.passed:
            conversation.broken = "the deadline passed before the command ended"
            return
