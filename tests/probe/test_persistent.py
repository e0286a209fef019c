"""The program of a held connection in a real bash, with GNU's tools and with busybox's, against a real server."""

import os
import queue
import select
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.deadline import Deadline
from netpol_harness.errors import ExecFailed
from netpol_harness.kube.exec import ExecReply
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Outcome
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.plan.question import Probe
from netpol_harness.probe.prober import Prober

POD = NamespacedName("shop", "client")
BASH = shutil.which("bash") or "bash"
BUSYBOX = shutil.which("busybox")


class Local:
    """A session of bash on this host, on pipes, in a process group of its own."""

    def __init__(self, argv: Any, path: str) -> None:
        self.process = subprocess.Popen(
            [BASH, *argv[1:]],
            env={"PATH": path},
            start_new_session=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def read(self, deadline: Deadline) -> bytes:
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], deadline.remaining)[0]:
            return b""
        if data := os.read(self.process.stdout.fileno(), 65536):
            return data
        raise ExecFailed("the session ended")

    def close(self) -> None:
        """The client goes, and its node does not notice: standard input stays open."""

    def left(self) -> list[str]:
        """What still runs of it after a while."""
        running: list[str] = []
        for _ in Deadline(10).ticks(0.02):
            done = subprocess.run(["ps", "-o", "args=", "-s", str(self.process.pid)], capture_output=True, text=True)
            running = [line for line in done.stdout.splitlines() if "defunct" not in line]
            if not running:
                break
        return running


class Pods:
    """Sessions on this host, with the tools of one folder."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.sessions: list[Local] = []

    def __call__(
        self, pod: NamespacedName, argv: Any, *, stdin: bytes = b"", deadline: Deadline, container: str = ""
    ) -> Any:
        done = subprocess.run(["sh"], input=stdin, capture_output=True, timeout=10, env={"PATH": os.environ["PATH"]})
        return ExecReply(done.returncode, done.stdout, done.stderr)

    def session(self, pod: NamespacedName, argv: Any, *, deadline: Deadline, container: str = "") -> Local:
        self.sessions.append(Local(argv, self.path))
        return self.sessions[-1]


@pytest.fixture(params=["gnu", "busybox"])
def pods(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pods]:
    path = os.environ["PATH"]
    if request.param == "busybox":
        if BUSYBOX is None:
            pytest.skip("busybox is not installed")
        subprocess.run([BUSYBOX, "--install", "-s", str(tmp_path)], check=True, capture_output=True)
        path = str(tmp_path)
    made = Pods(path)
    yield made
    for session in made.sessions:
        with session.process:
            session.process.kill()


@pytest.fixture
def server() -> Iterator[Any]:
    """A server of HTTP that keeps connections open; each goes into a queue, with the thread that serves it."""
    connections: queue.Queue[tuple[socket.socket, threading.Thread]] = queue.Queue()

    def serve(connection: socket.socket) -> None:
        connections.put((connection, threading.current_thread()))
        with connection, connection.makefile("rb") as lines:
            for line in lines:
                if line.startswith(b"GET"):
                    word = line.split(b"msg=")[1].split(b" ")[0]
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n" + word)

    def accept(listener: socket.socket) -> None:
        try:
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
        except OSError:
            return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1], connections
        listener.shutdown(socket.SHUT_RDWR)


def test_data_passes_again_and_again_and_nothing_is_left(pods: Pods, server: Any) -> None:
    probe = Probe(Scheme.HTTP, "127.0.0.1", server[0], connection="held")
    prober = Prober(pods, timeout=2.0, exec_timeout=10)
    replies = [prober.observe({POD: [probe]})[POD, probe] for _ in range(3)]
    assert [reply.outcome for reply in replies] == [Outcome.CONNECTED] * 3, replies
    prober.close_connections([(POD, probe)])
    (session,) = pods.sessions
    assert session.process.wait(timeout=10) == 0
    assert session.left() == []


def test_a_reset_is_reported(pods: Pods, server: Any) -> None:
    probe = Probe(Scheme.HTTP, "127.0.0.1", server[0], connection="held")
    prober = Prober(pods, timeout=2.0, exec_timeout=10)
    assert prober.observe({POD: [probe]})[POD, probe].outcome is Outcome.CONNECTED
    connection, thread = server[1].get(timeout=10)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.shutdown(socket.SHUT_RD)
    thread.join(timeout=10)  # it closes the connection, which resets it; until then it would still serve a request
    assert not thread.is_alive()
    assert prober.observe({POD: [probe]})[POD, probe].outcome is Outcome.REFUSED


def test_a_refused_connection_leaves_no_process(pods: Pods) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        probe = Probe(Scheme.HTTP, "127.0.0.1", bound.getsockname()[1], connection="held")
        reply = Prober(pods, timeout=2.0, exec_timeout=10).observe({POD: [probe]})[POD, probe]
    assert reply.outcome is Outcome.REFUSED
    (session,) = pods.sessions
    assert session.left() == []


def test_a_connection_without_an_answer_leaves_no_process(pods: Pods) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.settimeout(0)
            one.connect_ex(full.getsockname())
        probe = Probe(Scheme.HTTP, "127.0.0.1", full.getsockname()[1], connection="held")
        reply = Prober(pods, timeout=0.3, exec_timeout=10).observe({POD: [probe]})[POD, probe]
        assert reply.outcome is Outcome.TIMED_OUT
        (session,) = pods.sessions
        session.process.wait(timeout=10)
        assert session.left() == []
        for one in waiting:
            one.close()
