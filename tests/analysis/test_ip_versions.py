"""The IP version of paths, and what it means for blocks of addresses, on clusters of either family or both."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from netpol_harness.analysis.predict import Predictor
from netpol_harness.model.name_server import NameServer
from netpol_harness.model.names import NamespacedName
from netpol_harness.oracle.profiles import EMBEDDED
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import KnownAddresses
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario

IPV4, IPV6 = "10.0.0.{}", "fd00::{}"
WORKLOADS = """\
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: main, image: busybox, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, labels: {app: db}}
spec: {containers: [{name: main, image: busybox, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: primary}
spec: {selector: {app: db}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: second}
spec: {selector: {app: db}, ipFamilies: [IPv6], ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: headless}
spec: {clusterIP: None, selector: {app: db}, ipFamilies: [IPv6, IPv4], ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: addressed}
spec: {clusterIPs: ["fd00:96::7", 10.96.0.7], selector: {app: db}, ports: [{port: 80}]}
"""
FROM_IPV4 = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: from-ipv4}
spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/24}}]}]}
"""


@pytest.fixture(name="scenario_of")
def scenario_of_fixture(tmp_path: Path) -> Callable[..., Scenario]:
    def scenario_of(path: str, others: str = "unchecked") -> Scenario:
        (tmp_path / "workloads.yaml").write_text(WORKLOADS)
        (tmp_path / "policy.yaml").write_text(FROM_IPV4)
        step = f"{{name: s, policies: [policy.yaml], others: {others}, paths: {{'{path}': undefined}}}}"
        hosts = "external: {user: {address: 203.0.113.7}, far: {address: '2001:db8::7'}}"
        text = f"title: Families\nworkloads: [workloads.yaml]\n{hosts}\nsteps: [{step}]\n"
        (tmp_path / "scenario.yaml").write_text(text)
        return load(tmp_path / "scenario.yaml")

    return scenario_of


def known(*forms: str) -> KnownAddresses:
    """The addresses on a cluster whose pods have one of each form, and whose Services have the first by default."""
    pods = {
        NamespacedName("default", name): [form.format(number) for form in forms]
        for number, name in enumerate(("web", "db"), 1)
    }
    return KnownAddresses(pods, name_server=NameServer(cluster_ips=(forms[0].format(10),)))


@pytest.mark.parametrize(
    ("path", "forms", "version"),
    [
        ("web -> db:80", [IPV4, IPV6], 4),
        ("web -> db:80", [IPV6, IPV4], 6),
        ("web -> db:80", [], 0),
        ("web -> primary:80", [IPV4, IPV6], 4),
        ("web -> ip(primary):80", [IPV6, IPV4], 6),
        ("web -> second:80", [IPV4, IPV6], 6),
        ("user -> second:80", [IPV4, IPV6], 4),
        ("web -> headless:80", [IPV4, IPV6], 6),
        ("web -> addressed:80", [IPV4, IPV6], 6),
        ("web -> 10.96.0.7:80", [IPV6, IPV4], 4),
        ("web -> [fd00::2]:80", [IPV4, IPV6], 6),
        ("web -> user:80", [IPV6, IPV4], 4),
        ("web -> far:80", [IPV4, IPV6], 6),
    ],
)
def test_the_address_that_is_connected_to_decides_the_ip_version(
    scenario_of: Callable[..., Scenario], path: str, forms: Sequence[str], version: int
) -> None:
    scenario = scenario_of(path)
    step = scenario.steps[-1]
    predictor = Predictor(scenario, step, addresses=known(*forms) if forms else None)
    route = predictor.route(step.expectations[0].path)
    assert {flow.version for flow in route.connections} == {version}
    assert {flow.version for flow in route.lookups} <= ({4 if forms[0] == IPV4 else 6} if forms else {0})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("web -> db:80", "allowed"),
        ("web -> second:80", "blocked"),
        ("web -> headless:80", "blocked"),
        ("web -> [fd00::2]:80", "blocked"),
        ("far -> [fd00::2]:80", "blocked"),
    ],
)
def test_a_block_admits_connections_of_its_own_ip_version_alone(
    scenario_of: Callable[..., Scenario], path: str, expected: str
) -> None:
    scenario = scenario_of(path)
    step = scenario.steps[-1]
    prediction = Predictor(scenario, step, EMBEDDED, known(IPV4, IPV6)).predict(step.expectations[0].path)
    assert prediction.verdict is Expected(expected)


@pytest.mark.parametrize(
    ("forms", "expected"),
    [([IPV4], "allowed"), ([IPV4, IPV6], "allowed"), ([IPV6, IPV4], "blocked"), ([IPV6], "blocked")],
)
def test_cells_of_tables_have_the_ip_version_of_the_pods_first_addresses(
    scenario_of: Callable[..., Scenario], forms: Sequence[str], expected: str
) -> None:
    scenario = scenario_of("db -> web:80", others="blocked")
    predictor = Predictor(scenario, scenario.steps[-1], EMBEDDED, known(*forms))
    cells = predictor.closed_world_verdicts()
    assert {path: predictor.verdict(path) for path in cells} == cells
    assert {str(verdict) for path, verdict in cells.items() if str(path) == "web -> db:80"} == {expected}
