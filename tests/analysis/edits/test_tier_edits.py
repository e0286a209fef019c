"""Edits of ClusterNetworkPolicies: each kind, where it is the smallest one that helps."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from netpol_harness.analysis.explain import explain_path
from netpol_harness.analysis.predict import Predictor
from netpol_harness.paths.outcome import Expected
from netpol_harness.scenario.load import load

Dict = dict[str, Any]


def pod(name: str) -> Dict:
    container = {"name": "c", "image": "stand-in", "ports": [{"containerPort": 80}]}
    metadata = {"name": name, "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


def of(app: str) -> Dict:
    return {"pods": {"podSelector": {"matchLabels": {"app": app}}}}


def rule(action: str, peer: Dict) -> Dict:
    return {"action": action, "from": [peer]}


def policy(name: str, priority: int, *rules: Dict, tier: str = "Admin") -> Dict:
    spec = {"tier": tier, "priority": priority, "subject": of("db"), "ingress": [*rules]}
    head = {"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy"}
    return {**head, "metadata": {"name": name}, "spec": spec}


def sentences(directory: Path, wanted: str, *policies: Dict) -> list[str]:
    """Return what the first solution says about the path from web to db."""
    (directory / "pods.yaml").write_text(yaml.safe_dump_all(map(pod, ("web", "api", "batch", "db"))))
    (directory / "policies.yaml").write_text(yaml.safe_dump_all(policies))
    step = {"name": "s", "policies": ["policies.yaml"], "paths": {"web -> db:80": wanted}}
    head = {"title": "t", "workloads": ["pods.yaml"], "exclusive": True, "steps": [step]}
    (directory / "scenario.yaml").write_text(yaml.safe_dump(head))
    scenario = load(directory / "scenario.yaml")
    path = scenario.steps[0].expectations[0].path
    solutions = explain_path(Predictor(scenario, scenario.steps[0]), path, (), Expected(wanted)).solutions
    return list(solutions[0].plan.sentences) if solutions else []


ACCEPT_WEB, DENY_WEB, DENY_ALL = rule("Accept", of("web")), rule("Deny", of("web")), rule("Deny", {"namespaces": {}})


@pytest.mark.parametrize(
    ("wanted", "policies", "remedy"),
    [
        ("allowed", [policy("p", 5, DENY_WEB)], "denies ingress from web: write action: Accept"),
        ("blocked", [policy("p", 5, ACCEPT_WEB)], "accepts ingress from web: write action: Deny"),
        (
            "blocked",
            [policy("p", 5, rule("Pass", of("web")), DENY_ALL)],
            "passes on ingress from web: write action: Deny",
        ),
        ("allowed", [policy("p", 5, DENY_ALL)], "denies ingress from web: add a rule before it that accepts web"),
        (
            "allowed",
            [policy("p", 5, DENY_ALL), policy("q", 9, ACCEPT_WEB)],
            "denies ingress from web before q is asked: write priority: 4 there",
        ),
        (
            "blocked",
            [policy("p", 5, rule("Accept", {"namespaces": {}})), policy("q", 9, DENY_WEB)],
            "accepts ingress from web before q is asked: write priority: 4 there",
        ),
    ],
)
def test_the_smallest_edit_of_the_rule_that_decides(
    tmp_path: Path, wanted: str, policies: list[Dict], remedy: str
) -> None:
    assert any(sentence.endswith(remedy) for sentence in sentences(tmp_path, wanted, *policies))


def test_what_the_baseline_says_is_overruled_by_a_network_policy(tmp_path: Path) -> None:
    (sentence,) = sentences(tmp_path, "allowed", policy("p", 5, DENY_WEB, tier="Baseline"))
    assert "add a policy that does" in sentence
