"""Foresight: scenarios are passed over where they cannot tell a mutant, and nowhere else."""

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
title: foreseen
workloads: [workloads.yaml]
steps:
  - name: open
    paths: {a -> b:80: allowed}
  - name: closed
    policies: [policy.yaml]
    paths: {MANNER a -> b:80: allowed}
"""

Telling = Callable[..., ScenarioTrace]


@pytest.fixture
def tale(tmp_path: Path) -> Telling:
    """The tale of a scenario with two pods; how its last path is asked, and what ends a pod."""

    def written(mode: str = "", ends: str = "") -> ScenarioTrace:
        (tmp_path / "workloads.yaml").write_text(WORKLOADS.format(ends=ends))
        (tmp_path / "policy.yaml").write_text(POLICY)
        (tmp_path / "scenario.yaml").write_text(PLAIN.replace("MANNER ", mode))
        (found,) = scenario_traces([tmp_path])
        return found

    return written


def test_what_is_written_in_lasting_states_decides(tale: Telling) -> None:
    asked = ("not-enforced", "ingress-not-enforced", "egress-not-enforced", "except-ignored")
    assert [name for name in asked if tale().could_detect(MUTANTS[name])] == ["not-enforced", "ingress-not-enforced"]


@pytest.mark.parametrize("mutant", ["change-window-open", "change-window-closed", "startup-window-open"])
def test_a_wrong_moment_shows_only_to_paths_that_are_asked_on_the_way(tale: Telling, mutant: str) -> None:
    assert not tale().could_detect(MUTANTS[mutant])
    assert tale(mode="throughout ").could_detect(MUTANTS[mutant])


def test_a_moment_that_outlasts_the_settle_time_shows(tale: Telling) -> None:
    late = Mutant("late", "", (), after_change=MUTANTS["not-enforced"].world, seconds=600)
    assert tale().could_detect(late)


def test_a_pod_that_may_end_cannot_be_played(tale: Telling) -> None:
    assert tale(ends="restartPolicy: Never, ").could_detect(MUTANTS["except-ignored"])


def test_tests_and_broken_files_cannot_be_played(tmp_path: Path) -> None:
    for name in ("tests", "broken"):
        (tmp_path / name).mkdir()
    (tmp_path / "tests" / "test_it.py").touch()
    (tmp_path / "broken" / "scenario.yaml").write_text("title: nothing\n")
    found = scenario_traces([tmp_path])
    assert [one.directory.name for one in found] == ["broken", "tests"]
    assert all(one.could_detect(MUTANTS["except-ignored"]) for one in found)


@pytest.fixture(scope="module")
def library() -> dict[str, ScenarioTrace]:
    """What the project's own scenarios are about, by the names of their directories."""
    return {one.directory.name: one for one in scenario_traces([SCENARIOS / "conformance", SCENARIOS / "regressions"])}


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_every_mutant_is_told_by_a_scenario_that_it_was_taken_from(
    mutant: Mutant, library: dict[str, ScenarioTrace]
) -> None:
    assert not set(mutant.sources) - library.keys()
    assert any(library[source].could_detect(mutant) for source in mutant.sources)
