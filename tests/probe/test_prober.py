from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from netpol_harness.deadline import Deadline
from netpol_harness.errors import ExecFailed
from netpol_harness.kube.exec import ExecReply, Throttled
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Outcome
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.plan.question import Probe
from netpol_harness.probe.plan.toolbox import Tool
from netpol_harness.probe.pod_prober import ProbeMethod
from netpol_harness.probe.prober import Prober

A, B = NamespacedName("shop", "a"), NamespacedName("shop", "b")
OPEN, DROPPED, REFUSED = (Probe(Scheme.TCP, f"10.0.0.{number}", 80) for number in (1, 2, 3))
NETWORK = {"10.0.0.1": "open", "10.0.0.2": "dropped", "10.0.0.3": "refused"}
FakePods = Callable[[Any], Any]


def _prober(exec: Any, **more: Any) -> Prober:
    return Prober(exec, timeout=0.2, exec_timeout=5.0, **more)


@pytest.mark.parametrize("method", list(ProbeMethod))
@pytest.mark.parametrize("python", [True, False])
def test_every_probe_of_every_pod_gets_its_reply(fake_pods: FakePods, method: ProbeMethod, *, python: bool) -> None:
    pods = fake_pods(NETWORK)
    pods.python = python
    replies = _prober(pods).observe({A: [OPEN, DROPPED, REFUSED, OPEN], B: [DROPPED]}, method)
    assert {key: reply.outcome for key, reply in replies.items()} == {
        (A, OPEN): Outcome.CONNECTED,
        (A, DROPPED): Outcome.TIMED_OUT,
        (A, REFUSED): Outcome.REFUSED,
        (B, DROPPED): Outcome.TIMED_OUT,
    }
    tools = {reply.tool for reply in replies.values()}
    assert tools == {"python3" if method is ProbeMethod.PYTHON and python else "nc"}


def test_one_exec_carries_all_probes_of_a_pod_and_tools_are_found_once(fake_pods: FakePods) -> None:
    pods = fake_pods(NETWORK)
    prober = _prober(pods)
    prober.observe({A: [OPEN, REFUSED], B: [OPEN]})
    assert sorted(pods.execs) == [(A, "sh")] * 2 + [(B, "sh")] * 2
    prober.observe({A: [OPEN, REFUSED], B: [OPEN]})
    assert len(pods.execs) == 6


def test_the_python_script_needs_no_shell_and_leaves_names_to_the_tools(fake_pods: FakePods) -> None:
    pods = fake_pods(lambda pod, host, port: "open")
    pods.python = True
    prober = _prober(pods)
    prober.observe({A: [OPEN]}, ProbeMethod.PYTHON)
    assert pods.execs == [(A, "python3")]
    named = Probe(Scheme.TCP, "web", 80)
    replies = prober.observe({A: [OPEN, named]}, ProbeMethod.PYTHON)
    assert (replies[A, OPEN].tool, replies[A, named].tool) == ("python3", "nc")


def test_python_is_looked_for_once_in_a_pod_without_it(fake_pods: FakePods) -> None:
    pods = fake_pods(NETWORK)
    prober = _prober(pods)
    for _ in range(2):
        prober.observe({A: [OPEN]}, ProbeMethod.PYTHON)
    assert [program for _, program in pods.execs] == ["python3", "sh", "sh", "sh"]


def test_no_probes_give_no_replies(fake_pods: FakePods) -> None:
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
def test_a_broken_pod_does_not_fail_the_others(fake_pods: FakePods, error: Exception) -> None:
    pods = fake_pods(NETWORK)

    def exec(
        pod: NamespacedName, argv: Sequence[str], *, stdin: bytes, deadline: Deadline, container: str
    ) -> ExecReply:
        if pod == A:
            raise error
        reply: ExecReply = pods(pod, argv, stdin=stdin, deadline=deadline)
        return reply

    replies = _prober(exec).observe({A: [OPEN], B: [OPEN]})
    assert replies[A, OPEN].outcome is Outcome.PROBE_FAILED
    assert str(error) in replies[A, OPEN].detail
    assert replies[B, OPEN].outcome is Outcome.CONNECTED


def test_silence_in_a_slow_round_is_probed_again_with_more_time(fake_pods: FakePods) -> None:
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


def test_silence_on_a_name_needs_a_quicker_round_than_silence_of_an_address(fake_pods: FakePods) -> None:
    """One lost query is a silence too, and resolvers repeat it only after seconds."""
    silent: Counter[str] = Counter()

    def network(pod: NamespacedName, host: str, port: int) -> str:
        silent[host] += 1
        return "open" if host == "web" and silent[host] > 1 else "dropped"

    pods = fake_pods(network)
    pods.seconds = 0.07
    named = Probe(Scheme.TCP, "web", 80)
    replies = _prober(pods).observe({A: [named, DROPPED]})
    assert replies[A, named].outcome is Outcome.CONNECTED
    assert (replies[A, DROPPED].outcome, silent[DROPPED.host]) == (Outcome.TIMED_OUT, 1)
    pods.seconds = 0.001
    silent.clear()
    assert _prober(pods).observe({A: [named]})[A, named].outcome is Outcome.TIMED_OUT


def test_silence_of_pods_that_stay_too_slow_means_nothing(fake_pods: FakePods) -> None:
    pods = fake_pods(NETWORK)
    pods.seconds = 100.0
    reply = _prober(pods).observe({A: [OPEN], B: [DROPPED]})[B, DROPPED]
    assert reply.outcome is Outcome.PROBE_FAILED
    assert "too slow for silence to mean anything" in reply.detail


def test_the_pace_has_a_limit(fake_pods: FakePods) -> None:
    pods = fake_pods(NETWORK)
    pods.seconds = 100.0
    prober = _prober(pods)
    for _ in range(9):
        assert prober.observe({A: [DROPPED]})[A, DROPPED].outcome is Outcome.PROBE_FAILED
    assert prober.timeout == pytest.approx(1.6)


def test_a_shell_that_disappeared_is_looked_for_again(fake_pods: FakePods) -> None:
    pods = fake_pods(NETWORK)
    prober = _prober(pods)
    prober.observe({A: [OPEN]})
    pods.shells = False
    assert prober.observe({A: [OPEN]})[A, OPEN].outcome is Outcome.PROBE_FAILED
    pods.shells = True
    assert prober.observe({A: [OPEN]})[A, OPEN].outcome is Outcome.CONNECTED


def _spare(pods: Any, name: str = "netpol-probe") -> Prober:
    pods.shells, pods.spare = False, name
    return _prober(pods, containers=pods)


def test_a_pod_without_a_shell_is_probed_from_a_probe_container(fake_pods: FakePods) -> None:
    pods = fake_pods(NETWORK)
    prober = _spare(pods)
    replies = prober.observe({A: [OPEN, DROPPED]})
    assert (replies[A, OPEN].outcome, replies[A, DROPPED].outcome) == (Outcome.CONNECTED, Outcome.TIMED_OUT)
    assert {reply.tool_and_container for reply in replies.values()} == {"nc (container netpol-probe)"}
    prober.observe({A: [OPEN]})
    assert len(pods.execs) == 4, "its own shell and the tools are looked for once"


@pytest.mark.parametrize("method", list(ProbeMethod))
def test_a_probe_runs_in_the_container_that_its_path_names_and_in_no_other(
    fake_pods: FakePods, method: ProbeMethod
) -> None:
    pods = fake_pods(NETWORK)
    pods.spare = "side"
    bound, lost = replace(OPEN, container="side"), replace(DROPPED, container="gone")
    replies = _prober(pods).observe({A: [OPEN, bound, lost]}, method)
    assert (replies[A, OPEN].outcome, replies[A, OPEN].container) == (Outcome.CONNECTED, "")
    assert (replies[A, bound].outcome, replies[A, bound].container) == (Outcome.CONNECTED, "side")
    assert replies[A, lost].outcome is Outcome.PROBE_FAILED
    assert "container gone is not valid for pod a" in replies[A, lost].detail


def test_a_named_container_without_tools_gets_no_help_from_others(fake_pods: FakePods) -> None:
    pods = fake_pods(NETWORK)
    pods.spare = "side"
    reply = _prober(pods, tool=Tool.CURL).observe({A: [bound := replace(OPEN, container="side")]})[A, bound]
    assert reply.outcome is Outcome.PROBE_FAILED
    assert "the path names container side, so that no other is used" in reply.detail


def test_the_python_script_runs_in_an_existing_probe_container(fake_pods: FakePods) -> None:
    pods = fake_pods(NETWORK)
    prober = _spare(pods)
    for _ in range(2):
        reply = prober.observe({A: [OPEN]}, ProbeMethod.PYTHON)[A, OPEN]
        assert (reply.outcome, reply.tool_and_container) == (Outcome.CONNECTED, "python3 (container netpol-probe)")
    assert [program for _, program in pods.execs] == ["python3", "sh", "sh", "python3", "python3"]


def test_a_probe_container_that_cannot_be_added_is_not_a_denial(fake_pods: FakePods) -> None:
    pods = fake_pods(NETWORK)
    reply = _spare(pods, "").observe({A: [DROPPED]})[A, DROPPED]
    assert reply.outcome is Outcome.PROBE_FAILED
    assert "pod shop/a: there is no sh" in reply.detail
    assert "a probe container cannot be added: forbidden" in reply.detail


@pytest.mark.parametrize("method", list(ProbeMethod))
def test_a_recreated_pod_gets_a_new_probe_container(fake_pods: FakePods, method: ProbeMethod) -> None:
    pods = fake_pods(NETWORK)
    prober = _spare(pods)
    prober.observe({A: [OPEN]}, method)
    pods.spare = "netpol-probe-2"
    for _ in range(2):
        reply = prober.observe({A: [OPEN]}, method)[A, OPEN]
    assert (reply.outcome, reply.container) == (Outcome.CONNECTED, "netpol-probe-2")


def test_prepare_discovers_every_pod_once(fake_pods: FakePods) -> None:
    pods = fake_pods(NETWORK)
    prober = _prober(pods)
    prober.prepare([A, B, A])
    prober.prepare([A])
    assert sorted(pods.execs) == [(A, "sh"), (B, "sh")]
    prober.observe({A: [OPEN]})
    assert len(pods.execs) == 3


def test_prepare_does_not_raise_for_a_broken_pod(fake_pods: FakePods) -> None:
    pods = fake_pods(NETWORK)
    pods.shells = False
    _prober(pods).prepare([A])


@pytest.mark.parametrize("method", list(ProbeMethod))
def test_a_batch_whose_connection_breaks_is_run_again(fake_pods: FakePods, method: ProbeMethod) -> None:
    pods = fake_pods(NETWORK)
    pods.python = True
    prober = _prober(pods)
    prober.observe({A: [OPEN]}, method)
    pods.breaks = 2
    assert prober.observe({A: [OPEN]}, method)[A, OPEN].outcome is Outcome.CONNECTED
    pods.breaks = 3
    reply = prober.observe({A: [DROPPED]}, method)[A, DROPPED]
    assert (reply.outcome, "the connection broke" in reply.detail) == (Outcome.PROBE_FAILED, True)


@pytest.mark.parametrize("refuses", [True, False])
def test_a_server_that_throttles_halves_the_execs(fake_pods: FakePods, *, refuses: bool) -> None:
    pods = fake_pods(NETWORK)

    def throttling(*args: Any, **more: Any) -> ExecReply:
        if refuses:
            raise Throttled("too many requests (HTTP 429)")
        reply: ExecReply = replace(pods(*args, **more), throttled=True)
        return reply

    prober = _prober(throttling, concurrency=8)
    reply = prober.observe({A: [DROPPED]})[A, DROPPED]
    assert reply.outcome is (Outcome.PROBE_FAILED if refuses else Outcome.TIMED_OUT)
    assert prober.load.execs == (4 if refuses else 2)
