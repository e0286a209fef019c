"""The pods of one workload and each other, by the oracle."""

from dataclasses import replace
from pathlib import Path

import pytest

from netpol_harness.analysis.coverage import coverage
from netpol_harness.analysis.explain import explain
from netpol_harness.analysis.predict import Predictor
from netpol_harness.analysis.table import VerdictTable
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario

WORKLOADS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: broker}
spec:
  replicas: 3
  selector: {matchLabels: {app: broker}}
  template:
    metadata: {labels: {app: broker}}
    spec: {containers: [{name: main, image: stand-in, ports: [{containerPort: 5672}, {containerPort: 4369}]}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: ring}
spec:
  replicas: 3
  serviceName: ring
  selector: {matchLabels: {app: ring}}
  template:
    metadata: {labels: {app: ring}}
    spec: {containers: [{name: main, image: stand-in, ports: [{containerPort: 7000}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: queue}
spec: {selector: {app: broker}, ports: [{port: 5672}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: main, image: stand-in, ports: [{containerPort: 8080}]}]}
"""
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: own}}
spec: {spec}
"""
BROKER = "podSelector: {matchLabels: {app: broker}}"
FIRST = "podSelector: {matchLabels: {statefulset.kubernetes.io/pod-name: ring-0}}"
PEERS = f"{{{BROKER}, ingress: [{{from: [{{{BROKER}}}], ports: [{{port: 4369}}]}}]}}"


def scenario_of(folder: Path, spec: str, expectations: str = "others: oracle") -> Scenario:
    """Return a scenario with one policy in its one step."""
    (folder / "workloads.yaml").write_text(WORKLOADS)
    (folder / "policy.yaml").write_text(POLICY.format(spec=spec))
    step = f"{{name: only, policies: [policy.yaml], {expectations}}}"
    (folder / "scenario.yaml").write_text(f"title: Replicas\nworkloads: [workloads.yaml]\nsteps: [{step}]\n")
    return load(folder / "scenario.yaml")


@pytest.mark.parametrize(
    ("spec", "path", "expected"),
    [
        ("{podSelector: {matchLabels: {app: web}}}", "broker -> broker:4369", "allowed"),
        ("{podSelector: {}}", "broker -> broker:4369", "blocked"),
        (f"{{{BROKER}, policyTypes: [Egress]}}", "broker -> broker:4369", "blocked"),
        (PEERS, "broker -> broker:4369", "allowed"),
        (PEERS, "broker -> broker:5672", "blocked"),
        ("{podSelector: {}}", "ring -> ring:7000", "blocked"),
        # a policy that tells the pods of a StatefulSet apart: no verdict holds for all of them
        (f"{{{FIRST}}}", "ring -> ring:7000", "undefined"),
        (f"{{{FIRST}}}", "web -> ring:7000", "undefined"),
        (f"{{{FIRST}, policyTypes: [Egress]}}", "ring -> web:8080", "undefined"),
        (f"{{{FIRST}}}", "ring -> web:8080", "allowed"),
        (f"{{podSelector: {{}}, ingress: [{{from: [{{{FIRST}}}]}}]}}", "ring -> ring:7000", "undefined"),
    ],
)
def test_every_pod_of_a_workload_has_the_verdict(tmp_path: Path, spec: str, path: str, expected: str) -> None:
    scenario = scenario_of(tmp_path, spec, f"paths: {{'{path}': undefined}}, others: oracle")
    step = scenario.steps[0]
    assert Predictor(scenario, step).verdict(step.paths[0]) == expected
    whole = Predictor(scenario, replace(step, expectations=()))
    assert {str(cell): verdict for cell, verdict in whole.closed_world_verdicts().items()}[path] == expected


@pytest.mark.parametrize(
    ("spec", "path", "expected"),
    [
        (f"{{{FIRST}}}", "web -> ring-0:7000", "blocked"),
        (f"{{{FIRST}}}", "web -> ring/1:7000", "allowed"),
        (f"{{{FIRST}}}", "ring -> ring-0:7000", "blocked"),
        (f"{{{FIRST}}}", "ring-0 -> ring:7000", "allowed"),
        (f"{{{FIRST}, policyTypes: [Egress]}}", "ring-0 -> web:8080", "blocked"),
        (f"{{{FIRST}, policyTypes: [Egress]}}", "ring-2 -> ring-0:7000", "allowed"),
        ("{podSelector: {}}", "broker/0 -> broker/2:4369", "blocked"),
        # own-node traffic is always allowed; whether another pod runs on the node is not known
        ("{podSelector: {}}", "node(web) -> web:8080", "allowed"),
        ("{podSelector: {}}", "node(web) -> broker:4369", "undefined"),
        ("{podSelector: {}}", "node(broker) -> broker:4369", "undefined"),
        ("{podSelector: {}}", "node(broker/1) -> broker/1:4369", "allowed"),
        ("{podSelector: {matchLabels: {app: web}}}", "node(web) -> queue:5672", "allowed"),
        (PEERS, "node(web) -> queue:5672", "undefined"),
    ],
)
def test_one_pod_and_its_node_have_verdicts_of_their_own(tmp_path: Path, spec: str, path: str, expected: str) -> None:
    scenario = scenario_of(tmp_path, spec, f"paths: {{'{path}': undefined}}")
    explanation = explain(scenario, scenario.steps[0], scenario.steps[0].paths[0])
    assert explanation.verdict == expected, str(explanation)


def test_an_explanation_names_the_replica_and_the_node(tmp_path: Path) -> None:
    paths = "paths: {'web -> broker/1:4369': blocked, 'node(broker/0) -> ip(queue):5672': undefined}"
    scenario = scenario_of(tmp_path, PEERS, paths)
    replica, node = (str(explain(scenario, scenario.steps[0], path)) for path in scenario.steps[0].paths)
    assert "isolates broker/1 for ingress" in replica
    assert "the node of broker/0 -> broker" in node


def test_a_service_may_lead_back_to_the_pod_that_asks(tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, "{podSelector: {}}", "paths: {'broker -> ip(queue):5672': undefined}")
    explanation = explain(scenario, scenario.steps[0], scenario.steps[0].paths[0])
    assert explanation.verdict == "undefined"
    assert "a pod of default/broker may reach itself or another pod" in str(explanation)


def test_a_table_has_a_cell_for_a_workload_and_itself(tmp_path: Path) -> None:
    table = VerdictTable.of(Predictor(scenario := scenario_of(tmp_path, PEERS), scenario.steps[0]))
    marks = {path.text: mark for path, mark in table.marks.items()}
    assert marks["broker -> broker:4369"] == "."
    assert marks["broker -> broker:5672"] == "X"
    assert "web -> web:8080" not in marks


def test_the_pods_are_told_apart_where_it_matters(tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, PEERS, "paths: {'broker -> broker:5672': blocked, 'web -> broker:4369': blocked}")
    among, outside = (str(explain(scenario, scenario.steps[0], path)) for path in scenario.steps[0].paths)
    assert "broker/1 for ingress" in among
    assert "isolates broker for ingress" in outside


def test_pods_that_a_policy_tells_apart_are_explained_one_by_one(tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, f"{{{FIRST}}}", "paths: {'web -> ring:7000': undefined}")
    explanation = explain(scenario, scenario.steps[0], scenario.steps[0].paths[0])
    connections = [line.text for line in explanation.lines if line.label in ("connection", "unsure")]
    assert connections == [
        "web -> ring-0 7000/TCP: blocked",
        "web -> ring-1 7000/TCP: allowed",  # which stands for ring-2, as no policy names that
        "a verdict must hold for all of them: ask one of the pods, or let policies treat them alike",
    ]


def test_a_policy_among_the_pods_of_one_workload_is_not_redundant(tmp_path: Path) -> None:
    """A suggested path closes the gap: without it nothing would notice that the members are not admitted."""
    scenario = scenario_of(tmp_path, PEERS, "paths: {'web -> broker:5672': blocked}")
    gaps = {gap.part: gap.line for gap in coverage(scenario).gaps}
    assert None not in gaps.values()
    assert "broker -> broker:4369: allowed" in {str(line) for line in gaps.values()}
    whole = scenario_of(tmp_path, PEERS)
    assert not coverage(whole).gaps
