"""Steps whose policies deny nothing, and what would have to be asked."""

from pathlib import Path

import pytest

from netpol_harness.analysis.denials import nothing_denied, scenario_denies_nothing
from netpol_harness.analysis.predict import Predictor
from netpol_harness.analysis.table import VerdictTable
from netpol_harness.results.asked import Asked
from netpol_harness.scenario.load import load

WORKLOADS = """
{apiVersion: v1, kind: Pod, metadata: {name: web, labels: {app: web}},
 spec: {containers: [{name: c, image: i, ports: [{containerPort: 80}]}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: job, labels: {app: job}}, spec: {containers: [{name: c, image: i}]}}
"""
POLICY = "{{apiVersion: {version}, kind: {kind}, metadata: {{name: own}}, spec: {spec}}}"


def warning(folder: Path, spec: str, *, more: str = "", version: str = "networking.k8s.io/v1/NetworkPolicy") -> str:
    api_version, _, kind = version.rpartition("/")
    (folder / "workloads.yaml").write_text(WORKLOADS)
    (folder / "policy.yaml").write_text(POLICY.format(version=api_version, kind=kind, spec=spec))
    step = f"{{name: only, policies: [policy.yaml], others: oracle{more}}}"
    (folder / "scenario.yaml").write_text(f"title: x\nworkloads: [workloads.yaml]\nexclusive: true\nsteps: [{step}]\n")
    scenario = load(folder / "scenario.yaml")
    predictor = Predictor(scenario, scenario.steps[0])
    return nothing_denied(predictor, VerdictTable.of(predictor).asked)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("{podSelector: {matchLabels: {app: wep}}}", "default/own selects no pod: add a pod with app=wep in default"),
        ("{podSelector: {}, ingress: [{}]}", "default/own admits everything"),
        (
            "{podSelector: {matchLabels: {app: job}}, policyTypes: [Ingress]}",
            "default/own selects default/job, which serves no port: declare one",
        ),
        (
            "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {}}]}]}",
            "default/own needs a source that is not admitted to default/web on 80/TCP",
        ),
        (
            "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]}",
            "default/own needs a target to which default/web is not admitted",
        ),
    ],
)
def test_policies_that_deny_nothing_say_what_to_ask(tmp_path: Path, spec: str, reason: str) -> None:
    head = "the policies in force deny none of the 1 paths, which would pass without them too: "
    assert warning(tmp_path, spec) == head + reason


@pytest.mark.parametrize(
    "spec",
    [
        "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {}}]}]}",
        "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]}",
    ],
)
def test_strangers_are_denied(tmp_path: Path, spec: str) -> None:
    assert warning(tmp_path, spec, more=", strangers: true") == ""


def test_a_step_beside_one_with_denials_needs_none(tmp_path: Path) -> None:
    warning(tmp_path, "{podSelector: {}, ingress: [{}]}")
    (tmp_path / "deny.yaml").write_text(
        POLICY.format(version="networking.k8s.io/v1", kind="NetworkPolicy", spec="{podSelector: {}}")
    )
    head = "title: x\nworkloads: [workloads.yaml]\nsteps:\n- {name: open, policies: [policy.yaml], expect: oracle}\n"
    more = {
        "- {name: shut, policies: [deny.yaml], expect: oracle}": True,
        "- {name: shut, policies: [deny.yaml], others: blocked}": True,
        "- {name: shut, policies: [deny.yaml], paths: {job -> web:80: dropped}}": True,
        "- {name: shut, policies: [deny.yaml], paths: {job -> web:80: undefined}}": False,
        "- {name: shut, others: allowed}": False,
    }
    for text, is_enough in more.items():
        (tmp_path / "scenario.yaml").write_text(head + text)
        scenario = load(tmp_path / "scenario.yaml")
        assert bool(scenario_denies_nothing(Predictor(scenario, scenario.steps[0]), Asked(1))) is not is_enough


def test_one_denial_is_enough(tmp_path: Path) -> None:
    assert warning(tmp_path, "{podSelector: {}}") == ""


def test_policies_of_other_apis_leave_every_verdict_open(tmp_path: Path) -> None:
    text = warning(tmp_path, "{}", version="policy.networking.k8s.io/v1alpha1/AdminNetworkPolicy")
    assert "every verdict is undefined" in text
    assert "write the verdicts out" in text


def test_a_policy_of_administrators_denies_by_its_rules(tmp_path: Path) -> None:
    head, version = "tier: Admin, priority: 1, subject: {namespaces: {}}", "policy.networking.k8s.io/v1alpha2"
    nothing = warning(tmp_path, f"{{{head}}}", version=f"{version}/ClusterNetworkPolicy")
    assert "ClusterNetworkPolicy own has no Deny rule" in nothing
    nobody = "ingress: [{action: Deny, from: [{namespaces: {matchLabels: {app: nobody}}}]}]"
    elsewhere = warning(tmp_path, f"{{{head}, {nobody}}}", version=f"{version}/ClusterNetworkPolicy")
    assert "ClusterNetworkPolicy own needs a path that one of its Deny rules matches first" in elsewhere


def test_numbers_add_up_and_read_as_a_sentence() -> None:
    assert str(Asked(1, 1) + Asked(2, 0)) == "3 paths, 1 of them denied"
    assert str(Asked(1)) == "1 path, none of them denied"
