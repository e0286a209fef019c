"""Verdicts to which ClusterNetworkPolicies contribute, explained: the rule with its place, and what its tier means."""

from pathlib import Path

import pytest

from netpol_harness.analysis.explain import explain
from netpol_harness.analysis.predict import Predictor
from netpol_harness.oracle.points import SPECIFICATION, Profile
from netpol_harness.oracle.profiles import CALICO
from netpol_harness.paths.outcome import Expected
from netpol_harness.scenario.load import load

WORKLOADS = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: main, image: stand-in, ports: [{containerPort: 80, name: http}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: job, labels: {app: job}}
spec: {containers: [{name: main, image: stand-in}]}
"""
TIER = """
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: NAME}
spec:
  tier: TIER
  priority: PRIORITY
  subject: {pods: {podSelector: {matchLabels: {app: web}}}}
  ingress:
    - {name: ours, action: ACTION, from: [{pods: {podSelector: {matchLabels: {app: job}}}}]}
"""
OWN = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: own}
spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [TYPE], RULES}
"""
OPEN = OWN.replace("TYPE", "Ingress").replace("RULES", "ingress: [{}]")
SHUT = OWN.replace("TYPE", "Ingress").replace("RULES", "ingress: []")
OTHER_WAY = OWN.replace("TYPE", "Egress").replace("RULES", "egress: [{}]")


def tier(action: str, *, of: str = "Admin", priority: int = 5, name: str = "tier") -> str:
    text = TIER.replace("NAME", name).replace("TIER", of)
    return text.replace("PRIORITY", str(priority)).replace("ACTION", action)


def explained(
    folder: Path, *policies: str, expected: Expected, profile: Profile = SPECIFICATION, path: str = "job -> web:80"
) -> str:
    (folder / "workloads.yaml").write_text(WORKLOADS)
    (folder / "policies.yaml").write_text("---".join(policies))
    step = f"{{name: only, policies: [policies.yaml], paths: {{'{path}': {expected}}}}}"
    (folder / "scenario.yaml").write_text(f"title: x\nworkloads: [workloads.yaml]\nexclusive: true\nsteps: [{step}]\n")
    scenario = load(folder / "scenario.yaml")
    explanation = explain(scenario, scenario.steps[0], scenario.steps[0].paths[0], profile=profile)
    return f"{explanation.verdict}\n" + "\n".join(map(str, explanation.all_lines))


RULE = "rule 1 'ours' (policies.yaml:10) of tier (Admin tier, priority 5)"
BASE = "rule 1 'ours' (policies.yaml:10) of tier (Baseline tier, priority 5)"


@pytest.mark.parametrize(
    ("policies", "expected", "verdict", "sentences"),
    [
        (
            [tier("Deny"), OPEN],
            Expected.ALLOWED,
            "blocked",
            [
                f"{RULE} denies this, before own (policies.yaml:12) can decide",
                "an Admin rule decides before your NetworkPolicy: own (policies.yaml:12) cannot change that",
            ],
        ),
        (
            [tier("Accept"), SHUT],
            Expected.BLOCKED,
            "allowed",
            [
                f"{RULE} accepts this, before own (policies.yaml:12) can decide",
                "an Admin rule decides before your NetworkPolicy",
            ],
        ),
        (
            [tier("Deny")],
            Expected.ALLOWED,
            "blocked",
            ["an Admin rule decides before any NetworkPolicy: adding one changes nothing"],
        ),
        (
            [tier("Pass"), SHUT],
            Expected.ALLOWED,
            "blocked",
            [
                f"{RULE} passes this to the next stage (NetworkPolicies); own (policies.yaml:12) isolates web",
                "Pass leads to the namespace's own policies",
                "own (policies.yaml:12) decides",
            ],
        ),
        (
            [tier("Pass")],
            Expected.BLOCKED,
            "allowed",
            ["no NetworkPolicy isolates web for ingress, so the Baseline tier and then the default decide"],
        ),
        (
            [tier("Deny", of="Baseline")],
            Expected.ALLOWED,
            "blocked",
            [
                f"no policy in force isolates web for ingress; {BASE} denies this",
                "and so the Baseline tier decides: add a policy that does",
                "a new NetworkPolicy (then: allowed)",
            ],
        ),
        (
            [tier("Deny", of="Baseline"), OPEN],
            Expected.BLOCKED,
            "allowed",
            [f"your NetworkPolicy's Accept never meets the Baseline: own (policies.yaml:12) is final, and {BASE}"],
        ),
        (
            [tier("Accept", of="Baseline"), tier("Deny", of="Baseline", priority=9, name="later"), SHUT],
            Expected.ALLOWED,
            "blocked",
            ["your NetworkPolicy's denial never meets the Baseline"],
        ),
        (
            [tier("Accept"), tier("Deny", name="other")],
            Expected.ALLOWED,
            "undefined",
            ["may accept this", "may deny this", "which of several ClusterNetworkPolicies of one tier and priority"],
        ),
        (
            [tier("Deny", of="Baseline"), OTHER_WAY],
            Expected.ALLOWED,
            "undefined",
            ["whether a NetworkPolicy of one direction keeps the Baseline tier from the other"],
        ),
    ],
)
def test_a_verdict_names_the_tier_the_rule_and_what_it_means(
    tmp_path: Path, policies: list[str], expected: Expected, verdict: str, sentences: list[str]
) -> None:
    text = explained(tmp_path, *policies, expected=expected)
    assert text.startswith(f"{verdict}\n")
    for sentence in sentences:
        assert sentence in text


def test_where_an_admin_rule_decides_the_edits_are_of_its_policy(tmp_path: Path) -> None:
    text = " ".join(explained(tmp_path, tier("Deny"), SHUT, expected=Expected.ALLOWED).split())
    assert "write action: Accept" in text
    assert "a new NetworkPolicy" not in text


def test_an_expected_verdict_has_no_cause(tmp_path: Path) -> None:
    assert "cause" not in explained(tmp_path, tier("Deny"), OPEN, expected=Expected.BLOCKED)


def test_a_profile_decides_ties_and_fails_closed(tmp_path: Path) -> None:
    tie = (tier("Accept"), tier("Deny", name="other"))
    assert explained(tmp_path, *tie, expected=Expected.ALLOWED, profile=CALICO).startswith("blocked\n")
    nodes = tier("Deny").replace("ingress:", "egress:").replace("app: web", "app: job")
    nodes = nodes.replace("from: [{pods: {podSelector: {matchLabels: {app: job}}}}]", "to: [{nodes: {}}]")
    assert explained(tmp_path, nodes, expected=Expected.ALLOWED).startswith("allowed\n")
    closed = explained(tmp_path, nodes, expected=Expected.ALLOWED, profile=CALICO)
    assert closed.startswith("blocked\n")
    assert "it has a peer or a protocol that is not known, and so fails closed" in closed


REPLICAS = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  replicas: 2
  serviceName: web
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: stand-in, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: job, labels: {app: job}}
spec: {containers: [{name: main, image: stand-in}]}
"""


def test_replicas_that_a_rule_of_a_tier_tells_apart_have_verdicts_of_their_own(tmp_path: Path) -> None:
    first = tier("Deny").replace("app: web", "statefulset.kubernetes.io/pod-name: web-0")
    (tmp_path / "workloads.yaml").write_text(REPLICAS)
    (tmp_path / "policies.yaml").write_text(first)
    paths = "{'job -> web-0:80': blocked, 'job -> web-1:80': allowed}"
    step = f"{{name: only, policies: [policies.yaml], paths: {paths}}}"
    head = "title: x\nworkloads: [workloads.yaml]\nexclusive: true\nsteps: "
    (tmp_path / "scenario.yaml").write_text(f"{head}[{step}]\n")
    scenario = load(tmp_path / "scenario.yaml")
    predictor = Predictor(scenario, scenario.steps[0])
    assert [predictor.verdict(path) for path in scenario.steps[0].paths] == [Expected.BLOCKED, Expected.ALLOWED]
    (tmp_path / "scenario.yaml").write_text(f"{head}[{step.replace(paths, '{job -> pod(web):80: undefined}')}]\n")
    scenario = load(tmp_path / "scenario.yaml")
    assert Predictor(scenario, scenario.steps[0]).verdict(scenario.steps[0].paths[0]) is Expected.UNDEFINED
