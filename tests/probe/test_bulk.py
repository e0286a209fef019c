from collections.abc import Callable
from typing import Any

import pytest

from netpol_harness.errors import Unproven
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.bulk import bulk_probe, sample
from netpol_harness.probe.plan.question import Probe, Question
from netpol_harness.probe.prober import Prober
from netpol_harness.results.evidence import Judgement, judge_evidence
from netpol_harness.timeouts import Timeouts

PODS = [NamespacedName("shop", f"p{number}") for number in range(12)]
QUICK = Timeouts(probe=0.2, settle=0.1, interval=0.001, exec=5, ready=1, cluster=1)
FakePods = Callable[[Any], Any]


def _questions(expected: Expected = Expected.ALLOWED) -> list[Question]:
    probes = {pod: Probe(Scheme.TCP, f"10.0.0.{number + 1}", 80) for number, pod in enumerate(PODS)}
    return [
        Question(source, probes[target], expected, ((target, probes[target]),))
        for source in PODS
        for target in PODS
        if source != target
    ]


def test_a_table_is_probed_by_the_script_and_a_sample_of_it_by_tools(fake_pods: FakePods) -> None:
    pods = fake_pods(lambda pod, host, port: "open")
    pods.python = True
    evidence = bulk_probe(Prober(pods, timeout=0.2, exec_timeout=5), _questions(), QUICK)
    assert {judge_evidence(seen) for seen in evidence.values()} == {Judgement.AGREES}
    assert {seen.decisive.reply.tool for seen in evidence.values()} == {"python3"}
    programs = [program for _, program in pods.execs]
    assert programs.count("python3") == 2 * len(PODS)
    assert 0 < programs.count("sh") <= 16


def test_a_script_that_differs_from_nc_makes_the_table_unproven(fake_pods: FakePods) -> None:
    honest = fake_pods(lambda pod, host, port: "dropped" if host == "10.0.0.1" and pod != PODS[0] else "open")
    liar = fake_pods(lambda pod, host, port: "open")
    liar.python = True

    def exec(pod: NamespacedName, argv: Any, **more: Any) -> Any:
        return (liar if argv[0] == "python3" else honest)(pod, argv, **more)

    questions = [question for question in _questions() if question.probe.host == "10.0.0.1"]
    with pytest.raises(Unproven, match="cells of the table cannot be trusted") as caught:
        bulk_probe(Prober(exec, timeout=0.2, exec_timeout=5), questions, QUICK)
    assert "the python script says CONNECTED" in str(caught.value)
    assert "nc says TIMED_OUT" in str(caught.value)


def test_pods_without_python_are_probed_by_tools(fake_pods: FakePods) -> None:
    pods = fake_pods(lambda pod, host, port: "open")
    evidence = bulk_probe(Prober(pods, timeout=0.2, exec_timeout=5), _questions(), QUICK)
    assert {seen.decisive.reply.tool for seen in evidence.values()} == {"nc"}


def test_the_sample_is_the_same_for_the_same_seed_and_never_large() -> None:
    questions = _questions()
    assert sample(questions, 1) == sample(questions, 1)
    assert sample(questions, 1) != sample(questions, 2)
    assert len(sample(questions, 1)) == 7
    assert len({question.source for question in sample(questions, 1)}) <= 8
    assert len(sample(questions[:2], 1)) == 2
    assert sample([], 1) == ()
