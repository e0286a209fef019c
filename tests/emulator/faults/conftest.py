"""A cluster's history in which every mutant must show."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from netpol_harness.emulator.dataplane.snapshot import Snapshot
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.objects import World
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL


def _namespace(name: str, **labels: str) -> JsonMapping:
    labels = {"ns": name, **labels, NAMESPACE_NAME_LABEL: name}
    return {"kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _pod(namespace: str, name: str, address: str, phase: str = "Running", **labels: str) -> JsonMapping:
    number = 8080 if name == "b" else 80
    ports = [
        {"name": "http", "containerPort": number},
        {"name": "dns", "containerPort": 53, "protocol": "UDP"},
        {"name": "echo", "containerPort": 7, "protocol": "UDP" if name == "b" else "TCP"},
    ]
    return {
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "labels": {"pod": name, **labels}},
        "spec": {"containers": [{"name": "c", "ports": ports}], "hostNetwork": name == "node"},
        "status": {"phase": phase, "podIPs": [{"ip": address}] if address else []},
    }


def _service(name: str) -> JsonMapping:
    spec = {"selector": {"pod": name}, "clusterIP": "10.96.0.9", "ports": [{"port": 80, "targetPort": 8080}]}
    return {"kind": "Service", "metadata": {"namespace": "x", "name": name}, "spec": spec}


def _policy(name: str, namespace: str = "x", **spec: Any) -> JsonMapping:
    metadata = {"namespace": namespace, "name": name}
    return {"kind": "NetworkPolicy", "metadata": metadata, "spec": {"podSelector": {}, **spec}}


def _ingress(name: str, *rules: JsonMapping, **more: Any) -> JsonMapping:
    return _policy(name, ingress=[*rules], policyTypes=["Ingress"], **more)


def _egress(name: str, *rules: JsonMapping, **more: Any) -> JsonMapping:
    return _policy(name, egress=[*rules], policyTypes=["Egress"], **more)


def _expression(key: str, operator: str, *values: str) -> JsonMapping:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": [*values]}]}


_A, _B = {"matchLabels": {"pod": "a"}}, {"matchLabels": {"pod": "b"}}
_Y = {"matchLabels": {"ns": "y"}}
_REAL_NAME = {"matchLabels": {NAMESPACE_NAME_LABEL: "y"}}
_WEB = {"port": 80}
_WIDE = {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.244.0.0/16", "192.168.0.0/16"]}}
_ONE = {"ipBlock": {"cidr": "10.244.0.2/32"}}
_LONG_NAME = "n" * 200

POLICIES = (
    _ingress("not-in", {"from": [{"podSelector": _expression("tier", "NotIn", "web")}]}),
    _ingress("not-in-two", {"from": [{"namespaceSelector": _expression("ns", "NotIn", "y", "z")}]}),
    _ingress("in-two", podSelector=_expression("pod", "In", "a", "b")),
    _ingress("exists", {"from": [{"podSelector": _expression("tier", "Exists")}]}),
    _ingress("no-tier", {"from": [{"podSelector": _expression("tier", "DoesNotExist")}]}),
    _ingress("two-labels", {"from": [{"podSelector": {"matchLabels": {"pod": "a", "tier": "web"}}}]}),
    _ingress("name", {"from": [{"namespaceSelector": {"matchLabels": {"name": "y"}}}]}),
    _ingress("real-name", {"from": [{"namespaceSelector": _REAL_NAME}]}),
    _ingress("team", {"from": [{"namespaceSelector": _expression("team", "Exists")}]}),
    _ingress("app", {"from": [{"podSelector": _expression("app", "Exists")}]}),
    _ingress("and", {"from": [{"namespaceSelector": _Y, "podSelector": _B}]}),
    _ingress("or", {"from": [{"namespaceSelector": _Y}, {"podSelector": _B}, _WIDE]}),
    _ingress("all-pods", {"from": [{"namespaceSelector": {}}, {"podSelector": {}}]}),
    _ingress("dash", {"from": [{"podSelector": _B}]}, {"ports": [_WEB]}),
    _ingress("everyone", {}, podSelector=_A),
    _ingress("everyone-again", {}, podSelector=_B),
    _ingress("protocols", {"ports": [{"protocol": p} for p in ("UDP", "SCTP")]}),
    _ingress("numbers", {"ports": [{"port": 53, "protocol": p} for p in ("UDP", "TCP", "SCTP")]}),
    _ingress("empty-item", {"ports": [{}, _WEB]}),
    _ingress("many", {"ports": [{"port": n} for n in range(1, 41)]}),
    _ingress("range", {"ports": [{"port": 80, "endPort": 90}]}),
    _ingress("named", {"ports": [{"port": "http"}]}),
    _ingress("udp-name", {"ports": [{"port": "dns"}]}),
    _ingress("no-name", {"ports": [{"port": "nobody"}]}),
    _ingress("named-block", {"from": [_ONE], "ports": [{"port": "http"}]}),
    _ingress("label", {"ports": [{"port": "http"}]}, podSelector=_expression("http", "DoesNotExist")),
    _ingress("one-block", {"from": [_ONE]}),
    _ingress("ipv6", {"from": [{"ipBlock": {"cidr": "2001:db8::/48"}}]}),
    _ingress("beside", {"from": [_WIDE, {"podSelector": {}}]}),
    _ingress("deny"),
    _egress("deny-egress"),
    _egress("named-egress", {"ports": [{"port": "http"}]}),
    _egress("two-blocks", {"to": [_WIDE]}, {"to": [_ONE], "ports": [_WEB]}, {"to": [_ONE], "ports": [{"port": 81}]}),
    _egress("same-block", {"to": [_ONE]}, {"to": [_ONE], "ports": [_WEB]}),
    _egress("whole", {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}, {"to": [_ONE], "ports": [_WEB]}),
    _egress("named-by-no-peer", {"to": [{"namespaceSelector": {}}], "ports": [{"port": "nobody"}]}),
    _egress("to-itself", {"to": [{"podSelector": _A}]}, podSelector=_A),
    _policy("both", policyTypes=["Ingress", "Egress"], egress=[{}]),
    _policy("both-ingress", policyTypes=["Ingress", "Egress"], ingress=[{"from": [{"podSelector": _A}]}]),
    _policy("unasked", policyTypes=["Ingress"], egress=[{}]),
    _policy("deny", "y"),
    _ingress("a-policy-of-a-name-that-is-long-1", {"from": [{"podSelector": _A}]}),
    _ingress("a-policy-of-a-name-that-is-long-2", {"from": [{"podSelector": _B}]}),
    _ingress(_LONG_NAME),
    _ingress("big", *({"from": [_ONE] * 40, "ports": [{"port": n} for n in range(1, 41)]} for _ in range(2))),
    _ingress("narrowed", {}, podSelector=_A),
)

_EVERY: JsonMapping = {"namespaces": {}}
_IN_Y: JsonMapping = {"namespaces": _Y}
_A_OF_Y = {"pods": {"namespaceSelector": _Y, "podSelector": _A}}
_BLOCKS = {"networks": ["10.0.0.0/8", "203.0.113.0/24"]}


def _tcp(**port: Any) -> JsonMapping:
    return {"tcp": {"destinationPort": port}}


def _cluster(name: str, tier: str, priority: int, subject: JsonMapping = _EVERY, **rules: Any) -> JsonMapping:
    spec = {"tier": tier, "priority": priority, "subject": subject, **rules}
    return {"kind": "ClusterNetworkPolicy", "metadata": {"name": name}, "spec": spec}


def _to(action: str, *peers: JsonMapping, **more: Any) -> JsonMapping:
    return {"action": action, "to": [*peers], **more}


def _from(action: str, *peers: JsonMapping, **more: Any) -> JsonMapping:
    return {"action": action, "from": [*peers], **more}


TIERS = (
    _cluster("b", "Admin", 0, _A_OF_Y, egress=[_to("Accept", _IN_Y), _to("Pass", _A_OF_Y, _BLOCKS)]),
    _cluster("a", "Admin", 500, ingress=[_from("Pass", _A_OF_Y), _from("Deny", _IN_Y), _from("Accept", _EVERY)]),
    _cluster("c", "Admin", 257, egress=[_to("Accept", {"nodes": {}}), _to("Deny", _A_OF_Y, _BLOCKS)]),
    _cluster("bb", "Admin", 90, egress=[_to("Deny", {"networks": ["198.51.100.0/24"]})]),
    _cluster("z", "Admin", 100, egress=[_to("Deny", {"networks": ["192.0.2.0/24"]})]),
    _cluster("d", "Baseline", 9, egress=[_to("Deny", _IN_Y, protocols=[{"destinationNamedPort": "http"}])]),
    _cluster(
        "e",
        "Baseline",
        3,
        ingress=[
            _from("Accept", _IN_Y, protocols=[_tcp(number=80), _tcp(range={"start": 90, "end": 99})]),
            _from("Deny", _IN_Y, protocols=[_tcp(range={"start": 1, "end": 7})]),
        ],
    ),
)
NAMED = (
    _cluster(
        "names",
        "Admin",
        40,
        egress=[
            _to("Accept", {"domainNames": ["example.com", "*.example.org"]}),
            _to("Deny", {"networks": ["0.0.0.0/0"]}),
        ],
    ),
)
ADDRESSES = {
    "example.com": ("198.18.0.1",),
    "myexample.com": ("198.18.0.2",),
    "example.org": ("198.18.0.3",),
    "a.example.org": ("198.18.0.4",),
    "b.a.example.org": ("198.18.0.5",),
    "alias.example.org": ("198.18.0.6",),
}
MOVED = ADDRESSES | {"example.com": ("198.18.0.7",)}
CHANGED_TIERS = (_cluster("b", "Admin", 0, _A_OF_Y, egress=[_to("Deny", _EVERY)]), *TIERS[2:])

SPACES = (_namespace("x"), _namespace("y"), _namespace("z", team="red"), _namespace("kube-system"))
PODS = (
    _pod("x", "a", "10.244.0.2"),
    _pod("x", "b", "10.244.0.3", tier="web"),
    _pod("y", "a", "10.244.0.4"),
    _pod("y", "b", "10.244.0.5"),
    _pod("x", "node", "192.0.2.1"),
    _pod("kube-system", "dns", "10.244.0.9"),
)
LATER = _pod("z", "c", "10.244.0.6")
DONE = _pod("z", "c", "10.244.0.6", phase="Succeeded")
SERVICES = (_service("b"),)
NODES = (
    {
        "kind": "Node",
        "metadata": {"name": "node"},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]},
    },
)


def _without(objects: Sequence[JsonMapping], *names: str) -> list[JsonMapping]:
    return [entry for entry in objects if entry["metadata"]["name"] not in names]


def _snapshot(*groups: Sequence[JsonMapping], node: str = "") -> Snapshot:
    return Snapshot(World.parse([entry for group in groups for entry in group]), node=node)


def _naming(names: Mapping[str, tuple[str, ...]]) -> Snapshot:
    snapshot = _snapshot(SPACES, PODS, NAMED)
    return replace(
        snapshot, world=replace(snapshot.world, domain_names=names), aliases=frozenset({"alias.example.org"})
    )


def _dual(pods: Sequence[JsonMapping]) -> list[JsonMapping]:
    """Return pods with an address of each family, in turn on two nodes."""
    return [
        {
            **pod,
            "spec": {**pod["spec"], "nodeName": f"n{index % 2}"},
            "status": {**pod["status"], "podIPs": [entry, {"ip": f"fd00:10:244::{entry['ip'].split('.')[-1]}"}]},
        }
        for index, pod in enumerate(pods)
        for entry in pod["status"]["podIPs"]
    ]


@pytest.fixture(scope="session")
def history() -> Sequence[Snapshot]:
    """Return states of one cluster, in order."""
    relabelled = [*_without(PODS, "a"), _pod("x", "a", "10.244.0.2", app="new"), _pod("y", "a", "10.244.0.4")]
    recreated = [*_without(PODS, "a"), _pod("x", "a", "10.244.0.12"), _pod("y", "a", "10.244.0.4")]
    updated = [*_without(POLICIES, "narrowed"), _ingress("narrowed", {"ports": [_WEB]}, podSelector=_B)]
    widened = [*_without(POLICIES, "narrowed"), _policy("narrowed", policyTypes=["Egress"])]
    few = _without(POLICIES, "ipv6", "both")
    return [
        _snapshot(SPACES, PODS, SERVICES),
        _snapshot(SPACES, PODS, SERVICES, POLICIES),
        _snapshot([*_without(SPACES, "y"), _namespace("y", team="blue")], PODS, SERVICES, POLICIES),
        _snapshot(SPACES, PODS, SERVICES, POLICIES),
        _snapshot(SPACES, relabelled, SERVICES, POLICIES),
        _snapshot(SPACES, PODS, SERVICES, POLICIES),
        _snapshot(SPACES, _without(PODS, "a"), SERVICES, POLICIES),
        _snapshot(SPACES, recreated, SERVICES, POLICIES),
        _snapshot(SPACES, [*PODS, LATER], SERVICES, POLICIES),
        _snapshot(SPACES, [*PODS, DONE], SERVICES, POLICIES),
        _snapshot(SPACES[:1], PODS, SERVICES, POLICIES),
        _snapshot([SPACES[0], _namespace("y", team="blue")], PODS, SERVICES, POLICIES),
        _snapshot(SPACES, PODS, SERVICES, POLICIES),
        _snapshot(SPACES, PODS, SERVICES, updated),
        _snapshot(SPACES, PODS, SERVICES, widened),
        _snapshot(SPACES, PODS, SERVICES, few),
        _snapshot(SPACES, PODS, SERVICES, _without(POLICIES, "protocols", "empty-item")),
        _snapshot(SPACES, PODS, SERVICES, _without(POLICIES, _LONG_NAME)),
        _snapshot(SPACES, PODS, SERVICES),
        _snapshot(SPACES, PODS, SERVICES, POLICIES),
        _snapshot(SPACES, PODS, SERVICES, TIERS, NODES),
        _snapshot(SPACES, PODS, SERVICES, POLICIES, TIERS, NODES),
        _snapshot(SPACES, PODS, SERVICES, POLICIES, CHANGED_TIERS, NODES),
        _naming(ADDRESSES),
        _naming(MOVED),
        _snapshot(SPACES, _dual(PODS), SERVICES, POLICIES),
        _snapshot(SPACES, _dual(_without(PODS, "a")), SERVICES, POLICIES),
        _snapshot(SPACES, _dual(recreated), SERVICES, POLICIES),
        _snapshot(SPACES, _dual(recreated), SERVICES, POLICIES, node="n0"),
        _snapshot(SPACES, PODS, SERVICES, POLICIES),
    ]
