from typing import Any

import pytest

from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import Direction
from netpol_harness.model.policy import IPBlock, NetworkPolicy, PodPeer

ABSENT = object()
IN, OUT = Direction.INGRESS, Direction.EGRESS


def policy(**spec: Any) -> NetworkPolicy:
    fields = {key: value for key, value in spec.items() if value is not ABSENT}
    return NetworkPolicy.parse({"metadata": {"name": "p"}, "spec": {"podSelector": {}, **fields}})


@pytest.mark.parametrize("nothing", [ABSENT, None, []], ids=["absent", "null", "empty"])
@pytest.mark.parametrize(
    ("types", "isolated"),
    [(ABSENT, {IN}), (["Ingress"], {IN}), (["Egress"], {OUT}), (["Ingress", "Egress"], {IN, OUT})],
)
def test_absent_null_and_empty_rules_isolate_and_admit_nothing(
    nothing: Any, types: Any, isolated: set[Direction]
) -> None:
    parsed = policy(policyTypes=types, ingress=nothing, egress=nothing)
    assert parsed.directions == isolated
    assert parsed.ingress == parsed.egress == ()


def test_egress_rules_add_egress_to_the_default_types() -> None:
    assert policy(egress=[{}]).directions == {IN, OUT}
    assert policy(policyTypes=["Ingress"], egress=[{}]).directions == {IN}


@pytest.mark.parametrize("rule", [{}, None, {"from": None, "ports": None}, {"from": [], "ports": []}])
def test_an_empty_rule_admits_every_peer_and_port(rule: Any) -> None:
    (parsed,) = policy(ingress=[rule]).ingress
    assert (parsed.peers, parsed.ports) == (None, None)


def test_a_selector_that_is_absent_differs_from_an_empty_one() -> None:
    (parsed,) = policy(ingress=[{"from": [{"podSelector": {}}, {"namespaceSelector": {}}]}]).ingress
    everything = LabelSelector()
    assert parsed.peers == (PodPeer(None, everything), PodPeer(everything, None))


def test_ip_blocks_and_ports() -> None:
    rule = {
        "to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}],
        "ports": [{}, {"protocol": "UDP", "port": 53}, {"port": "web"}, {"port": 8000, "endPort": 8999}],
    }
    (parsed,) = policy(egress=[rule]).egress
    assert parsed.peers is not None
    assert parsed.ports is not None
    (block,) = parsed.peers
    assert isinstance(block, IPBlock)
    assert [str(block.cidr), *map(str, block.excepts)] == ["10.0.0.0/8", "10.1.0.0/16"]
    assert [(p.protocol, p.port, p.end_port) for p in parsed.ports] == [
        ("TCP", None, None),
        ("UDP", 53, None),
        ("TCP", "web", None),
        ("TCP", 8000, 8999),
    ]


def test_rules_of_one_direction_are_replaced() -> None:
    metadata = {"namespace": "x", "name": "p"}
    policy = NetworkPolicy.parse({"metadata": metadata, "spec": {"ingress": [{}], "egress": [{}, {}]}})
    assert policy.with_rules(Direction.INGRESS, ()).rules(Direction.INGRESS) == ()
    assert policy.with_rules(Direction.INGRESS, ()).egress == policy.egress
    assert policy.with_rules(Direction.EGRESS, policy.ingress).rules(Direction.EGRESS) == policy.ingress
