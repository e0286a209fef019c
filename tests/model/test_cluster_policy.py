from typing import Any

import pytest

from netpol_harness.model.cluster_policy import (
    UNKNOWN,
    Action,
    ClusterNetworkPolicy,
    ClusterPeer,
    ClusterPort,
    DomainNames,
    NamedPort,
    Networks,
    NodeSelection,
    PodSelection,
    PortRange,
    Tier,
)
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import Direction, Protocol
from netpol_harness.model.nodes import Node
from netpol_harness.model.objects import World

ALL = LabelSelector()
A, B = LabelSelector.equal({"a": "1"}), LabelSelector.equal({"b": "2"})
IS_A, IS_B = {"matchLabels": {"a": "1"}}, {"matchLabels": {"b": "2"}}


def written(**spec: Any) -> dict[str, Any]:
    required = {"tier": "Admin", "priority": 7, "subject": {"namespaces": {}}}
    return {"kind": "ClusterNetworkPolicy", "metadata": {"name": "p"}, "spec": {**required, **spec}}


def policy(**spec: Any) -> ClusterNetworkPolicy:
    return ClusterNetworkPolicy.parse(written(**spec))


def test_a_policy_has_a_tier_a_priority_and_rules_by_direction() -> None:
    rule = {"name": "r", "action": "Pass", "from": [{"namespaces": {}}]}
    parsed = policy(tier="Baseline", priority=0, ingress=[rule])
    assert (parsed.name, parsed.tier, parsed.priority) == ("p", Tier.BASELINE, 0)
    assert [(r.name, r.action) for r in parsed.rules(Direction.INGRESS)] == [("r", Action.PASS)]
    assert parsed.rules(Direction.EGRESS) == policy(egress=[]).egress == ()


@pytest.mark.parametrize(
    ("subject", "selection"),
    [
        ({"namespaces": {}}, PodSelection(ALL, ALL)),
        ({"namespaces": IS_A}, PodSelection(A, ALL)),
        ({"pods": {"podSelector": IS_B}}, PodSelection(ALL, B)),
        ({"pods": {"namespaceSelector": IS_A, "podSelector": IS_B}}, PodSelection(A, B)),
    ],
)
def test_subjects_and_peers_select_pods_by_both_selectors(subject: dict[str, Any], selection: PodSelection) -> None:
    assert policy(subject=subject).subject == selection
    for field, key in (("ingress", "from"), ("egress", "to")):
        (rule,) = policy(**{field: [{"action": "Deny", key: [subject]}]}).rules(Direction(field.capitalize()))
        assert rule.peers == (selection,)


def test_a_selection_needs_both_selectors() -> None:
    selection = PodSelection(A, B)
    assert selection.selects({"a": "1"}, {"b": "2"})
    assert not selection.selects({"a": "1"}, {"b": "1"})
    assert not selection.selects({}, {"b": "2"})


@pytest.mark.parametrize(
    ("peer", "read"),
    [
        ({"nodes": IS_A}, NodeSelection(A)),
        ({"nodes": {}}, NodeSelection(ALL)),
        ({"domainNames": ["*.Example.com", "a.example.org."]}, DomainNames(("*.example.com", "a.example.org"))),
        ({}, UNKNOWN),
        (None, UNKNOWN),
        ({"serviceAccounts": {}}, UNKNOWN),
    ],
)
def test_an_egress_peer_has_more_fields_than_an_ingress_peer(peer: Any, read: ClusterPeer) -> None:
    (egress,) = policy(egress=[{"action": "Accept", "to": [peer]}]).egress
    (ingress,) = policy(ingress=[{"action": "Accept", "from": [peer]}]).ingress
    assert (egress.peers, ingress.peers) == ((read,), (UNKNOWN,))
    assert egress.has_unknown_parts is (read is UNKNOWN)
    assert ingress.has_unknown_parts


def test_networks_are_read_as_blocks() -> None:
    (rule,) = policy(egress=[{"action": "Accept", "to": [{"networks": ["10.0.0.0/8", "fd00::/8"]}]}]).egress
    (peer,) = rule.peers
    assert isinstance(peer, Networks)
    assert [*map(str, peer.blocks)] == ["10.0.0.0/8", "fd00::/8"]


@pytest.mark.parametrize(
    ("protocol", "read"),
    [
        ({"tcp": {"destinationPort": {"number": 80}}}, PortRange(Protocol.TCP, 80, 80)),
        ({"udp": {"destinationPort": {"range": {"start": 1, "end": 9}}}}, PortRange(Protocol.UDP, 1, 9)),
        ({"sctp": {"destinationPort": {"number": 9}}}, PortRange(Protocol.SCTP, 9, 9)),
        ({"destinationNamedPort": "web"}, NamedPort("web")),
        ({}, UNKNOWN),
        ({"tcp": {}}, UNKNOWN),
        ({"tcp": {"destinationPort": {}}}, UNKNOWN),
        ({"icmp": {"type": 8}}, UNKNOWN),
    ],
)
def test_a_protocol_is_a_range_of_ports_a_name_or_unknown(protocol: Any, read: ClusterPort) -> None:
    (rule,) = policy(ingress=[{"action": "Deny", "from": [{"namespaces": {}}], "protocols": [protocol]}]).ingress
    assert rule.ports == (read,)
    assert rule.has_unknown_parts is (read is UNKNOWN)


def test_absent_protocols_mean_all_traffic_and_absent_peers_are_unknown() -> None:
    (all_traffic,) = policy(ingress=[{"action": "Deny", "from": [{"namespaces": {}}]}]).ingress
    assert (all_traffic.ports, all_traffic.has_unknown_parts) == (None, False)
    (nobody,) = policy(ingress=[{"action": "Deny"}]).ingress
    assert nobody.has_unknown_parts


def test_a_world_holds_policies_of_administrators_and_nodes() -> None:
    addresses = [{"type": "Hostname", "address": "n1"}, {"type": "InternalIP", "address": "192.0.2.1"}] * 2
    node = {"kind": "Node", "metadata": {"name": "n1", "labels": {"a": "1"}}, "status": {"addresses": addresses}}
    world = World.parse([written(), node])
    assert world.cluster_policies == (policy(),)
    assert world.nodes == {"n1": Node("n1", {"a": "1"}, ("192.0.2.1",))}
