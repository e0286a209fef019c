"""The search in a large world, where every policy isolates both ends of the path."""

from pathlib import Path

import pytest
import yaml

from netpol_harness.analysis.display_names import DisplayNames
from netpol_harness.analysis.edits.draft import Draft
from netpol_harness.analysis.edits.plan import plans
from netpol_harness.analysis.edits.search import MOST_PROOFS, Aim
from netpol_harness.analysis.predict import Predictor
from netpol_harness.model.objects import World
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.paths.outcome import Expected
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario

COUNT = 100


def pod(number: int) -> dict[str, object]:
    container = {"name": "c", "image": "stand-in", "ports": [{"containerPort": 80}]}
    metadata = {"name": f"p{number}", "labels": {"app": f"p{number}"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


def policy(number: int, rule: dict[str, object]) -> dict[str, object]:
    spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [rule], "egress": [rule]}
    head = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": f"policy-{number}"}}
    return {**head, "spec": spec}


def large(directory: Path, rule: dict[str, object], word: str) -> Scenario:
    """Return a scenario with 100 pods, and 100 policies that select all of them."""
    (directory / "pods.yaml").write_text(yaml.safe_dump_all(map(pod, range(COUNT))))
    (directory / "policies.yaml").write_text(yaml.safe_dump_all(policy(number, rule) for number in range(COUNT)))
    step = {"name": "s", "policies": ["policies.yaml"], "paths": {"p0 -> p1:80": word}}
    (directory / "scenario.yaml").write_text(
        yaml.safe_dump({"title": "large", "workloads": ["pods.yaml"], "steps": [step]})
    )
    return load(directory / "scenario.yaml")


class CountingPredictor(Predictor):
    """A predictor that counts how many others are made from it: one for each proof."""

    made: list[str]

    def with_policies(self, policies: tuple[NetworkPolicy, ...]) -> Predictor:
        self.made.append("policies")
        return super().with_policies(policies)

    def with_world(self, world: World) -> Predictor:
        self.made.append("world")
        return super().with_world(world)


@pytest.mark.parametrize(
    ("rule", "word", "found"),
    [({"ports": [{"port": 81}]}, "allowed", 1), ({}, "blocked", 0), ({"ports": [{"port": 80}]}, "blocked", 0)],
)
def test_the_number_of_proofs_is_bounded(tmp_path: Path, rule: dict[str, object], word: str, found: int) -> None:
    scenario = large(tmp_path, rule, word)
    predictor = CountingPredictor(scenario, scenario.steps[0])
    predictor.made = []
    path = scenario.steps[0].expectations[0].path
    draft = Draft(predictor, path, DisplayNames(scenario, scenario.steps[0], path))
    assert len(plans(draft, Aim.verdict(draft, Expected(word)))) == found
    assert 0 < len(predictor.made) <= MOST_PROOFS
