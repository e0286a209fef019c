"""Scenarios that cannot detect a mutant are not selected; all others are."""

from collections.abc import Callable
from pathlib import Path

import pytest

from netpol_harness.emulator.faults import MUTANTS, Mutant
from netpol_harness.mutation.select import ScenarioTrace, scenario_traces

SCENARIOS = Path(__file__).parents[2] / "scenarios"
WORKLOADS = """\
apiVersion: v1
kind: Pod
metadata: {{name: a, labels: {{app: a}}}}
spec: {{{ends}containers: [{{name: c, image: i}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: b}}
spec: {{containers: [{{name: c, image: i, ports: [{{containerPort: 80}}]}}]}}
"""
POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: policy}
spec: {podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: a}}}]}]}
"""
PLAIN = """\
title: two pods
workloads: [workloads.yaml]
steps:
  - name: open
    paths: {a -> b:80: allowed}
  - name: closed
    policies: [policy.yaml]
    paths: {MODE a -> b:80: allowed}
"""

TraceOf = Callable[..., ScenarioTrace]


@pytest.fixture
def trace_of(tmp_path: Path) -> TraceOf:
    """Return a function: the trace of a scenario with two pods, by the mode of its last path and what ends a pod."""

    def trace(mode: str = "", ends: str = "") -> ScenarioTrace:
        (tmp_path / "workloads.yaml").write_text(WORKLOADS.format(ends=ends))
        (tmp_path / "policy.yaml").write_text(POLICY)
        (tmp_path / "scenario.yaml").write_text(PLAIN.replace("MODE ", mode))
        (found,) = scenario_traces([tmp_path])
        return found

    return trace


def test_the_rules_in_the_states_of_steps_decide(trace_of: TraceOf) -> None:
    asked = ("not-enforced", "ingress-not-enforced", "egress-not-enforced", "except-ignored")
    assert [name for name in asked if trace_of().can_detect(MUTANTS[name])] == ["not-enforced", "ingress-not-enforced"]


@pytest.mark.parametrize("mutant", ["change-window-open", "change-window-closed", "startup-window-open"])
def test_only_probes_during_transitions_detect_a_transient_bug(trace_of: TraceOf, mutant: str) -> None:
    assert not trace_of().can_detect(MUTANTS[mutant])
    assert trace_of(mode="throughout ").can_detect(MUTANTS[mutant])


def test_a_bug_that_outlasts_the_settle_time_is_detected(trace_of: TraceOf) -> None:
    late = Mutant("late", "", (), after_change=MUTANTS["not-enforced"].world, seconds=600)
    assert trace_of().can_detect(late)


@pytest.mark.parametrize("ends", ["", "restartPolicy: Never, "])
def test_a_pod_that_may_complete_is_simulated_with_its_end(trace_of: TraceOf, ends: str) -> None:
    trace = trace_of(ends=ends)
    assert trace.can_detect(MUTANTS["completed-pod-still-counts"]) == bool(ends)
    assert not trace.can_detect(MUTANTS["except-ignored"])


@pytest.mark.parametrize("tested", [False, True])
def test_tests_beside_a_scenario_may_delete_and_make_again_what_it_has(trace_of: TraceOf, *, tested: bool) -> None:
    directory = trace_of().directory
    if tested:
        (directory / "test_it.py").touch()
    (trace,) = scenario_traces([directory])
    assert trace.can_detect(MUTANTS["recreated-pod-unprotected"]) == tested
    assert not trace.can_detect(MUTANTS["except-ignored"])


def test_tests_alone_and_broken_files_are_always_selected(tmp_path: Path) -> None:
    for name in ("tests", "broken"):
        (tmp_path / name).mkdir()
    (tmp_path / "tests" / "test_it.py").touch()
    (tmp_path / "broken" / "scenario.yaml").write_text("title: nothing\n")
    found = scenario_traces([tmp_path])
    assert [trace.directory.name for trace in found] == ["broken", "tests"]
    assert all(trace.can_detect(MUTANTS["except-ignored"]) for trace in found)


@pytest.fixture(scope="module")
def library() -> dict[str, ScenarioTrace]:
    """The traces of the shipped scenarios, by the names of their directories."""
    traces = scenario_traces(
        [SCENARIOS / name for name in ("conformance", "regressions", "cluster_network_policy", "three_tier")]
    )
    return {trace.directory.name: trace for trace in traces}


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_every_mutant_can_be_detected_by_a_scenario_that_it_was_taken_from(
    mutant: Mutant, library: dict[str, ScenarioTrace]
) -> None:
    assert not set(mutant.sources) - library.keys()
    assert any(library[source].can_detect(mutant) for source in mutant.sources)
