"""Services on two nodes, as kube-proxy treats them, checked with packets. Policies show what address a client has.

``NEAR`` is on the first node, with a client; ``FAR`` is on the second node. The host outside is on neither.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from netpol_harness.emulator.address_plan import IPV4_ONLY
from netpol_harness.emulator.dataplane.ruleset import ruleset
from netpol_harness.emulator.dataplane.transaction import EMPTY, transaction
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.objects import World

FIRST, SECOND = IPV4_ONLY.node(0), IPV4_ONLY.node(1)
CLIENT, NEAR, FAR, OUTSIDE = "10.244.0.2", "10.244.0.3", "10.244.1.2", "203.0.113.1"
PLACES = {CLIENT: 0, NEAR: 0, FAR: 1}
WEB, ONLY_FAR, LOCAL = "10.96.0.5", "10.96.0.6", "10.96.0.7"
HOST_PORT = 18080


def pod(name: str, address: str, *apps: str, host_port: int = 0) -> JsonObject:
    port = {"containerPort": 80, **({"hostPort": host_port} if host_port else {})}
    return {
        "kind": "Pod",
        "metadata": {"namespace": "x", "name": name, "labels": dict.fromkeys(apps, "")},
        "spec": {"containers": [{"ports": [port]}], "nodeName": (FIRST, SECOND)[PLACES[address]].name},
        "status": {"podIPs": [{"ip": address}]},
    }


def service(name: str, address: str, app: str, node_port: int, **spec: Any) -> JsonObject:
    ports = [{"port": 80, "nodePort": node_port}]
    whole = {"clusterIP": address, "selector": {app: ""}, "ports": ports, **spec}
    return {"kind": "Service", "metadata": {"namespace": "x", "name": name}, "spec": whole}


OBJECTS = (
    pod("client", CLIENT, "client"),
    pod("near", NEAR, "web"),
    pod("far", FAR, "web", "far", host_port=HOST_PORT),
    service("web", WEB, "web", 30080),
    service("far", ONLY_FAR, "far", 30081),
    service("local", LOCAL, "far", 30082, externalTrafficPolicy="Local", internalTrafficPolicy="Local"),
)


@pytest.fixture(scope="module")
def hosts(new_lab: Any) -> Iterator[Any]:
    with new_lab(2) as lab:
        for address, node in PLACES.items():
            lab.hosts([address], [80], node=node)
        lab.hosts([OUTSIDE], [80], node=None)
        yield lab


def outcome(hosts: Any, source: str, target: str, port: int, *policies: JsonObject) -> str:
    hosts.flush()
    world = World.parse([*OBJECTS, *policies])
    for number, plan in enumerate((FIRST, SECOND)):
        hosts.apply(transaction(EMPTY, ruleset(world, node=plan.name)), node=number)
    probe = (source, target, "TCP", port)
    answer: str = hosts.probe([probe])[probe]
    return answer


def admitting(*addresses: str) -> JsonObject:
    """Return a policy that admits these addresses alone to the pod on the second node."""
    peers = [{"ipBlock": {"cidr": f"{address}/32"}} for address in addresses]
    spec = {"podSelector": {"matchLabels": {"far": ""}}, "ingress": [{"from": peers}] if peers else []}
    return {"kind": "NetworkPolicy", "metadata": {"namespace": "x", "name": "p"}, "spec": spec}


ANYWHERE = [CLIENT, NEAR, FAR, OUTSIDE, FIRST.address, SECOND.address]
NAMES = ["client", "near", "far", "outside", "first-node", "second-node"]


@pytest.mark.live
@pytest.mark.parametrize("source", ANYWHERE, ids=NAMES)
@pytest.mark.parametrize(
    ("target", "port"),
    [
        *((address, 80) for address in (WEB, ONLY_FAR, NEAR, FAR)),
        *((node.address, port) for node in (FIRST, SECOND) for port in (30080, 30081)),
        (SECOND.address, 30082),
        (SECOND.address, HOST_PORT),
    ],
)
def test_every_service_is_reached_from_everywhere(hosts: Any, source: str, target: str, port: int) -> None:
    assert outcome(hosts, source, target, port) == "connected"


@pytest.mark.live
@pytest.mark.parametrize(
    ("source", "target", "port", "expected"),
    [
        (OUTSIDE, FIRST.address, 30082, "silent"),
        (FAR, FIRST.address, 30082, "silent"),
        (CLIENT, FIRST.address, 30082, "connected"),  # the policy is about clients from elsewhere
        (FIRST.address, FIRST.address, 30082, "connected"),
        (CLIENT, LOCAL, 80, "silent"),
        (FIRST.address, LOCAL, 80, "silent"),
        (FAR, LOCAL, 80, "connected"),
        (CLIENT, FIRST.address, HOST_PORT, "refused"),
    ],
)
def test_a_local_policy_is_about_the_node(hosts: Any, source: str, target: str, port: int, expected: str) -> None:
    assert outcome(hosts, source, target, port) == expected


@pytest.mark.live
@pytest.mark.parametrize(
    ("source", "target", "port", "seen"),
    [
        (OUTSIDE, FIRST.address, 30081, FIRST.address),
        (CLIENT, FIRST.address, 30081, FIRST.address),
        (OUTSIDE, SECOND.address, 30081, OUTSIDE),  # its own node judges the packet before it replaces the address
        (CLIENT, SECOND.address, 30081, CLIENT),
        (OUTSIDE, SECOND.address, 30082, OUTSIDE),
        (OUTSIDE, ONLY_FAR, 80, FIRST.address),
        (CLIENT, ONLY_FAR, 80, CLIENT),
        (FIRST.address, ONLY_FAR, 80, FIRST.address),
        (CLIENT, SECOND.address, HOST_PORT, CLIENT),
        (FIRST.address, FAR, 80, FIRST.address),
        (CLIENT, FAR, 80, CLIENT),
    ],
)
def test_policies_see_the_address_that_kube_proxy_leaves(
    hosts: Any, source: str, target: str, port: int, seen: str
) -> None:
    assert outcome(hosts, source, target, port, admitting(seen)) == "connected"
    others = {CLIENT, OUTSIDE, FIRST.address, SECOND.address, NEAR} - {seen}
    assert outcome(hosts, source, target, port, admitting(*others)) == "silent"


@pytest.mark.live
def test_a_node_reaches_its_own_isolated_pods_and_no_others(hosts: Any) -> None:
    assert outcome(hosts, SECOND.address, FAR, 80, admitting()) == "connected"
    assert outcome(hosts, FIRST.address, FAR, 80, admitting()) == "silent"


@pytest.mark.live
def test_a_denial_holds_for_an_open_flow_across_nodes(hosts: Any) -> None:
    hosts.flush()
    free, denied = (World.parse([*OBJECTS, *policies]) for policies in ((), (admitting(),)))
    rules = {node: tuple(ruleset(world, node=node.name) for world in (free, denied)) for node in (FIRST, SECOND)}
    for number, (before, _) in enumerate(rules.values()):
        hosts.apply(transaction(EMPTY, before), node=number)
    assert hosts.flow(CLIENT, FAR, 80) == "connected"
    for number, (before, after) in enumerate(rules.values()):
        hosts.apply(transaction(before, after), node=number)
    assert hosts.flow(CLIENT, FAR, 80) == "silent"
