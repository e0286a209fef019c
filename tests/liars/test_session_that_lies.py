"""Connections that are held: whatever a session does, only a network that was seen makes a verdict."""

import re
from collections.abc import Callable, Sequence

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
HTTP = Probe(Scheme.HTTP, "10.0.0.1", 80, 0, "held client -> http://target")
UDP = Probe(Scheme.UDP, "10.0.0.1", 53000, 0, "held client -> udp://target")
ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

LAST_WORDS = {
    "reset": "cat: -: Connection reset by peer\n",
    "given up": "cat: -: Connection timed out\n",
    "finished": "",
}


class Bash:
    """A session with the program of a held connection over a network in a ``state``, as the pods have it."""

    def __init__(self, pods: "Pods", argv: Sequence[str]) -> None:
        self._pods = pods
        found = re.search(r"N=(\w+)", argv[2])
        assert found is not None
        self._nonce = found[1]
        self._output = [self._frame("began", 0)]
        if pods.state == "open":
            self._output.append(self._frame("open", 0))

    def write(self, data: bytes) -> None:
        number, _, text = data.decode().strip().partition(" ")
        if number == "0":
            raise ExecFailed("the session ended with exit code 0")
        self._pods.asked.append(text)
        if "deaf" not in self._pods.lies:
            self._output.append(self._frame("heard", int(number)))
        if self._pods.state == "open" and text and self._pods.answer:
            word = re.search(r"[0-9a-f]{16}", text)
            self._output.append(f"{self._pods.answer}{word[0] if word else ''}".encode())
        ending = self._pods.state if self._pods.answer else "finished"
        if ending in LAST_WORDS:
            self._output.append(LAST_WORDS[ending].encode() + self._frame("closed", 1))
        if self._pods.state == "dropped" and "dies in silence" in self._pods.lies and text:
            self._pods.dead = True

    def read(self, deadline: Deadline) -> bytes:
        if self._output:
            return self._output.pop(0)
        if self._pods.dead:
            raise ExecFailed("the session broke")
        deadline.pause(deadline.remaining or 0.001)
        return b""

    def close(self) -> None:
        self._pods.closed += 1

    def _frame(self, word: str, number: int) -> bytes:
        return f"[{self._nonce} {word} {number}]\n".encode()


class Pods:
    """Pods with bash, over a network in one state: open, dropped, or one of ``LAST_WORDS``."""

    def __init__(self) -> None:
        self.state = "open"
        self.lies: set[str] = set()
        self.answer = ANSWER
        self.dead = False
        self.opened = 0
        self.closed = 0
        self.asked: list[str] = []

    def __call__(
        self, pod: NamespacedName, argv: Sequence[str], *, stdin: bytes = b"", deadline: Deadline, container: str = ""
    ) -> ExecReply:
        asked = re.search(r"\$\(discover\)\" (\w+)", stdin.decode())
        assert asked is not None
        return ExecReply(0, f"\n[{asked[1]} tools 0 0 0\nhas bash\nhas timeout\n{asked[1]} tools 0]\n".encode())

    def session(self, pod: NamespacedName, argv: Sequence[str], *, deadline: Deadline, container: str = "") -> Bash:
        self.opened += 1
        return Bash(self, argv)


@pytest.fixture
def pods() -> Pods:
    return Pods()


@pytest.fixture
def ask(pods: Pods) -> Callable[[Probe], Outcome]:
    prober = Prober(pods, timeout=0.05, exec_timeout=0.2)
    return lambda probe: prober.observe({POD: [probe]})[POD, probe].outcome


@pytest.mark.parametrize("probe", [HTTP, UDP])
def test_a_connection_is_opened_once_and_its_fate_is_reported(
    pods: Pods, ask: Callable[[Probe], Outcome], probe: Probe
) -> None:
    assert [ask(probe) for _ in range(3)] == [Outcome.CONNECTED] * 3
    pods.state = "dropped"
    assert [ask(probe) for _ in range(2)] == [Outcome.TIMED_OUT] * 2
    pods.state = "open"
    assert ask(probe) is Outcome.CONNECTED
    pods.state = "reset"
    assert [ask(probe) for _ in range(2)] == [Outcome.REFUSED] * 2
    pods.state = "open"
    assert ask(probe) is Outcome.REFUSED, "what is over stays over"
    assert pods.opened == 1


def test_a_connection_that_cannot_be_opened_is_tried_again(pods: Pods, ask: Callable[[Probe], Outcome]) -> None:
    pods.state = "dropped"
    assert ask(HTTP) is Outcome.TIMED_OUT
    pods.state = "open"
    assert ask(HTTP) is Outcome.CONNECTED
    assert (pods.opened, pods.closed) == (2, 1)


def test_a_session_that_breaks_in_the_silence_is_no_denial(pods: Pods, ask: Callable[[Probe], Outcome]) -> None:
    assert ask(HTTP) is Outcome.CONNECTED
    pods.state, pods.lies = "dropped", {"dies in silence"}
    assert [ask(HTTP) for _ in range(2)] == [Outcome.PROBE_FAILED] * 2


def test_a_shell_that_does_not_hear_is_no_denial(pods: Pods, ask: Callable[[Probe], Outcome]) -> None:
    assert ask(UDP) is Outcome.CONNECTED
    pods.state, pods.lies = "dropped", {"deaf"}
    assert ask(UDP) is Outcome.PROBE_FAILED


@pytest.mark.parametrize("end", ["reset", "finished"])
def test_the_end_of_a_connection_that_has_answered_is_the_networks_word(
    pods: Pods, ask: Callable[[Probe], Outcome], end: str
) -> None:
    assert ask(HTTP) is Outcome.CONNECTED
    pods.state = end
    assert [ask(HTTP) for _ in range(2)] == [Outcome.REFUSED] * 2


@pytest.mark.parametrize("answer", ["HTTP/1.0 200 OK\r\n\r\nok", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok", ""])
def test_a_server_that_always_ends_connections_says_nothing_of_the_network(
    pods: Pods, ask: Callable[[Probe], Outcome], answer: str
) -> None:
    pods.answer = answer
    assert [ask(HTTP) for _ in range(2)] == [Outcome.PROBE_FAILED] * 2
    assert pods.opened == 2, "before the first answer everything is tried again"


def test_a_connection_that_tcp_has_given_up_stays_silent(pods: Pods, ask: Callable[[Probe], Outcome]) -> None:
    assert ask(HTTP) is Outcome.CONNECTED
    pods.state = "given up"
    assert [ask(HTTP) for _ in range(2)] == [Outcome.TIMED_OUT] * 2


def test_an_exec_without_sessions_cannot_keep_a_connection() -> None:
    pods = Pods()
    prober = Prober(lambda pod, argv, **more: pods(pod, argv, **more), timeout=0.05, exec_timeout=0.2)
    reply = prober.observe({POD: [HTTP]})[POD, HTTP]
    assert reply.outcome is Outcome.PROBE_FAILED
    assert "cannot keep a connection open" in reply.detail


def test_after_hanging_up_a_connection_is_a_new_one(pods: Pods) -> None:
    prober = Prober(pods, timeout=0.05, exec_timeout=0.2)
    prober.observe({POD: [HTTP]})
    prober.close_connections([(POD, HTTP), (POD, UDP)])
    assert prober.silence(POD, HTTP) == 0.0
    prober.observe({POD: [HTTP]})
    assert (pods.opened, pods.closed) == (2, 1)


def test_how_long_a_connection_has_been_silent_is_known(pods: Pods, ask: Callable[[Probe], Outcome]) -> None:
    prober = Prober(pods, timeout=0.05, exec_timeout=0.2)
    prober.observe({POD: [HTTP]})
    assert prober.silence(POD, HTTP) == 0.0
    pods.state = "dropped"
    prober.observe({POD: [HTTP]})
    prober.observe({POD: [HTTP]})
    assert prober.silence(POD, HTTP) >= 0.05
