"""A terminating pod keeps its paths until its grace period ends, a moment that no step of a scenario has."""

import pytest

from netpol_harness import Judgement, ScenarioRun

GRACE_SECONDS = 20


def test_a_terminating_pod_keeps_its_paths(scenario: ScenarioRun) -> None:
    scenario.enter("serving")
    step, snapshot = scenario.current_step, scenario.snapshot()
    worker = scenario.key("Pod", "worker")
    scenario.client.delete(worker, grace_seconds=GRACE_SECONDS)
    if scenario.client.find(worker) is None:
        pytest.skip("pods of this cluster end at once, without a grace period")
    try:
        result = scenario.observer.observe(step, step.expectations, others=False, snapshot=snapshot)
        assert {path.judgement for path in result.path_results.values()} == {Judgement.AGREES}, result.path_results
    finally:
        scenario.client.delete(worker, grace_seconds=0)
