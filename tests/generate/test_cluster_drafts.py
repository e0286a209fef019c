"""The catalogue of ClusterNetworkPolicy."""

from collections.abc import Iterable
from dataclasses import astuple
from itertools import chain
from pathlib import Path

import pytest

from netpol_harness.analysis.predict import Predictor
from netpol_harness.cli import main
from netpol_harness.generate.cluster_axes import ClusterRuleCase, every_cluster_case
from netpol_harness.generate.cluster_drafts import OPEN, cluster_drafts
from netpol_harness.generate.drafts import MAX_STEPS, Draft
from netpol_harness.generate.pairwise import pairs
from netpol_harness.generate.write import texts
from netpol_harness.model.cluster_policy import Action
from netpol_harness.paths.outcome import Expected
from netpol_harness.scenario.load import load

SHIPPED = Path(__file__).parents[2] / "scenarios/cluster_network_policy/axes"
SCHEMA = "../../../../harness/netpol_harness/scenario/scenario.schema.json"


@pytest.fixture(scope="module")
def shipped() -> tuple[Draft, ...]:
    return tuple(cluster_drafts())


def chosen_cases(drafts: Iterable[Draft]) -> list[ClusterRuleCase]:
    cases = {(f"{c.tier}_{c.direction}".lower(), c.name): c for c in every_cluster_case()}
    return [cases[draft.name, step["name"]] for draft in drafts for step in draft.scenario["steps"][1:]]


def met(cases: Iterable[ClusterRuleCase]) -> set[object]:
    return {pair for case in cases for pair in pairs(astuple(case))}


def test_the_shipped_scenarios_are_up_to_date(shipped: tuple[Draft, ...]) -> None:
    """If this fails: netpol catalogue --api cnp scenarios/cluster_network_policy/axes"""
    files = {file.relative_to(SHIPPED): file.read_text() for file in SHIPPED.rglob("*.yaml")}
    assert files == dict(texts(shipped, SCHEMA))


def test_every_two_values_of_two_axes_are_in_one_step(shipped: tuple[Draft, ...]) -> None:
    assert met(chosen_cases(shipped)) == met(every_cluster_case())


def test_the_selection_is_small_enough_for_every_run(shipped: tuple[Draft, ...]) -> None:
    steps = [len(draft.scenario["steps"]) for draft in shipped]
    assert sum(steps) <= 80
    assert max(steps) <= MAX_STEPS + 1


def test_every_policy_file_is_used_and_every_used_file_exists(shipped: tuple[Draft, ...]) -> None:
    for draft in shipped:
        used = set(chain.from_iterable(step.get("policies", ()) for step in draft.scenario["steps"]))
        assert used == {f"policies/{name}.yaml" for name in draft.policies}


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*/scenario.yaml")), ids=lambda file: file.parent.name)
def test_steps_of_every_action_have_paths_that_are_open_and_paths_that_are_not(
    file: Path, shipped: tuple[Draft, ...]
) -> None:
    """What stands behind an Accept rule denies, and what stands behind a Deny rule accepts."""
    scenario, cases = load(file), chosen_cases(draft for draft in shipped if draft.name == file.parent.name)
    verdicts: dict[Action, set[Expected]] = {action: set() for action in Action}
    assert scenario.steps[0].name == OPEN
    for step, case in zip(scenario.steps[1:], cases, strict=True):
        predictor = Predictor(scenario, step)
        verdicts[case.action].update(predictor.closed_world_verdicts().values())
        verdicts[case.action].update(predictor.verdict(path.path) for path in step.paths_without_verdict)
    assert all({Expected.ALLOWED, Expected.BLOCKED} <= found for found in verdicts.values())


def test_the_command_writes_the_catalogue_of_an_api(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalogue", "--api", "cnp", str(tmp_path)]) == 0
    assert (tmp_path / "admin_ingress/policies").is_dir()
    assert "4 scenarios" in capsys.readouterr().out
