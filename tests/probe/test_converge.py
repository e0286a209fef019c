import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from itertools import cycle
from typing import Any

import pytest

from netpol_harness.errors import ExecFailed
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.converge import Convergence, converge
from netpol_harness.probe.plan.question import Probe, Question
from netpol_harness.probe.prober import Prober
from netpol_harness.probe.rounds import run_round
from netpol_harness.results.evidence import Judgement, judge_evidence
from netpol_harness.results.proof import Proof
from netpol_harness.runner.counterfactual import gather
from netpol_harness.timeouts import Timeouts

CLIENT, SERVER, OTHER = (
    NamespacedName("shop", "client"),
    NamespacedName("shop", "server"),
    NamespacedName("shop", "other"),
)
PROBE = Probe(Scheme.TCP, "10.0.0.1", 80)
LIVENESS_CHECKS = ((SERVER, PROBE),)
QUICK = Timeouts(probe=0.2, settle=0.2, interval=0.001, exec=5, ready=1, cluster=1)
PATIENT = Timeouts(probe=0.2, settle=30, interval=0.001, exec=5, ready=1, cluster=1)
FakePods = Callable[[Any], Any]


def _script(**states: str) -> Callable[[NamespacedName, str, int], str]:
    """A network that gives each pod one letter after the other, the last for ever: o(pen), d(ropped), r(efused)."""
    remaining = {name: list(letters) for name, letters in states.items()}
    words = {"o": "open", "d": "dropped", "r": "refused"}

    def network(pod: NamespacedName, host: str, port: int) -> str:
        letters = remaining[pod.name]
        return words[letters.pop(0) if len(letters) > 1 else letters[0]]

    return network


def _converge(pods: Any, expected: Expected, timeouts: Timeouts, *, liveness_checks: Any = LIVENESS_CHECKS) -> Any:
    question = Question(CLIENT, PROBE, expected, liveness_checks)
    prober = Prober(pods, timeout=timeouts.probe, exec_timeout=timeouts.exec)
    return converge(prober, [question], timeouts)[question]


@pytest.mark.parametrize(
    ("expected", "client", "server", "judgement", "attempts"),
    [
        (Expected.ALLOWED, "o", "o", Judgement.AGREES, 2),
        (Expected.BLOCKED, "d", "o", Judgement.AGREES, 2),
        (Expected.REJECTED, "r", "o", Judgement.AGREES, 2),
        (Expected.UNDEFINED, "d", "o", Judgement.AGREES, 2),
        (Expected.BLOCKED, "ood", "o", Judgement.AGREES, 4),
        (Expected.ALLOWED, "ddo", "o", Judgement.AGREES, 4),
        (Expected.BLOCKED, "d", "ddo", Judgement.AGREES, 4),
        (Expected.ALLOWED, "odo", "o", Judgement.UNPROVEN, 4),
        (Expected.ALLOWED, "oddo", "o", Judgement.FLAPPING, 5),
        (Expected.BLOCKED, "dod", "o", Judgement.FLAPPING, 4),
    ],
)
def test_it_asks_until_the_answer_matches_and_then_once_more(
    fake_pods: FakePods, expected: Expected, client: str, server: str, judgement: Judgement, attempts: int
) -> None:
    evidence = _converge(fake_pods(_script(client=client, server=server)), expected, PATIENT)
    assert judge_evidence(evidence) is judgement
    assert len(evidence.attempts) == attempts


@pytest.mark.parametrize(
    ("expected", "client", "server", "judgement"),
    [
        (Expected.ALLOWED, "d", "o", Judgement.DISAGREES),
        (Expected.BLOCKED, "o", "o", Judgement.DISAGREES),
        (Expected.DROPPED, "r", "o", Judgement.DISAGREES),
        (Expected.BLOCKED, "d", "r", Judgement.UNPROVEN),
        (Expected.BLOCKED, "d", "d", Judgement.UNPROVEN),
    ],
)
def test_a_question_that_never_matches_ends_after_at_least_two_attempts(
    fake_pods: FakePods, expected: Expected, client: str, server: str, judgement: Judgement
) -> None:
    evidence = _converge(fake_pods(_script(client=client, server=server)), expected, QUICK)
    assert judge_evidence(evidence) is judgement
    assert len(evidence.attempts) >= 2


def test_late_is_no_excuse_for_a_single_attempt(fake_pods: FakePods) -> None:
    no_time = Timeouts(probe=0.2, settle=0.0, interval=0.001, exec=5, ready=1, cluster=1)
    evidence = _converge(fake_pods(_script(client="d", server="o")), Expected.ALLOWED, no_time)
    assert len(evidence.attempts) == 2


def test_a_denial_without_liveness_checks_is_never_proven(fake_pods: FakePods) -> None:
    evidence = _converge(fake_pods(_script(client="d")), Expected.BLOCKED, QUICK, liveness_checks=())
    assert judge_evidence(evidence) is Judgement.UNPROVEN


def test_the_worst_liveness_check_counts(fake_pods: FakePods) -> None:
    pods = fake_pods(_script(client="d", server="o", other="r"))
    evidence = _converge(pods, Expected.BLOCKED, QUICK, liveness_checks=(*LIVENESS_CHECKS, (OTHER, PROBE)))
    assert evidence.decisive.liveness.outcome is Outcome.REFUSED
    assert judge_evidence(evidence) is Judgement.UNPROVEN


def test_an_allowed_path_that_matched_too_early_does_not_stay_green(fake_pods: FakePods) -> None:
    """The policy lands after the first round: the blocked path waits for it, the allowed one must be asked again."""
    pods = fake_pods(_script(client="od", other="ood", server="o"))
    allowed = Question(CLIENT, PROBE, Expected.ALLOWED, LIVENESS_CHECKS)
    blocked = Question(OTHER, PROBE, Expected.BLOCKED, LIVENESS_CHECKS)
    evidence = converge(Prober(pods, timeout=0.2, exec_timeout=5), [allowed, blocked], QUICK)
    assert judge_evidence(evidence[blocked]) is Judgement.AGREES
    assert judge_evidence(evidence[allowed]) is Judgement.FLAPPING


def test_a_shared_liveness_check_runs_once_a_round(fake_pods: FakePods) -> None:
    pods = fake_pods(_script(client="d", other="d", server="o"))
    questions = [Question(pod, PROBE, Expected.BLOCKED, LIVENESS_CHECKS) for pod in (CLIENT, OTHER)]
    attempts = run_round(Prober(pods, timeout=0.2, exec_timeout=5), questions)
    assert all(attempt.proven for attempt in attempts.values())
    assert [pod for pod, _ in pods.execs].count(SERVER) == 2  # its tools, and its one batch


def test_times_count_from_the_last_change(fake_pods: FakePods) -> None:
    pods = fake_pods(_script(client="o", server="o"))
    question = Question(CLIENT, PROBE, Expected.ALLOWED, LIVENESS_CHECKS)
    evidence = converge(Prober(pods, timeout=0.2, exec_timeout=5), [question], QUICK, since=-1000.0)[question]
    assert evidence.attempts[0].at > 1000
    assert evidence.attempts[1].at > evidence.attempts[0].at
    assert evidence.settled_after == evidence.attempts[0].at


def test_no_questions_no_evidence(fake_pods: FakePods) -> None:
    assert converge(Prober(fake_pods({}), timeout=0.2, exec_timeout=5), [], QUICK) == {}


NAME_SERVER = NamespacedName("kube-system", "coredns")
LOOKUP = Probe(Scheme.UDP, "10.0.0.53", 53)


def _with_proxy_pods(pods: Any) -> Any:
    """Return evidence for a denial whose target has no shell, with two proxy pods."""
    question = Question(CLIENT, PROBE, Expected.BLOCKED, ((NAME_SERVER, LOOKUP),), (SERVER, OTHER))
    return converge(Prober(pods, timeout=0.2, exec_timeout=5.0), [question], QUICK)[question]


def _without_shell(pods: Any) -> Any:
    def exec(pod: NamespacedName, *args: Any, **more: Any) -> Any:
        if pod == NAME_SERVER:
            raise ExecFailed('exec: "sh": executable file not found in $PATH')
        return pods(pod, *args, **more)

    return exec


def test_a_proxy_pod_that_connects_shows_that_the_listener_is_alive(fake_pods: FakePods) -> None:
    pods = fake_pods(lambda pod, host, port: "open" if pod == OTHER else "dropped")
    evidence = _with_proxy_pods(_without_shell(pods))
    assert judge_evidence(evidence) is Judgement.AGREES
    assert evidence.decisive.checked_from == "shop/other"
    assert (CLIENT, "sh") in pods.execs


def test_without_a_connected_proxy_pod_the_failed_check_counts(fake_pods: FakePods) -> None:
    evidence = _with_proxy_pods(_without_shell(fake_pods(lambda pod, host, port: "dropped")))
    assert judge_evidence(evidence) is Judgement.UNPROVEN
    assert "there is no sh" in evidence.decisive.liveness.detail
    assert evidence.decisive.checked_from == ""


def test_no_proxy_pod_replaces_a_silent_liveness_check(fake_pods: FakePods) -> None:
    evidence = _with_proxy_pods(fake_pods(lambda pod, host, port: "open" if pod == OTHER else "dropped"))
    assert judge_evidence(evidence) is Judgement.UNPROVEN
    assert evidence.decisive.liveness.outcome is Outcome.TIMED_OUT


def test_pods_are_prepared_before_the_settle_time_begins(fake_pods: FakePods) -> None:
    pods = fake_pods(lambda pod, host, port: "open")
    _converge(pods, Expected.ALLOWED, QUICK)
    assert sorted(pods.execs[:2]) == [(CLIENT, "sh"), (SERVER, "sh")]
    assert len(pods.execs) == 6


@pytest.mark.parametrize(
    ("client", "judgement", "attempts"),
    [
        ("dod", Judgement.AGREES, 2),
        ("doooood", Judgement.AGREES, 3),
        ("doo", Judgement.FLAPPING, 2),
    ],
    ids=["closes at once", "closes late", "stays open"],
)
def test_what_is_open_only_while_policies_are_lifted_is_not_evidence_of_the_step(
    fake_pods: FakePods, client: str, judgement: Judgement, attempts: int
) -> None:
    question = Question(CLIENT, PROBE, Expected.BLOCKED, LIVENESS_CHECKS)
    prober = Prober(fake_pods(_script(client=client, server="o")), timeout=0.2, exec_timeout=5)
    convergence = Convergence(prober, [question], QUICK if judgement is Judgement.FLAPPING else PATIENT)
    convergence.settle()
    assert convergence.denied == (question,)
    convergence.ask_lifted()
    evidence = replace(convergence.confirm()[question], proof=Proof.LIFT)
    assert evidence.counterfactual is not None
    assert evidence.counterfactual.reply.outcome is Outcome.CONNECTED
    assert judge_evidence(evidence) is judgement
    assert len(evidence.attempts) == attempts


@pytest.mark.parametrize(
    ("client", "other", "judgement", "attempts"),
    [
        ("dod", "oo", Judgement.AGREES, 2),
        ("dod", "oddddo", Judgement.AGREES, 3),
        ("dood", "oordo", Judgement.AGREES, 4),
        ("dod", "od", Judgement.FLAPPING, 2),
    ],
    ids=["stays open", "is closed for a while", "is closed again for a while", "stays closed"],
)
def test_what_is_closed_for_a_while_after_the_lift_is_not_evidence_of_the_step(
    fake_pods: FakePods, client: str, other: str, judgement: Judgement, attempts: int
) -> None:
    blocked = Question(CLIENT, PROBE, Expected.BLOCKED, LIVENESS_CHECKS)
    allowed = Question(OTHER, PROBE, Expected.ALLOWED, LIVENESS_CHECKS)
    pods = fake_pods(_script(client=client, other=other, server="o"))
    timeouts = QUICK if judgement is Judgement.FLAPPING else PATIENT
    convergence = Convergence(Prober(pods, timeout=0.2, exec_timeout=5), [blocked, allowed], timeouts)
    convergence.settle()
    convergence.ask_lifted()
    evidence = convergence.confirm()[allowed]
    assert judge_evidence(evidence) is judgement
    assert len(evidence.attempts) == attempts


@pytest.mark.parametrize(
    ("lifted", "judgement"),
    [("o", Judgement.DISAGREES), ("od", Judgement.UNPROVEN)],
    ids=["nothing is lost", "packets are lost"],
)
def test_silence_where_packets_are_lost_is_no_failure(fake_pods: FakePods, lifted: str, judgement: Judgement) -> None:
    letters = {CLIENT: cycle("d"), SERVER: cycle("o")}
    pods = fake_pods(lambda pod, host, port: {"o": "open", "d": "dropped"}[next(letters[pod])])
    question = Question(CLIENT, PROBE, Expected.ALLOWED, LIVENESS_CHECKS)
    convergence = Convergence(Prober(pods, timeout=0.2, exec_timeout=5), [question], QUICK)

    @contextmanager
    def lift() -> Iterator[bool]:
        letters[CLIENT] = cycle(lifted)
        yield True
        letters[CLIENT] = cycle("d")

    (evidence,) = gather([convergence], lift)
    assert judge_evidence(replace(evidence[question], proof=Proof.LIFT)) is judgement


@pytest.mark.parametrize("percent", [2, 5, 10, 20, 35, 50, 65, 80])
def test_no_rate_of_loss_makes_an_open_path_fail(fake_pods: FakePods, percent: int) -> None:
    draw = random.Random(percent)
    pods = fake_pods(
        lambda pod, host, port: "dropped" if pod == CLIENT and draw.random() * 100 < percent else "open",
    )
    no_time = replace(QUICK, settle=0.0)
    judgements = set()
    for _ in range(40):
        question = Question(CLIENT, PROBE, Expected.ALLOWED, LIVENESS_CHECKS)
        convergence = Convergence(Prober(pods, timeout=0.2, exec_timeout=5), [question], no_time)
        (evidence,) = gather([convergence], lambda: nullcontext(enter_result=True))
        judgements.add(judge_evidence(replace(evidence[question], proof=Proof.LIFT)))
    assert judgements <= {Judgement.AGREES, Judgement.UNPROVEN}


def test_a_lift_is_given_the_settle_time_to_open_a_path(fake_pods: FakePods) -> None:
    question = Question(CLIENT, PROBE, Expected.BLOCKED, LIVENESS_CHECKS)
    for client, opened in (("dddddod", Outcome.CONNECTED), ("d", Outcome.TIMED_OUT)):
        prober = Prober(fake_pods(_script(client=client, server="o")), timeout=0.2, exec_timeout=5)
        convergence = Convergence(prober, [question], QUICK)
        convergence.settle()
        convergence.ask_lifted()
        counterfactual = convergence.confirm()[question].counterfactual
        assert counterfactual is not None
        assert counterfactual.reply.outcome is opened


def test_a_path_that_opens_in_the_very_last_round_has_its_negative_control(fake_pods: FakePods) -> None:
    unused = Probe(Scheme.TCP, "10.0.0.1", 47)
    question = replace(Question(CLIENT, PROBE, Expected.ALLOWED, LIVENESS_CHECKS), negative_control=unused)
    no_time = replace(QUICK, settle=0.0)
    ports: list[int] = []

    def network(pod: NamespacedName, host: str, port: int) -> str:
        ports.append(port)
        return "dropped" if pod == CLIENT and ports.count(PROBE.port) <= 2 else "open"

    prober = Prober(fake_pods(network), timeout=0.2, exec_timeout=5)
    evidence = converge(prober, [question], no_time)[question]
    assert [attempt.is_open for attempt in evidence.attempts] == [False, True]
    assert judge_evidence(evidence) is Judgement.BROKEN
