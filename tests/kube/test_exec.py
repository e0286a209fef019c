import asyncio
import json
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from aiohttp import WSMsgType, web
from kubernetes.client.configuration import Configuration

from netpol_harness.deadline import Deadline
from netpol_harness.errors import ExecFailed
from netpol_harness.kube.config import Access
from netpol_harness.kube.exec import PodExec, Throttled
from netpol_harness.model.names import NamespacedName

POD = NamespacedName("shop", "web")
Talk = Callable[[web.WebSocketResponse], Awaitable[None]]
SUCCESS = {"metadata": {}, "status": "Success"}


def _failure(code: str, reason: str = "ExitCode") -> dict[str, object]:
    return {
        "status": "Failure",
        "message": "command terminated",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": reason, "message": code}]},
    }


class Kubelet:
    """Answers exec requests by ``talk``; the first ``refusals`` are refused instead."""

    def __init__(self) -> None:
        self.talk: Talk = self.nothing
        self.protocols: tuple[str, ...] = ("v5.channel.k8s.io", "v4.channel.k8s.io")
        self.refusals: list[tuple[int, str]] = []
        self.raw: list[tuple[int, dict[str, str], bytes]] = []
        self.requests: list[web.Request] = []
        self.port = 0

    async def nothing(self, socket: web.WebSocketResponse) -> None:
        """Close without a word."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if self.refusals:
            code, message = self.refusals.pop(0)
            return web.json_response({"kind": "Status", "message": message}, status=code)
        if self.raw:
            code, headers, body = self.raw.pop(0)
            return web.Response(status=code, headers=headers, body=body)
        socket = web.WebSocketResponse(protocols=self.protocols)
        await socket.prepare(request)
        await self.talk(socket)
        await socket.close()
        return socket


@pytest.fixture
def kubelet() -> Iterator[Kubelet]:
    kubelet, loop, ready = Kubelet(), asyncio.new_event_loop(), threading.Event()

    async def run() -> web.AppRunner:
        application = web.Application()
        application.router.add_get("/api/v1/namespaces/{n}/pods/{p}/exec", kubelet.handle)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        kubelet.port = runner.addresses[0][1]
        return runner

    def forever() -> None:
        runner = loop.run_until_complete(run())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=forever)
    thread.start()
    ready.wait()
    yield kubelet
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


@pytest.fixture
def pod_exec(kubelet: Kubelet) -> PodExec:
    return PodExec(Access(Configuration(host=f"http://127.0.0.1:{kubelet.port}")))


def _says(*frames: bytes, status: object = SUCCESS) -> Talk:
    async def talk(socket: web.WebSocketResponse) -> None:
        for frame in frames:
            await socket.send_bytes(frame)
        if status is not None:
            await socket.send_bytes(b"\x03" + (status if isinstance(status, bytes) else json.dumps(status).encode()))

    return talk


def test_output_and_exit_code_come_back(kubelet: Kubelet, pod_exec: PodExec) -> None:
    kubelet.talk = _says(b"\x01hel", b"\x02oops", b"\x01lo", b"\x01", b"", status=_failure("7"))
    reply = pod_exec(POD, ["echo", "a b"], deadline=Deadline(5), container="c")
    assert (reply.exit_code, reply.stdout, reply.stderr, reply.broken) == (7, b"hello", b"oops", "")
    query = kubelet.requests[0].query
    assert query.getall("command") == ["echo", "a b"]
    assert (query["stdin"], query["stdout"], query["stderr"], query["container"]) == ("false", "true", "true", "c")


def _echo(until: bytes) -> Talk:
    async def talk(socket: web.WebSocketResponse) -> None:
        async for message in socket:
            assert message.type is WSMsgType.BINARY
            if message.data[:1] == b"\xff":
                break
            await socket.send_bytes(b"\x01" + message.data[1:])
            if message.data.endswith(until):
                break
        await socket.send_bytes(b"\x03" + json.dumps(SUCCESS).encode())

    return talk


def test_standard_input_is_sent_whole_and_closed(kubelet: Kubelet, pod_exec: PodExec) -> None:
    kubelet.talk = _echo(b"never")
    text = bytes(range(256)) * 400
    reply = pod_exec(POD, ["cat"], stdin=text, deadline=Deadline(5))
    assert (reply.exit_code, reply.stdout) == (0, text)
    assert kubelet.requests[0].query["stdin"] == "true"


def test_a_command_that_ends_before_it_has_read_its_input_says_why(kubelet: Kubelet, pod_exec: PodExec) -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        transport = kubelet.requests[-1].transport
        assert transport is not None
        transport.pause_reading()
        await _says(b"\x02there is no sh", status=_failure("127"))(socket)
        transport.abort()

    kubelet.talk = talk
    reply = pod_exec(POD, ["sh"], stdin=b"x" * 32_000_000, deadline=Deadline(10))
    assert (reply.exit_code, reply.stderr, len(kubelet.requests)) == (127, b"there is no sh", 1)


def test_an_old_server_gets_no_close_frame(kubelet: Kubelet, pod_exec: PodExec) -> None:
    kubelet.protocols = ("v4.channel.k8s.io",)
    kubelet.talk = _echo(b"end")
    assert pod_exec(POD, ["sh"], stdin=b"the end", deadline=Deadline(5)).stdout == b"the end"


def test_no_status_frame_is_no_exit_code(kubelet: Kubelet, pod_exec: PodExec) -> None:
    kubelet.talk = _says(b"\x01partial", status=None)
    reply = pod_exec(POD, ["x"], deadline=Deadline(5))
    assert (reply.exit_code, reply.stdout) == (None, b"partial")
    assert "without the command's exit status" in reply.broken


@pytest.mark.parametrize(
    "status",
    [
        b"rubbish",
        b"[]",
        {"status": "Failure", "message": "no such file or directory", "reason": "InternalError"},
        _failure("error executing command"),
        _failure("-1"),
    ],
)
def test_a_status_that_is_no_exit_code_is_never_success(kubelet: Kubelet, pod_exec: PodExec, status: object) -> None:
    kubelet.talk = _says(b"\x01out", status=status)
    with pytest.raises(ExecFailed, match="exec in pod shop/web failed"):
        pod_exec(POD, ["x"], deadline=Deadline(5))


def test_the_deadline_closes_a_command_that_hangs(kubelet: Kubelet, pod_exec: PodExec) -> None:
    async def hang(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(b"\x01so far")
        await socket.receive()

    kubelet.talk = hang
    deadline = Deadline(0.2)
    reply = pod_exec(POD, ["sleep"], deadline=deadline)
    assert deadline.passed
    assert (reply.exit_code, reply.stdout) == (None, b"so far")
    assert "deadline" in reply.broken


def test_the_deadline_ends_a_command_that_never_stops_talking(kubelet: Kubelet, pod_exec: PodExec) -> None:
    async def chatter(socket: web.WebSocketResponse) -> None:
        while not socket.closed:
            await socket.send_bytes(b"\x01x")
            await asyncio.sleep(0.01)

    kubelet.talk = chatter
    assert "deadline" in pod_exec(POD, ["yes"], deadline=Deadline(0.2)).broken


def test_output_is_bounded(kubelet: Kubelet, pod_exec: PodExec) -> None:
    kubelet.talk = _says(*[b"\x01" + bytes(4_000_000)] * 6)
    reply = pod_exec(POD, ["yes"], deadline=Deadline(20))
    assert (reply.exit_code, reply.broken) == (None, "more than 16 MiB of output")


@pytest.mark.parametrize(
    "refusal", [(500, "error dialing backend: EOF"), (429, "slow down"), (400, "unable to upgrade connection")]
)
def test_temporary_failures_are_retried(kubelet: Kubelet, pod_exec: PodExec, refusal: tuple[int, str]) -> None:
    kubelet.refusals = [refusal] * 2
    kubelet.talk = _says(b"\x01ok")
    assert pod_exec(POD, ["x"], deadline=Deadline(10)).stdout == b"ok"


def test_three_refusals_are_enough(kubelet: Kubelet, pod_exec: PodExec) -> None:
    kubelet.refusals = [(503, "etcd is away")] * 9
    with pytest.raises(ExecFailed, match=r"exec in pod shop/web failed: etcd is away \(HTTP 503\)"):
        pod_exec(POD, ["x"], deadline=Deadline(10))
    assert len(kubelet.requests) == 3


def test_an_absent_pod_is_not_asked_for_twice(kubelet: Kubelet, pod_exec: PodExec) -> None:
    kubelet.refusals = [(404, 'pods "web" not found')] * 2
    with pytest.raises(ExecFailed, match="not found"):
        pod_exec(POD, ["x"], deadline=Deadline(10))
    assert len(kubelet.requests) == 1


def test_a_connection_that_breaks_after_output_is_not_repeated(kubelet: Kubelet, pod_exec: PodExec) -> None:
    async def break_off(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(b"\x01half")
        assert socket._req is not None
        assert socket._req.transport is not None
        socket._req.transport.abort()

    kubelet.talk = break_off
    reply = pod_exec(POD, ["x"], deadline=Deadline(5))
    assert (reply.exit_code, reply.stdout) == (None, b"half")
    assert "connection broke" in reply.broken
    assert len(kubelet.requests) == 1


def test_many_threads_exec_at_once(kubelet: Kubelet, pod_exec: PodExec) -> None:
    kubelet.talk = _echo(b"\n")

    def one(number: int) -> bytes:
        return pod_exec(POD, ["cat"], stdin=f"{number}\n".encode(), deadline=Deadline(20)).stdout

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(one, range(100))) == [f"{number}\n".encode() for number in range(100)]


def _recorded(message: str, code: int, reason: str) -> bytes:
    """An answer as an API server gives it instead of the upgrade."""
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    return json.dumps({**status, "reason": reason, "code": code}).encode()


JSON = {"Content-Type": "application/json"}
HTML = {"Content-Type": "text/html"}
NGINX = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center>nginx/1.25</center></body></html>"


@pytest.mark.parametrize(
    ("code", "headers", "body", "message", "times"),
    [
        (500, JSON, _recorded("error dialing backend: EOF", 500, ""), "error dialing backend: EOF (HTTP 500)", 3),
        (
            500,
            JSON,
            _recorded("error dialing backend: remote error: tls: internal error", 500, ""),
            "error dialing backend: remote error: tls: internal error (HTTP 500)",
            3,
        ),
        (500, JSON, _recorded("error dialing backend: No agent available", 500, ""), "No agent available", 3),
        (
            500,
            JSON,
            _recorded('unable to upgrade connection: container not found ("web")', 500, "InternalError"),
            'container not found ("web")',
            3,
        ),
        (
            404,
            JSON,
            _recorded("unable to upgrade connection: pod does not exist", 404, "NotFound"),
            "pod does not exist",
            3,
        ),
        (502, HTML, NGINX, "failed: 502 Bad Gateway (HTTP 502)", 3),
        (503, {"Content-Type": "text/plain"}, b"upstream connect error or disconnect/reset", "upstream connect", 3),
        (504, HTML, b"", "failed: Gateway Timeout (HTTP 504)", 3),
        (404, JSON, _recorded('pods "web" not found', 404, "NotFound"), 'pods "web" not found (HTTP 404)', 1),
        (400, JSON, _recorded("container c is not valid for pod web", 400, "BadRequest"), "not valid for pod", 1),
        (
            400,
            JSON,
            _recorded("a container name must be specified for pod web, choose one of: [a b]", 400, "BadRequest"),
            "choose one of: [a b]",
            1,
        ),
        (400, JSON, _recorded("pod web does not have a host assigned", 400, "BadRequest"), "a host assigned", 1),
        (401, JSON, _recorded("Unauthorized", 401, "Unauthorized"), "Unauthorized (HTTP 401)", 1),
        (200, HTML, b"<title>Sign in</title>", "Sign in (HTTP 200); something before the API server does not let", 1),
        (426, {}, b"Upgrade Required", "ask the API server directly", 1),
    ],
)
def test_a_response_of_an_api_server_or_proxy_instead_of_the_upgrade(
    kubelet: Kubelet, pod_exec: PodExec, code: int, headers: dict[str, str], body: bytes, message: str, times: int
) -> None:
    kubelet.raw = [(code, headers, body)] * 9
    with pytest.raises(ExecFailed) as raised:
        pod_exec(POD, ["x"], deadline=Deadline(10))
    assert message in str(raised.value)
    assert not isinstance(raised.value, Throttled)
    assert len(kubelet.requests) == times


@pytest.mark.parametrize(
    ("message", "times"),
    [
        (
            "Internal error occurred: error executing command in container: failed to exec in container: failed to "
            'start exec "5f": OCI runtime exec failed: exec failed: unable to start container process: exec: "sh": '
            "executable file not found in $PATH: unknown",
            1,
        ),
        ("Internal error occurred: error dialing backend: dial tcp 172.18.0.3:10250: connect: connection refused", 3),
        ('Internal error occurred: unable to upgrade connection: container not found ("web")', 3),
        ("Internal error occurred: unable to upgrade streaming request: pod does not exist", 3),
        ("command terminated by signal", 1),
    ],
)
def test_a_status_frame_about_a_command_that_did_not_start(
    kubelet: Kubelet, pod_exec: PodExec, message: str, times: int
) -> None:
    causes = {"causes": [{"message": message.removeprefix("Internal error occurred: ")}]}
    kubelet.talk = _says(
        status={"status": "Failure", "message": message, "reason": "InternalError", "details": causes, "code": 500}
    )
    with pytest.raises(ExecFailed, match=re.escape(message)):
        pod_exec(POD, ["sh"], deadline=Deadline(10))
    assert len(kubelet.requests) == times


TOO_MANY = (429, {"Retry-After": "0"}, b"Too many requests, please try again later.\n")


def test_a_server_that_throttles_is_asked_again_however_often(kubelet: Kubelet, pod_exec: PodExec) -> None:
    kubelet.raw = [TOO_MANY] * 6
    kubelet.talk = _says(b"\x01ok")
    reply = pod_exec(POD, ["x"], deadline=Deadline(20))
    assert (reply.stdout, reply.throttled) == (b"ok", True)
    assert not pod_exec(POD, ["x"], deadline=Deadline(20)).throttled


def test_throttling_ends_with_the_deadline(kubelet: Kubelet, pod_exec: PodExec) -> None:
    kubelet.raw = [(429, {"Retry-After": "60"}, b"Too many requests, please try again later.")] * 99
    deadline = Deadline(4)  # enough for a first answer, however busy the machine
    with pytest.raises(Throttled, match=r"Too many requests.*HTTP 429\); lower --probe-concurrency"):
        pod_exec(POD, ["x"], deadline=deadline)
    assert len(kubelet.requests) == 1
    assert not deadline.passed, "an attempt that would come too late is not awaited"


def test_our_credentials_are_not_sent_to_wherever_a_redirect_points(kubelet: Kubelet, pod_exec: PodExec) -> None:
    kubelet.raw = [(302, {"Location": f"http://127.0.0.1:{kubelet.port}/api/v1/namespaces/n/pods/p/exec"}, b"")] * 9
    with pytest.raises(ExecFailed):
        pod_exec(POD, ["x"], deadline=Deadline(10))
    assert {request.path for request in kubelet.requests} == {"/api/v1/namespaces/shop/pods/web/exec"}


@pytest.mark.parametrize("rubbish", [b"", b"\r\n\r\n", b"HTTP/1.1 x\r\n\r\n", b"SSH-2.0-OpenSSH_9.2p1\r\n"])
def test_half_an_answer_is_a_failure_that_may_pass(rubbish: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)

        def answer() -> None:
            for _ in range(3):
                with server.accept()[0] as connection:
                    connection.settimeout(60)
                    connection.recv(4096)
                    connection.sendall(rubbish)

        thread = threading.Thread(target=answer)
        thread.start()
        exec = PodExec(Access(Configuration(host=f"http://127.0.0.1:{server.getsockname()[1]}")))
        with pytest.raises(
            ExecFailed, match=r"exec in pod shop/web failed: (cannot connect to http|the response is not HTTP)"
        ):
            exec(POD, ["x"], deadline=Deadline(10))
        thread.join()
