"""Paths to the name server and to the API server, by the oracle: with the cluster unknown, and with a known one."""

from pathlib import Path

import pytest

from netpol_harness.analysis.explain import explain
from netpol_harness.analysis.predict import Predictor
from netpol_harness.model.name_server import NameServer
from netpol_harness.model.names import NamespacedName
from netpol_harness.oracle.profiles import EMBEDDED
from netpol_harness.paths.path import KnownAddresses
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario

OPERATOR = NamespacedName("default", "operator")
WORKLOADS = """
apiVersion: v1
kind: Pod
metadata: {name: operator, labels: {app: operator}}
spec: {containers: [{name: main, image: stand-in}]}
---
apiVersion: v1
kind: Pod
metadata: {name: own, labels: {app: own}}
spec: {dnsPolicy: None, dnsConfig: {nameservers: [198.51.100.53]}, containers: [{name: main, image: stand-in}]}
"""
DENY = "{podSelector: {}, policyTypes: [Egress]}"
DNS = "{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 53, protocol: UDP}]}]}"
BLOCK = (
    "{{podSelector: {{}}, policyTypes: [Egress], egress: [{{to: [{{ipBlock: {{cidr: {}}}}}], ports: [{{port: {}}}]}}]}}"
)
BY_SERVICE = BLOCK.format("10.96.0.1/32", 443)
BY_ADDRESS = BLOCK.format("172.18.0.2/32", 6443)
PORT_ONLY = "{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 6443}]}]}"
KIND = KnownAddresses(api_addresses=("10.96.0.1",), api_sockets=(("172.18.0.2", 6443),))
OWN_NODE = KnownAddresses(
    nodes={OPERATOR: ("172.18.0.2",)}, api_addresses=("10.96.0.1",), api_sockets=(("172.18.0.2", 6443),)
)


def scenario_of(folder: Path, spec: str, *paths: str) -> Scenario:
    (folder / "workloads.yaml").write_text(WORKLOADS)
    (folder / "policy.yaml").write_text(
        f"{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: p}}, spec: {spec}}}"
    )
    lines = ", ".join(f"'{path}': undefined" for path in paths)
    step = f"{{name: only, policies: [policy.yaml], paths: {{{lines}}}}}"
    (folder / "scenario.yaml").write_text(f"title: Servers\nworkloads: [workloads.yaml]\nsteps: [{step}]\n")
    return load(folder / "scenario.yaml")


@pytest.mark.parametrize(
    ("spec", "path", "unknown", "known"),
    [
        (DENY, "operator -> api", "blocked", "blocked"),
        (DENY, "operator -> default/kubernetes:443", "unresolved", "unresolved"),
        (DNS, "operator -> default/kubernetes:443", "blocked", "blocked"),
        (DNS, "operator -> ip(default/kubernetes):443", "blocked", "blocked"),
        ("{podSelector: {}}", "operator -> api", "allowed", "allowed"),
        # the port of the API server itself is known on a live cluster only
        (PORT_ONLY, "operator -> api", "undefined", "allowed"),
        # whether an ipBlock sees the address before or after translation is left to implementations
        (BY_ADDRESS, "operator -> api", "undefined", "undefined"),
        # but the port is the one behind the Service
        (BY_SERVICE, "operator -> api", "undefined", "blocked"),
        ("{podSelector: {}}", "node(operator) -> api", "allowed", "allowed"),
    ],
)
def test_the_api_server_is_a_host_outside_whose_port_may_not_be_known(
    tmp_path: Path, spec: str, path: str, unknown: str, known: str
) -> None:
    scenario = scenario_of(tmp_path, spec, path)
    (step,) = scenario.steps
    assert Predictor(scenario, step).verdict(step.paths[0]) == unknown
    assert Predictor(scenario, step, addresses=KIND).verdict(step.paths[0]) == known


def test_behind_its_service_the_api_server_is_admitted_by_its_own_address(tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, BY_ADDRESS, "operator -> api")
    (step,) = scenario.steps
    assert Predictor(scenario, step, EMBEDDED, KIND).verdict(step.paths[0]) == "allowed"


def test_an_api_server_on_the_own_node_is_own_node_traffic(tmp_path: Path) -> None:
    """Egress to the own node is left to implementations; the embedded cluster admits it."""
    scenario = scenario_of(tmp_path, DENY, "operator -> api")
    (step,) = scenario.steps
    assert Predictor(scenario, step, addresses=OWN_NODE).verdict(step.paths[0]) == "undefined"
    assert Predictor(scenario, step, EMBEDDED, OWN_NODE).verdict(step.paths[0]) == "allowed"


@pytest.mark.parametrize(
    ("spec", "path", "expected"),
    [
        (DENY, "operator -> dns", "blocked"),
        (DNS, "operator -> dns", "allowed"),
        (DNS, "operator -> tcp://dns", "blocked"),
        (DNS, "operator -> udp://kube-system/kube-dns:53", "allowed"),
        (DNS, "operator -> udp://ip(kube-system/kube-dns):53", "allowed"),
        (DENY, "operator -> udp://kube-system/kube-dns:53", "unresolved"),
        (DENY, "node(operator) -> dns", "allowed"),
        (DNS, "own -> dns", "allowed"),
        (DENY, "own -> dns", "blocked"),
    ],
)
def test_the_name_server_is_asked_at_its_address(tmp_path: Path, spec: str, path: str, expected: str) -> None:
    scenario = scenario_of(tmp_path, spec, path)
    (step,) = scenario.steps
    assert Predictor(scenario, step).verdict(step.paths[0]) == expected


def test_the_name_server_of_the_cluster_may_have_another_port_or_be_on_the_node(tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, DNS, "operator -> dns")
    (step,) = scenario.steps
    elsewhere = KnownAddresses(name_server=NameServer(port=5353))
    assert Predictor(scenario, step, addresses=elsewhere).verdict(step.paths[0]) == "blocked"
    node_local = KnownAddresses(name_server=NameServer(address="169.254.20.10"))
    assert Predictor(scenario, step, addresses=node_local).verdict(step.paths[0]) == "allowed"


def test_an_explanation_names_the_servers(tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, PORT_ONLY, "operator -> api", "operator -> dns")
    api, dns = (str(explain(scenario, scenario.steps[0], path)) for path in scenario.steps[0].paths)
    assert "operator -> the API server 6443/TCP: allowed" in api
    assert "at which port the API server listens is known on a live cluster only" in api
    assert "operator -> kube-system/kube-dns 53/UDP: blocked" in dns
    known = str(explain(scenario, scenario.steps[0], scenario.steps[0].paths[0], addresses=KIND))
    assert "operator -> the API server (172.18.0.2) 6443/TCP: allowed" in known
