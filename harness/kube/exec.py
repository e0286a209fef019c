"""Running a command in a pod: ``Exec``, a protocol of one method, and ``PodExec``, which speaks it to any API server.

Invariant: the end of a command is known only from its status frame. An exec that was cut short, or that the deadline
closed, has ``exit_code`` None and says why in ``broken``; what it had said until then is kept, for the caller to judge.
A server that throttles (429, API Priority and Fairness) is asked again until the deadline, as slowly as it wishes.

The wire is the WebSocket form of pods/exec (KEP-4006): binary frames whose first byte is a channel. v5 can close stdin,
v4 cannot, so commands must not wait for the end of their input. The official client's ``stream()`` swaps a method of a
shared object during the call and joins output quadratically; websocket-client, which it stands on, is used directly.
"""

import json
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential
from websocket import ABNF, WebSocket, WebSocketBadStatusException, WebSocketException, WebSocketTimeoutException

from harness.errors import ExecFailed
from harness.kube.client import seconds_to_wait
from harness.kube.config import Access
from harness.model.flow import PodRef
from harness.settings import Deadline

V5 = "v5.channel.k8s.io"
V4 = "v4.channel.k8s.io"
STDIN, STDOUT, STDERR, STATUS, CLOSE = 0, 1, 2, 3, 255
MOST_OUTPUT = 16 * 1024 * 1024
STDIN_FRAME = 32 * 1024
ATTEMPTS = 3
PASSING_STATUS = frozenset({500, 502, 503, 504})
PASSING_WORDS = ("unable to upgrade connection", "unable to upgrade streaming request", "error dialing backend")
NOT_UPGRADED = frozenset({200, 426})
PROXY = "; something before the API server does not let WebSocket through: ask the API server directly"
TITLE = re.compile(r"<title>\s*(.*?)\s*</title>", re.IGNORECASE | re.DOTALL)


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
        self, pod: PodRef, argv: Sequence[str], *, stdin: bytes = b"", deadline: Deadline, container: str = ""
    ) -> ExecReply:
        """Run the command; see the class."""
        ...


class PodExec:
    """``Exec`` over pods/exec of an API server. Holds no connection and may be shared between threads."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def __call__(
        self, pod: PodRef, argv: Sequence[str], *, stdin: bytes = b"", deadline: Deadline, container: str = ""
    ) -> ExecReply:
        """Run the command. What fails before the first output, for a reason that passes, is tried three times."""
        path = _path(pod, argv, container, "true" if stdin else "false")
        patience = _Patience(deadline)
        retrying = Retrying(
            retry=retry_if_exception_type((_Passing, _TooMany)),
            wait=patience.wait,
            stop=patience.stop,
            reraise=True,
        )
        try:
            return replace(retrying(self._once, path, stdin, deadline), throttled=patience.throttled)
        except _TooMany as error:
            raise Throttled(f"exec in pod {pod} failed: {error}; lower --probe-concurrency") from error
        except (_Passing, _Final) as error:
            raise ExecFailed(f"exec in pod {pod} failed: {error}") from error

    def _once(self, path: str, stdin: bytes, deadline: Deadline) -> ExecReply:
        socket = _connect(self._access, path, deadline)
        conversation = _Conversation()
        try:
            _send(socket, stdin, deadline)
            _listen(socket, conversation, deadline)
        except WebSocketTimeoutException:
            conversation.broken = "the deadline passed before the command ended"
        except (WebSocketException, OSError) as error:
            conversation.broken = f"the connection broke: {error or type(error).__name__}"
            if not conversation.has_output:
                raise _Passing(conversation.broken) from error
        finally:
            socket.shutdown()  # type: ignore[no-untyped-call]  # websocket-client is half typed
        return conversation.reply()


class _Passing(Exception):
    """A failure before any output that may be gone a moment later."""


class _TooMany(Exception):
    """The server has too much to do; it names the seconds after which to come back, or not."""

    def __init__(self, said: str, retry_after: float | None) -> None:
        super().__init__(said)
        self.retry_after = retry_after


class _Final(Exception):
    """A failure that trying again will not mend."""


class _Patience:
    """When to try an exec again, and when to give up: failures are counted, throttling costs nothing but time."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._failures = 0
        self.throttled = False

    def stop(self, state: RetryCallState) -> bool:
        """Take note of an attempt that failed; whether to give up."""
        if isinstance(_problem(state), _TooMany):
            self.throttled = True
        else:
            self._failures += 1
        return self._failures >= ATTEMPTS or self._deadline.passed

    def wait(self, state: RetryCallState) -> float:
        """Seconds until the next attempt: what the server asks for, and a growing random pause that parts a crowd."""
        problem = _problem(state)
        asked = problem.retry_after if isinstance(problem, _TooMany) else None
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
        code = _exit_code(b"".join(self.status)) if self.status else None
        broken = "" if code is not None else self.broken or "the connection closed without the command's exit status"
        return ExecReply(code, b"".join(self.stdout), b"".join(self.stderr), broken)


def _path(pod: PodRef, argv: Sequence[str], container: str, stdin: str) -> str:
    query = [*(("command", word) for word in argv), ("stdin", stdin), ("stdout", "true"), ("stderr", "true")]
    if container:
        query.append(("container", container))
    return f"/api/v1/namespaces/{quote(pod.namespace)}/pods/{quote(pod.name)}/exec?{urlencode(query)}"


def _connect(access: Access, path: str, deadline: Deadline) -> WebSocket:
    """An open WebSocket. Raises ``_Passing`` or ``_Final``, by what the server or the network said."""
    url = "ws" + access.server.removeprefix("http") + path
    configuration = access.configuration
    socket = WebSocket(sslopt=_tls(configuration), enable_multithread=False, skip_utf8_validation=True)
    socket.settimeout(max(0.001, deadline.remaining))
    try:
        socket.connect(  # type: ignore[no-untyped-call]  # websocket-client is half typed
            url,
            header=[f"{name}: {value}" for name, value in access.headers().items()],
            subprotocols=[V5, V4],
            suppress_origin=True,
            redirect_limit=0,  # it would send our credentials along
            **_proxy(configuration),
        )
    except WebSocketBadStatusException as error:
        raise _refusal(error) from error
    except (WebSocketException, OSError, ValueError, IndexError) as error:  # the last two: of half a status line
        raise _Passing(f"cannot connect to {access.address}: {error or type(error).__name__}") from error
    return socket


def _refusal(error: WebSocketBadStatusException) -> Exception:
    """An HTTP answer instead of an upgrade: its Status or a proxy's page, sorted by whether it may pass."""
    if not error.status_code:
        return _Passing("the answer is no HTTP")
    body = error.resp_body or b""
    try:
        said = str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        page = body[:2000].decode("utf-8", "replace").strip()
        title = TITLE.search(page)
        said = (title[1] if title else page[:300]) or error.status_message or "no message"
    told = f"{said} (HTTP {error.status_code}){PROXY if error.status_code in NOT_UPGRADED else ''}"
    if error.status_code == 429:
        return _TooMany(told, seconds_to_wait((error.resp_headers or {}).get("retry-after")))
    passing = error.status_code in PASSING_STATUS or any(words in said for words in PASSING_WORDS)
    return (_Passing if passing else _Final)(told)


def _tls(configuration: Any) -> dict[str, Any]:
    """The kubeconfig's TLS settings in the terms of websocket-client."""
    verified = {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": configuration.ssl_ca_cert}
    unverified = {"cert_reqs": ssl.CERT_NONE, "check_hostname": False}
    options = {
        **(verified if configuration.verify_ssl else unverified),
        "certfile": configuration.cert_file,
        "keyfile": configuration.key_file,
        "server_hostname": configuration.tls_server_name,
    }
    return {name: value for name, value in options.items() if value is not None}


def _proxy(configuration: Any) -> Mapping[str, Any]:
    """The kubeconfig's or the environment's proxy in the terms of websocket-client."""
    if not configuration.proxy:
        return {}
    proxy = urlsplit(configuration.proxy)
    login = (proxy.username, proxy.password or "") if proxy.username else None
    return {
        "http_proxy_host": proxy.hostname,
        "http_proxy_port": proxy.port or 3128,
        "http_proxy_auth": login,
        "proxy_type": proxy.scheme if proxy.scheme.startswith("socks") else "http",
        "http_no_proxy": [host.strip() for host in (configuration.no_proxy or "").split(",") if host.strip()] or None,
    }


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


def _exit_code(raw: bytes) -> int:
    """The exit code in a v4 or v5 status frame (``metav1.Status``). Raises where it tells of a start that failed."""
    try:
        status = json.loads(raw)
        if status["status"] == "Success":
            return 0
        causes = (status.get("details") or {}).get("causes") or ()
        codes = [cause.get("message", "") for cause in causes if cause.get("reason") == "ExitCode"]
        message = str(status.get("message") or status)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _Final(f"status frame not understood: {raw[:200]!r}") from error
    if len(codes) == 1 and str(codes[0]).isdigit():
        return int(codes[0])
    raise (_Passing if any(words in message for words in PASSING_WORDS) else _Final)(message)
