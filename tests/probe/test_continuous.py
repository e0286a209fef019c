import time
from collections.abc import Callable
from typing import Any

from netpol_harness.deadline import Deadline
from netpol_harness.errors import WorkloadFailed
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.continuous import ContinuousProbe
from netpol_harness.probe.plan.question import Probe, Question
from netpol_harness.probe.prober import Prober

CLIENT = NamespacedName("shop", "client")
Pods = Callable[[dict[str, str]], Any]


def question(host: str, source_port: int = 0) -> Question:
    return Question(CLIENT, Probe(Scheme.TCP, host, 80, source_port), Expected.BLOCKED)


def prober(pods: Any) -> Prober:
    return Prober(pods, timeout=0.2, exec_timeout=5)


def test_a_window_of_a_moment_is_seen(fake_pods: Pods) -> None:
    pods = fake_pods({"10.0.0.1": "dropped"})
    watch = ContinuousProbe(prober(pods), lambda: [question("10.0.0.1")], since=time.monotonic())
    for state in ("dropped", "open", "dropped"):
        pods.network = lambda pod, host, port, state=state: state
        Deadline(0.2).pause(0.2)
    (attempts,) = watch.end()
    outcomes = [attempt.reply.outcome for attempt in attempts]
    assert outcomes[0] is outcomes[-1] is Outcome.TIMED_OUT
    assert Outcome.CONNECTED in outcomes
    assert [a.at for a in attempts] == sorted(a.at for a in attempts)
    assert watch.end() == (attempts,)


def test_a_source_without_questions_is_polled_until_it_has_some(fake_pods: Pods) -> None:
    answers: list[Any] = []

    def look() -> list[Question]:
        answers.append(None)
        if len(answers) < 3:
            raise WorkloadFailed("no address yet")
        return [question("10.0.0.1")]

    watch = ContinuousProbe(prober(fake_pods({"10.0.0.1": "open"})), look, since=time.monotonic())
    Deadline(0.4).pause(0.4)
    (attempts,) = watch.end()
    assert {attempt.reply.outcome for attempt in attempts} == {Outcome.CONNECTED}
    assert attempts[0].at > 0.05


def test_a_new_question_continues_at_the_position_of_the_old_one(fake_pods: Pods) -> None:
    aimed = ["10.0.0.1"]
    pods = fake_pods({"10.0.0.1": "open", "10.0.0.2": "refused"})
    watch = ContinuousProbe(prober(pods), lambda: [question(aimed[0])], since=time.monotonic())
    Deadline(0.2).pause(0.2)
    aimed[0] = "10.0.0.2"
    Deadline(0.2).pause(0.2)
    (attempts,) = watch.end()
    assert [a.reply.outcome for a in attempts][:: len(attempts) - 1] == [Outcome.CONNECTED, Outcome.REFUSED]


def test_a_source_port_is_asked_from_once_at_a_time(fake_pods: Pods) -> None:
    pods, at_once = fake_pods({"10.0.0.1": "open"}), []
    inside: list[None] = []

    def exec(*arguments: Any, **more: Any) -> Any:
        inside.append(None)
        at_once.append(len(inside))
        Deadline(0.1).pause(0.1)
        inside.pop()
        return pods(*arguments, **more)

    watch = ContinuousProbe(prober(exec), lambda: [question("10.0.0.1", 40000)], since=time.monotonic())
    Deadline(0.6).pause(0.6)
    watch.end()
    assert set(at_once) == {1}


def test_no_questions_give_no_attempts(fake_pods: Pods) -> None:
    watch = ContinuousProbe(prober(fake_pods({})), lambda: (), since=0.0)
    assert watch.end() == ()
