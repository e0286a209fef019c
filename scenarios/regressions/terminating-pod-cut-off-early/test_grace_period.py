"""A pod that was told to go keeps its paths until its grace period ends: a moment that no step of a scenario names."""

import pytest

from netpol_harness.model.names import ObjectKey
from netpol_harness.probe.converge import converge
from netpol_harness.results.evidence import Judgement, judge_evidence
from netpol_harness.runner.run import ScenarioRun
from netpol_harness.runner.targets import resolve_probes

GRACE = 20


def test_a_leaving_pod_keeps_its_paths(scenario: ScenarioRun) -> None:
    scenario.enter("serving")
    assert scenario.step is not None
    snapshot = scenario.snapshot()
    questions = [
        resolved_probe.question
        for expectation in scenario.step.expectations
        for resolved_probe in resolve_probes(expectation, snapshot)
    ]
    client, context = scenario.context.client, scenario.context
    worker = ObjectKey("v1", "Pod", scenario.placement.real("default"), "worker")
    client.delete(worker, grace_seconds=GRACE)
    if client.find(worker) is None:
        pytest.skip("pods of this cluster end at once, without a grace period")
    try:
        evidence = converge(context.prober, questions, context.timeouts)
        assert {judge_evidence(seen) for seen in evidence.values()} == {Judgement.AGREES}, evidence
    finally:
        client.delete(worker, grace_seconds=0)
