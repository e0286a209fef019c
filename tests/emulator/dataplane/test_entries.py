"""The node by which hosts outside reach each address of a Service."""

from typing import Any

import pytest

from netpol_harness.emulator.address_plan import IPV4, IPV6
from netpol_harness.emulator.dataplane.entries import entry_nodes
from netpol_harness.emulator.dataplane.snapshot import Snapshot
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import World

NODES = ("first", "second")


def pod(name: str, node: str, address: str) -> JsonObject:
    return {
        "kind": "Pod",
        "metadata": {"namespace": "x", "name": name, "labels": {"app": "web"}},
        "spec": {"containers": [], "nodeName": node},
        "status": {"podIPs": [{"ip": address}]},
    }


def service(balancer: str = "192.0.2.130", **spec: Any) -> JsonObject:
    kind = "LoadBalancer" if balancer else "ClusterIP"
    return {
        "kind": "Service",
        "metadata": {"namespace": "x", "name": "s"},
        "spec": {"type": kind, "clusterIP": "10.96.0.5", "selector": {"app": "web"}, "ports": [{"port": 80}], **spec},
        "status": {"loadBalancer": {"ingress": [{"ip": balancer}] if balancer else []}},
    }


def entries(*objects: JsonObject, unready: str = "") -> dict[str, str]:
    snapshot = Snapshot(World.parse(list(objects)), frozenset({NamespacedName("x", unready)}))
    return entry_nodes(snapshot, NODES, (IPV4,))


FAR = pod("far", "second", "10.244.1.2")
LOCAL = {"externalTrafficPolicy": "Local"}


def test_the_first_node_serves_unless_the_policy_is_local() -> None:
    assert entries(service(), FAR) == {"192.0.2.130": "first"}
    assert entries(service(**LOCAL), FAR) == {"192.0.2.130": "second"}
    assert entries(service(**LOCAL), FAR, pod("near", "first", "10.244.0.2")) == {"192.0.2.130": "first"}


def test_a_node_without_ready_endpoints_is_not_healthy() -> None:
    near = pod("near", "first", "10.244.0.2")
    assert entries(service(**LOCAL), FAR, near, unready="near") == {"192.0.2.130": "second"}
    assert entries(service(**LOCAL)) == {"192.0.2.130": "first"}


@pytest.mark.parametrize(
    ("address", "is_routed"),
    [("198.51.100.9", True), ("192.0.2.1", False), ("10.244.0.7", False), ("10.96.0.1", False), ("2001:db8::1", False)],
)
def test_an_external_ip_that_is_used_otherwise_is_not_routed(address: str, *, is_routed: bool) -> None:
    assert (address in entries(service("", externalIPs=[address]), FAR)) == is_routed


def test_each_family_of_the_cluster_has_entries() -> None:
    world = World.parse([service("", externalIPs=["2001:db8::1"])])
    assert entry_nodes(Snapshot(world), NODES, (IPV4, IPV6)) == {"2001:db8::1": "first"}
