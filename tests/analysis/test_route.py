from collections.abc import Callable
from pathlib import Path

import pytest

from netpol_harness.analysis.predict import Predictor
from netpol_harness.oracle.verdict import Flow, Host
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario

Shop = Callable[..., Scenario]
SERVER = "kube-system/kube-dns 53/UDP through kube-system/kube-dns"


def describe(flow: Flow) -> str:
    """``shop/web -> back/db 5432/TCP``, and the Service that translated it."""
    ends = [end.address or "outside" if isinstance(end, Host) else str(end) for end in (flow.source, flow.destination)]
    return f"{ends[0]} -> {ends[1]} {flow.port}" + (f" through {flow.through}" if flow.through else "")


@pytest.mark.parametrize(
    ("path", "lookups", "connections"),
    [
        ("idle -> ip(front):80", 0, ["shop/idle -> shop/web 8080/TCP through shop/front"]),
        ("db -> front:80", 1, ["back/db -> shop/web 8080/TCP through shop/front"]),
        ("web -> store:5432", 1, ["shop/web -> back/db 5432/TCP"]),
        ("web -> store.back.svc.cluster.local:5432", 1, ["shop/web -> back/db 5432/TCP"]),
        ("user -> http://front:80", 0, ["outside -> shop/web 8080/TCP"]),
        ("partner -> db:5432", 0, ["203.0.113.7 -> back/db 5432/TCP"]),
        ("web -> partner:443", 0, ["shop/web -> 203.0.113.7 443/TCP"]),
        ("web -> 203.0.113.7:443", 0, ["shop/web -> 203.0.113.7 443/TCP"]),
        ("web -> icmp://db", 0, ["shop/web -> back/db 0/ICMP"]),
        ("web -> node(web):30080", 0, []),
        ("partner -> node(web):30080", 0, []),
    ],
)
def test_the_flows_of_a_path(shop: Shop, path: str, lookups: int, connections: list[str]) -> None:
    scenario = shop(paths=f"'{path}': undefined")
    step = scenario.steps[-1]
    route = Predictor(scenario, step).route(step.expectations[0].path)
    servers = [describe(flow) for flow in route.lookups]
    assert [text.partition(" -> ")[2] for text in servers] == [SERVER] * lookups
    assert [describe(flow) for flow in route.connections] == connections


@pytest.mark.parametrize(
    ("path", "connections"),
    [("partner -> node(web):30080", ["203.0.113.7 -> shop/web 8080/TCP"]), ("idle -> node(web):30080", [])],
)
def test_a_port_of_a_node_that_keeps_an_outsiders_address(
    shop: Shop, tmp_path: Path, path: str, connections: list[str]
) -> None:
    shop(paths=f"'{path}': undefined")
    workloads = tmp_path / "workloads.yaml"
    local = "{type: NodePort, externalTrafficPolicy: Local,"
    workloads.write_text(workloads.read_text().replace("{type: NodePort,", local))
    scenario = load(tmp_path / "scenario.yaml")
    step = scenario.steps[-1]
    assert [
        describe(flow) for flow in Predictor(scenario, step).route(step.expectations[0].path).connections
    ] == connections
