from collections.abc import Callable, Sequence
from typing import Any

import pytest

from harness.errors import ExecFailed
from harness.kube.exec import ExecReply
from harness.matrix.outcome import Outcome
from harness.matrix.path import Scheme
from harness.model.flow import PodRef
from harness.probe.prober import Means, Prober
from harness.probe.question import Probe
from harness.settings import Deadline

A, B = PodRef("shop", "a"), PodRef("shop", "b")
OPEN, DROPPED, REFUSED = (Probe(Scheme.TCP, f"10.0.0.{number}", 80) for number in (1, 2, 3))
NETWORK = {"10.0.0.1": "open", "10.0.0.2": "dropped", "10.0.0.3": "refused"}
FakePods = Callable[[Any], Any]


def _prober(exec: Any, **more: Any) -> Prober:
    return Prober(exec, timeout=0.2, exec_timeout=5.0, **more)


@pytest.mark.parametrize("means", list(Means))
@pytest.mark.parametrize("python", [True, False])
def test_every_probe_of_every_pod_gets_its_reply(fake_pods: FakePods, means: Means, *, python: bool) -> None:
    pods = fake_pods(NETWORK)
    pods.python = python
    replies = _prober(pods).observe({A: [OPEN, DROPPED, REFUSED, OPEN], B: [DROPPED]}, means)
    assert {key: reply.outcome for key, reply in replies.items()} == {
        (A, OPEN): Outcome.CONNECTED,
        (A, DROPPED): Outcome.TIMED_OUT,
        (A, REFUSED): Outcome.REFUSED,
        (B, DROPPED): Outcome.TIMED_OUT,
    }
    tools = {reply.tool for reply in replies.values()}
    assert tools == {"python3" if means is Means.AGENT and python else "nc"}


def test_one_exec_carries_all_probes_of_a_pod_and_tools_are_found_once(fake_pods: FakePods) -> None:
    pods = fake_pods(NETWORK)
    prober = _prober(pods)
    prober.observe({A: [OPEN, REFUSED], B: [OPEN]})
    assert sorted(pods.execs) == [(A, "sh")] * 2 + [(B, "sh")] * 2
    prober.observe({A: [OPEN, REFUSED], B: [OPEN]})
    assert len(pods.execs) == 6


def test_the_agent_needs_no_shell_and_leaves_names_to_the_tools(fake_pods: FakePods) -> None:
    pods = fake_pods(lambda pod, host, port: "open")
    pods.python = True
    prober = _prober(pods)
    prober.observe({A: [OPEN]}, Means.AGENT)
    assert pods.execs == [(A, "python3")]
    named = Probe(Scheme.TCP, "web", 80)
    replies = prober.observe({A: [OPEN, named]}, Means.AGENT)
    assert (replies[A, OPEN].tool, replies[A, named].tool) == ("python3", "nc")


def test_a_pod_without_python_is_asked_for_it_once(fake_pods: FakePods) -> None:
    pods = fake_pods(NETWORK)
    prober = _prober(pods)
    for _ in range(2):
        prober.observe({A: [OPEN]}, Means.AGENT)
    assert [program for _, program in pods.execs] == ["python3", "sh", "sh", "sh"]


def test_nothing_to_ask_is_nothing_answered(fake_pods: FakePods) -> None:
    pods = fake_pods(NETWORK)
    assert _prober(pods).observe({A: []}) == {}
    assert pods.execs == []


def test_a_pod_without_a_shell_says_what_to_do(fake_pods: FakePods) -> None:
    pods = fake_pods(NETWORK)
    pods.shells = False
    reply = _prober(pods).observe({A: [OPEN]})[A, OPEN]
    assert reply.outcome is Outcome.PROBE_FAILED
    assert "pod shop/a: there is no sh" in reply.detail
    assert "use an image" in reply.detail


@pytest.mark.parametrize("error", [ExecFailed("no such pod"), RuntimeError("a defect")])
def test_one_broken_pod_does_not_take_the_others_along(fake_pods: FakePods, error: Exception) -> None:
    pods = fake_pods(NETWORK)

    def exec(pod: PodRef, argv: Sequence[str], *, stdin: bytes, deadline: Deadline) -> ExecReply:
        if pod == A:
            raise error
        reply: ExecReply = pods(pod, argv, stdin=stdin, deadline=deadline)
        return reply

    replies = _prober(exec).observe({A: [OPEN], B: [OPEN]})
    assert replies[A, OPEN].outcome is Outcome.PROBE_FAILED
    assert str(error) in replies[A, OPEN].detail
    assert replies[B, OPEN].outcome is Outcome.CONNECTED


def test_what_was_silent_in_a_slow_round_is_asked_again_with_more_time(fake_pods: FakePods) -> None:
    pods = fake_pods(NETWORK)
    prober = _prober(pods)
    pods.seconds = 0.15
    replies = prober.observe({A: [OPEN], B: [DROPPED]})
    assert replies[A, OPEN].outcome is Outcome.CONNECTED
    assert replies[B, DROPPED].outcome is Outcome.TIMED_OUT
    assert replies[B, DROPPED].detail == "no answer within 0.4 s"
    pods.seconds = 0.001
    prober.observe({A: [OPEN]})
    assert prober.timeout == pytest.approx(0.2)


def test_silence_of_pods_that_stay_too_slow_means_nothing(fake_pods: FakePods) -> None:
    pods = fake_pods(NETWORK)
    pods.seconds = 100.0
    reply = _prober(pods).observe({A: [OPEN], B: [DROPPED]})[B, DROPPED]
    assert reply.outcome is Outcome.PROBE_FAILED
    assert "too slow for silence to mean anything" in reply.detail


def test_patience_has_an_end(fake_pods: FakePods) -> None:
    pods = fake_pods(NETWORK)
    pods.seconds = 100.0
    prober = _prober(pods)
    for _ in range(9):
        assert prober.observe({A: [DROPPED]})[A, DROPPED].outcome is Outcome.PROBE_FAILED
    assert prober.timeout == pytest.approx(1.6)


def test_a_shell_that_went_away_is_looked_for_again(fake_pods: FakePods) -> None:
    pods = fake_pods(NETWORK)
    prober = _prober(pods)
    prober.observe({A: [OPEN]})
    pods.shells = False
    assert prober.observe({A: [OPEN]})[A, OPEN].outcome is Outcome.PROBE_FAILED
    pods.shells = True
    assert prober.observe({A: [OPEN]})[A, OPEN].outcome is Outcome.CONNECTED
