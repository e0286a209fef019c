import socket
import subprocess
import sys
import threading
from collections.abc import Sequence

import pytest

from netpol_harness.paths.outcome import Outcome
from netpol_harness.paths.path import Scheme
from netpol_harness.probe import python_script
from netpol_harness.probe.plan.question import Probe
from netpol_harness.probe.plan.script import read
from netpol_harness.results.evidence import Reply

NONCE = "a1b2c3d4e5f60718"
PATIENCE = 60.0


def _asked(probes: Sequence[Probe], *, timeout: float = 0.2) -> dict[Probe, Reply]:
    batch = python_script.compose(probes, timeout=timeout, nonce=NONCE)
    argv = [sys.executable, *python_script.ARGV[1:]]
    done = subprocess.run(argv, input=batch.text.encode(), capture_output=True, check=True, timeout=PATIENCE)
    return dict(read(batch, done.stdout).replies)


def test_a_listener_is_connected_and_a_closed_port_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        open_, shut = (Probe(Scheme.TCP, "127.0.0.1", s.getsockname()[1]) for s in (listener, closed))
        replies = _asked([open_, shut], timeout=PATIENCE)
    assert replies[open_].outcome is Outcome.CONNECTED
    assert replies[open_].seconds < PATIENCE
    assert replies[shut].outcome is Outcome.REFUSED


def test_a_silent_datagram_socket_is_silence_and_a_closed_one_refuses() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as silent, socket.socket(type=socket.SOCK_DGRAM) as gone:
        for each in (silent, gone):
            each.bind(("127.0.0.1", 0))
        quiet, shut = (Probe(Scheme.UDP, "127.0.0.1", s.getsockname()[1]) for s in (silent, gone))
        gone.close()
        silent.settimeout(PATIENCE)
        replies = _asked([quiet, shut])
        sent = [silent.recv(99) for _ in range(3)]
    assert replies[quiet].outcome is Outcome.TIMED_OUT
    assert replies[shut].outcome is Outcome.REFUSED
    assert len(set(sent)) == 1
    assert sent[0].startswith(b"echo ")


def _serving(listener: socket.socket, answer: bytes, *, closes: bool) -> threading.Thread:
    """Answer one request, in two parts."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(99).startswith(b"GET /hostname HTTP/1.1\r\nHost: 127.0.0.1:")
            for part in (answer[:20], answer[20:]):
                connection.sendall(part)
            if not closes:
                connection.recv(99)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("answer", "closes", "expected"),
    [
        (b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nserver", True, Reply(Outcome.CONNECTED, "server")),
        (b"5.7.1 greetings from a database that waits", False, Reply(Outcome.CONNECTED, "")),
        (b"", True, Reply(Outcome.CONNECTED, "")),
        (b"", False, Reply(Outcome.TIMED_OUT)),
    ],
    ids=["its name", "a greeting", "no answer", "silence"],
)
def test_a_server_is_asked_for_its_name_and_all_that_it_sends_is_the_answer(
    answer: bytes, expected: Reply, *, closes: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = _serving(listener, answer, closes=closes)
        probe = Probe(Scheme.TCP, "127.0.0.1", listener.getsockname()[1], asks_name=True)
        reply = _asked([probe], timeout=PATIENCE if closes else 1.0)[probe]
        thread.join(PATIENCE)
    assert (reply.outcome, reply.detail) == (expected.outcome, expected.detail)


def test_more_probes_than_sockets_at_once_are_all_answered() -> None:
    probes = [Probe(Scheme.TCP, "127.0.0.1", port) for port in range(20_000, 20_000 + python_script.AT_ONCE + 200)]
    replies = _asked(probes)
    assert set(replies) == set(probes)
    assert Outcome.PROBE_FAILED not in {reply.outcome for reply in replies.values()}


def test_the_program_agrees_with_its_sender_on_how_many_are_asked_at_once() -> None:
    assert f"MOST_AT_ONCE = {python_script.AT_ONCE}\n" in python_script.PROGRAM


def test_the_program_is_one_line_and_does_not_wait_for_the_end_of_its_input() -> None:
    batch = python_script.compose([Probe(Scheme.TCP, "127.0.0.1", 1)], timeout=0.2, nonce=NONCE)
    assert batch.text.count("\n") == 1
    assert batch.text.isascii()
    argv = [sys.executable, *python_script.ARGV[1:]]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(batch.text.encode())
        process.stdin.flush()
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize(
    ("probe", "able"),
    [
        (Probe(Scheme.TCP, "10.0.0.1", 80), True),
        (Probe(Scheme.HTTP, "fd00::1", 80), True),
        (Probe(Scheme.UDP, "10.0.0.1", 53), True),
        (Probe(Scheme.SCTP, "10.0.0.1", 80), True),
        (Probe(Scheme.TCP, "web", 80), False),
        (Probe(Scheme.ICMP, "10.0.0.1", 0), False),
    ],
)
def test_the_python_script_probes_addresses(probe: Probe, *, able: bool) -> None:
    assert python_script.supports(probe) is able


def test_the_command_for_users_runs_the_same_probe() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        probe = Probe(Scheme.TCP, "127.0.0.1", listener.getsockname()[1])
        command = _asked([probe])[probe].command.replace("python3", sys.executable)
        assert subprocess.run(["sh", "-c", command], check=False).returncode == 0
    assert subprocess.run(["sh", "-c", command], check=False, stderr=subprocess.DEVNULL).returncode == 1
