"""Sessions over a real WebSocket to a server that behaves as given."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator

import pytest
from aiohttp import WSMsgType, web
from kubernetes.client.configuration import Configuration

from netpol_harness.deadline import Deadline
from netpol_harness.errors import ExecFailed
from netpol_harness.kube.config import Access
from netpol_harness.kube.exec import PodExec
from netpol_harness.model.names import NamespacedName

POD = NamespacedName("shop", "web")
Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


@pytest.fixture
def serve() -> Iterator[Callable[[Talk], PodExec]]:
    """Start a server that upgrades every request and then talks; gives the way to it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    runners: list[web.AppRunner] = []

    def start(talk: Talk) -> PodExec:
        async def handle(request: web.Request) -> web.WebSocketResponse:
            socket = web.WebSocketResponse(protocols=["v5.channel.k8s.io"])
            await socket.prepare(request)
            await talk(socket)
            return socket

        async def listen() -> int:
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", handle)
            runners.append(web.AppRunner(app))
            await runners[-1].setup()
            site = web.TCPSite(runners[-1], "127.0.0.1", 0)
            await site.start()
            return int(runners[-1].addresses[0][1])

        port = asyncio.run_coroutine_threadsafe(listen(), loop).result()
        return PodExec(Access(Configuration(host=f"http://127.0.0.1:{port}")))

    yield start
    for runner in runners:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def echo(socket: web.WebSocketResponse) -> None:
    """Give standard input back on standard output, with noise on standard error."""
    async for message in socket:
        if message.type is WSMsgType.BINARY and message.data[:1] == b"\0":
            await socket.send_bytes(b"\2noise")
            await socket.send_bytes(b"\1")
            await socket.send_bytes(b"\1" + message.data[1:])


def test_a_session_can_be_written_to_and_read_repeatedly(serve: Callable[[Talk], PodExec]) -> None:
    session = serve(echo).session(POD, ["cat"], deadline=Deadline(5))
    for word in (b"one", b"two"):
        session.write(word)
        assert session.read(Deadline(5)) == word
    assert session.read(Deadline(0.05)) == b"", "silence is no end"
    session.write(b"three")
    assert session.read(Deadline(5)) == b"three"
    session.close()
    with pytest.raises(ExecFailed):
        session.write(b"four")


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ({"status": "Success"}, "ended with exit code 0"),
        (
            {"status": "Failure", "details": {"causes": [{"reason": "ExitCode", "message": "7"}]}},
            "ended with exit code 7",
        ),
        ({"status": "Failure", "message": "no such program"}, "could not start: no such program"),
    ],
)
def test_the_end_of_the_command_is_an_error(
    serve: Callable[[Talk], PodExec], status: dict[str, object], message: str
) -> None:
    async def end(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(b"\1last words")
        await socket.send_bytes(b"\3" + json.dumps(status).encode())

    session = serve(end).session(POD, ["cat"], deadline=Deadline(5))
    assert session.read(Deadline(5)) == b"last words"
    with pytest.raises(ExecFailed, match=message):
        session.read(Deadline(5))
    session.close()


def test_a_connection_that_is_closed_is_an_error(serve: Callable[[Talk], PodExec]) -> None:
    async def close(socket: web.WebSocketResponse) -> None:
        await socket.close()

    session = serve(close).session(POD, ["cat"], deadline=Deadline(5))
    with pytest.raises(ExecFailed, match="closed by the server"):
        session.read(Deadline(5))
    session.close()


def test_a_server_that_is_down_is_an_error() -> None:
    with pytest.raises(ExecFailed, match="cannot connect"):
        PodExec(Access(Configuration(host="http://127.0.0.1:1"))).session(POD, ["cat"], deadline=Deadline(2))
