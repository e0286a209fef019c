import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from aiohttp import WSMsgType, web
from kubernetes.client.configuration import Configuration

from harness.errors import ExecFailed
from harness.kube.config import Access
from harness.kube.exec import PodExec
from harness.model.flow import PodRef
from harness.settings import Deadline

POD = PodRef("shop", "web")
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
        self.requests: list[web.Request] = []
        self.port = 0

    async def nothing(self, socket: web.WebSocketResponse) -> None:
        """Close without a word."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if self.refusals:
            code, message = self.refusals.pop(0)
            return web.json_response({"kind": "Status", "message": message}, status=code)
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
def test_what_passes_is_tried_again(kubelet: Kubelet, pod_exec: PodExec, refusal: tuple[int, str]) -> None:
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
