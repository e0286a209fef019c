"""Tiers, priorities and actions of ClusterNetworkPolicy, rule by rule. The whole is compared in ``tests/laws``."""

from dataclasses import replace
from typing import Any

import pytest

from netpol_harness.model.cluster_policy import Action, Tier
from netpol_harness.model.names import Direction, NamespacedName, Port, Protocol
from netpol_harness.model.objects import World
from netpol_harness.oracle.judge import Oracle
from netpol_harness.oracle.points import SPECIFICATION, Decision, OpenPoint, Profile
from netpol_harness.oracle.verdict import Answer, Flow, FlowEnd, Host, Ruling, Side, Stage

Dict = dict[str, Any]
ALLOWED, BLOCKED, UNDEFINED = Answer.ALLOWED, Answer.BLOCKED, Answer.UNDEFINED
WEB = Port(Protocol.TCP, 80)
A, B, C, HOSTED = (NamespacedName("x", name) for name in ("a", "b", "c", "hosted"))
ALL: Dict = {"namespaces": {}}
NODE = Host("192.0.2.1", node=True)
OUTSIDE = Host("203.0.113.1")
SERVICE = NamespacedName("x", "s")


def pod(name: str, address: str, *, hosted: bool = False) -> Dict:
    ports = [{"containerPort": 80, "name": "web"}, {"containerPort": 53, "name": "dns", "protocol": "UDP"}]
    return {
        "kind": "Pod",
        "metadata": {"namespace": "x", "name": name, "labels": {"pod": name}},
        "spec": {"containers": [{"name": "c", "ports": ports}], "nodeName": "n1", "hostNetwork": hosted},
        "status": {"podIPs": [{"ip": address}]},
    }


PODS = [pod("a", "10.0.0.1"), pod("b", "10.0.0.2"), pod("c", "10.0.0.3"), pod("hosted", "192.0.2.1", hosted=True)]
NODES = [
    {
        "kind": "Node",
        "metadata": {"name": "n1", "labels": {"zone": "one"}},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]},
    }
]
NAMES = {"example.com": ("203.0.113.1",), "www.example.com": ("203.0.113.2",)}


def only(name: str) -> Dict:
    return {"pods": {"podSelector": {"matchLabels": {"pod": name}}}}


def tier(name: str, priority: int = 5, *, of: str = "Admin", subject: Dict = ALL, **rules: Any) -> Dict:
    spec = {"tier": of, "priority": priority, "subject": subject, **rules}
    return {"kind": "ClusterNetworkPolicy", "metadata": {"name": name}, "spec": spec}


def own(subject: str, **spec: Any) -> Dict:
    metadata = {"namespace": "x", "name": f"own-{subject}"}
    labels = {"matchLabels": {"pod": subject}}
    return {"kind": "NetworkPolicy", "metadata": metadata, "spec": {"podSelector": labels, **spec}}


def rule(action: str, *peers: Dict, **fields: Any) -> Dict:
    return {"action": action, "from": [*peers], **fields}


def to(action: str, *peers: Dict, **fields: Any) -> Dict:
    return {"action": action, "to": [*peers], **fields}


def oracle(*policies: Dict, **decided: Decision) -> Oracle:
    world = replace(World.parse([*PODS, *NODES, *policies]), domain_names=NAMES)
    points = {OpenPoint[name]: decision for name, decision in decided.items()}
    return Oracle(world, Profile("drawn", points) if points else SPECIFICATION)


def ingress(judge: Oracle, source: FlowEnd = A, port: Port = WEB) -> Side:
    return judge.judge(Flow(source, B, port)).ingress


def egress(judge: Oracle, target: FlowEnd, port: Port = WEB, name: str = "") -> Answer:
    return judge.judge(Flow(A, target, port, name=name)).egress.answer


def test_a_ruling_names_policy_tier_priority_rule_and_entries() -> None:
    ports = [{"udp": {"destinationPort": {"number": 80}}}, {"tcp": {"destinationPort": {"number": 80}}}]
    rules = [rule("Accept", only("c")), rule("Deny", only("c"), only("a"), name="no", protocols=ports)]
    side = ingress(oracle(tier("p", 7, ingress=rules), own("b", ingress=[{}])))
    assert side.rulings == (Ruling("p", Tier.ADMIN, 7, 1, Action.DENY, "no", 1, 1),)
    assert (side.answer, side.stages, side.isolating) == (BLOCKED, frozenset({Stage.ADMIN}), ())
    assert side.bypassed == (NamespacedName("x", "own-b"),)


@pytest.mark.parametrize(
    ("policies", "answer", "stage"),
    [
        ([], ALLOWED, Stage.DEFAULT),
        ([tier("p")], ALLOWED, Stage.DEFAULT),
        ([tier("p", egress=[to("Deny", ALL)])], ALLOWED, Stage.DEFAULT),
        ([tier("p", ingress=[rule("Deny", only("c"))])], ALLOWED, Stage.DEFAULT),
        ([tier("p", ingress=[rule("Deny", ALL)], subject=only("c"))], ALLOWED, Stage.DEFAULT),
        ([tier("p", ingress=[rule("Accept", ALL), rule("Deny", ALL)])], ALLOWED, Stage.ADMIN),
        (
            [tier("p", 9, ingress=[rule("Accept", ALL)]), tier("q", 8, ingress=[rule("Deny", ALL)])],
            BLOCKED,
            Stage.ADMIN,
        ),
        (
            [tier("p", 0, ingress=[rule("Deny", ALL)]), tier("q", 1000, ingress=[rule("Accept", ALL)])],
            BLOCKED,
            Stage.ADMIN,
        ),
        (
            [tier("p", 1, ingress=[rule("Pass", ALL)]), tier("q", 2, ingress=[rule("Deny", ALL)])],
            ALLOWED,
            Stage.DEFAULT,
        ),
        (
            [tier("p", 9, ingress=[rule("Pass", ALL)]), tier("q", of="Baseline", ingress=[rule("Deny", ALL)])],
            BLOCKED,
            Stage.BASELINE,
        ),
        (
            [tier("p", of="Baseline", ingress=[rule("Deny", ALL)]), own("b", ingress=[{}])],
            ALLOWED,
            Stage.NETWORK_POLICY,
        ),
        ([tier("p", of="Baseline", ingress=[rule("Accept", ALL)]), own("b")], BLOCKED, Stage.NETWORK_POLICY),
        ([tier("p", of="Baseline", ingress=[rule("Pass", ALL)])], ALLOWED, Stage.DEFAULT),
        ([tier("p", ingress=[rule("Accept", ALL)]), own("b")], ALLOWED, Stage.ADMIN),
    ],
)
def test_the_first_rule_of_the_first_policy_of_the_first_tier_decides(
    policies: list[Dict], answer: Answer, stage: Stage
) -> None:
    side = ingress(oracle(*policies))
    assert (side.answer, side.stages) == (answer, frozenset({stage}))


def test_ties_are_open_only_where_the_policies_that_match_differ() -> None:
    deny, accept = rule("Deny", only("a")), rule("Accept", only("a"), only("c"))
    tied = (tier("q", ingress=[deny]), tier("p", ingress=[accept]))
    side = ingress(oracle(*tied))
    assert (side.answer, side.points) == (UNDEFINED, frozenset({OpenPoint.ADMIN_TIERS}))
    assert [ruling.policy for ruling in side.rulings] == ["p", "q"]
    assert ingress(oracle(*tied), C).answer is ALLOWED
    assert ingress(oracle(*tied, ADMIN_TIERS=Decision.YES)).answer is ALLOWED
    above = tier("above", 4, ingress=[rule("Deny", ALL)])
    assert ingress(oracle(*tied, above)).answer is BLOCKED
    same = (tier("p", ingress=[deny]), tier("q", ingress=[deny]))
    assert ingress(oracle(*same)).answer is BLOCKED


@pytest.mark.parametrize("peer", [{}, {"serviceAccounts": {}}, {"networks": ["10.0.0.0/8"]}])
@pytest.mark.parametrize(("action", "answer"), [("Accept", ALLOWED), ("Deny", BLOCKED), ("Pass", BLOCKED)])
def test_what_is_not_known_fails_closed(peer: Dict, action: str, answer: Answer) -> None:
    policy = tier("p", ingress=[rule(action, only("c"), peer)])
    side = ingress(oracle(policy))
    assert side.answer is answer
    assert [ruling.fails_closed for ruling in side.rulings] == ([] if action == "Accept" else [True])
    strange = tier("p", ingress=[rule(action, only("c"), protocols=[{"icmp": {}}])])
    assert ingress(oracle(strange)).answer is answer


def test_pods_on_the_host_network_are_neither_subjects_nor_peers() -> None:
    judge = oracle(tier("p", ingress=[rule("Deny", ALL)], egress=[to("Deny", ALL)]))
    assert ingress(judge, HOSTED).answer is ALLOWED
    assert egress(judge, HOSTED) is ALLOWED
    verdict = judge.judge(Flow(HOSTED, A, WEB))
    assert verdict.egress.answer is ALLOWED
    assert ingress(judge, OUTSIDE).answer is ALLOWED


def test_a_pod_reaches_itself_by_its_own_address_and_through_a_service_it_is_open() -> None:
    policy = tier("p", ingress=[rule("Deny", ALL)], egress=[to("Deny", ALL)])
    assert oracle(policy).judge(Flow(A, A, WEB)).answer is ALLOWED
    through = Flow(A, A, WEB, SERVICE)
    assert oracle(policy).judge(through).points == {OpenPoint.TIER_HAIRPIN}
    assert oracle(policy, TIER_HAIRPIN=Decision.YES).judge(through).answer is BLOCKED
    assert oracle(policy, TIER_HAIRPIN=Decision.NO).judge(through).answer is ALLOWED


def test_a_node_reaches_its_own_pods_unless_a_rule_fails_closed() -> None:
    assert ingress(oracle(tier("p", ingress=[rule("Deny", ALL)])), NODE).answer is ALLOWED
    closed = tier("p", ingress=[rule("Deny", {})])
    assert ingress(oracle(closed), HOSTED).points == {OpenPoint.NODE_TO_OWN_POD}
    assert ingress(oracle(closed, NODE_TO_OWN_POD=Decision.YES), HOSTED).answer is ALLOWED
    assert ingress(oracle(closed, NODE_TO_OWN_POD=Decision.NO), HOSTED).answer is BLOCKED


@pytest.mark.parametrize(
    ("peer", "blocked"),
    [
        ({"networks": ["10.0.0.0/30"]}, {B}),
        ({"networks": ["0.0.0.0/0"]}, {B, OUTSIDE, NODE, HOSTED}),
        ({"networks": ["fd00::/8"]}, set()),
        ({"networks": ["203.0.113.0/24", "192.0.2.0/24"]}, {OUTSIDE, NODE, HOSTED}),
        ({"nodes": {}}, {NODE, HOSTED}),
        ({"nodes": {"matchLabels": {"zone": "one"}}}, {NODE, HOSTED}),
        ({"nodes": {"matchLabels": {"zone": "two"}}}, set()),
    ],
)
def test_peers_of_egress_rules_are_addresses_too(peer: Dict, blocked: set[FlowEnd]) -> None:
    judge = oracle(tier("p", egress=[to("Deny", peer)]))
    ends: tuple[FlowEnd, ...] = (B, OUTSIDE, NODE, HOSTED)
    assert {end for end in ends if egress(judge, end) is BLOCKED} == blocked


def test_nodes_that_the_plugin_does_not_support_fail_closed() -> None:
    policy = tier("p", egress=[to("Deny", {"nodes": {}})])
    assert egress(oracle(policy, NODE_PEERS=Decision.NO), B) is BLOCKED
    assert egress(oracle(policy), B) is ALLOWED
    accept = (tier("p", egress=[to("Accept", {"nodes": {}})]), tier("q", 6, egress=[to("Deny", {"nodes": {}})]))
    assert egress(oracle(*accept, NODE_PEERS=Decision.NO), NODE) is BLOCKED


@pytest.mark.parametrize(
    ("pattern", "name", "answer"),
    [
        ("example.com", "example.com", ALLOWED),
        ("example.com", "", UNDEFINED),
        ("*.example.com", "example.com", BLOCKED),
        ("other.org", "example.com", BLOCKED),
    ],
)
def test_domain_names_accept_addresses_that_the_pod_has_looked_up(pattern: str, name: str, answer: Answer) -> None:
    rules = [to("Accept", {"domainNames": [pattern]}), to("Deny", {"networks": ["0.0.0.0/0"]})]
    assert egress(oracle(tier("p", egress=rules)), OUTSIDE, name=name) is answer


@pytest.mark.parametrize(("name", "answer"), [("example.com", ALLOWED), ("", UNDEFINED), ("other.org", UNDEFINED)])
def test_a_host_whose_address_is_not_known_has_the_name_that_was_looked_up(name: str, answer: Answer) -> None:
    rules = [to("Accept", {"domainNames": ["example.com"]}), to("Deny", {"networks": ["0.0.0.0/0", "::/0"]})]
    assert egress(oracle(tier("p", egress=rules)), Host(), name=name) is answer


def test_domain_names_are_for_accept_rules_of_the_admin_tier() -> None:
    peer = {"domainNames": ["example.com"]}
    for of, action in (("Admin", "Deny"), ("Admin", "Pass")):
        assert egress(oracle(tier("p", of=of, egress=[to(action, peer)])), OUTSIDE) is UNDEFINED
    accepts = tier("p", of="Baseline", egress=[to("Accept", peer), to("Deny", {"networks": ["0.0.0.0/0"]})])
    assert egress(oracle(accepts), OUTSIDE, name="example.com") is UNDEFINED


@pytest.mark.parametrize(
    ("entry", "blocked"),
    [
        ({"tcp": {"destinationPort": {"range": {"start": 79, "end": 80}}}}, {"80/TCP"}),
        ({"destinationNamedPort": "web"}, {"80/TCP"}),
        ({"destinationNamedPort": "dns"}, {"53/UDP"}),
        ({"udp": {"destinationPort": {"number": 80}}}, {"80/UDP"}),
    ],
)
def test_protocols_match_ports_and_names_of_the_destination_and_never_icmp(entry: Dict, blocked: set[str]) -> None:
    ports = [WEB, Port(Protocol.UDP, 80), Port(Protocol.UDP, 53), Port(Protocol.TCP, 81), Port(Protocol.ICMP, 0)]
    judge = oracle(
        tier("p", ingress=[rule("Deny", ALL, protocols=[entry])], egress=[to("Deny", ALL, protocols=[entry])])
    )
    assert {str(port) for port in ports if ingress(judge, A, port).answer is BLOCKED} == blocked
    assert {str(port) for port in ports if egress(judge, B, port) is BLOCKED} == blocked
    everything = oracle(tier("p", ingress=[rule("Deny", ALL)]))
    assert ingress(everything, A, Port(Protocol.ICMP, 0)).answer is BLOCKED


def test_a_policy_of_the_other_direction_leaves_the_baseline_open() -> None:
    policies = (tier("p", of="Baseline", ingress=[rule("Deny", ALL)]), own("b", policyTypes=["Egress"], egress=[{}]))
    side = ingress(oracle(*policies))
    assert (side.answer, side.points) == (UNDEFINED, frozenset({OpenPoint.OTHER_DIRECTION}))
    assert ingress(oracle(*policies, OTHER_DIRECTION=Decision.YES)).answer is ALLOWED
    assert ingress(oracle(*policies, OTHER_DIRECTION=Decision.NO)).answer is BLOCKED


def test_without_an_implementation_nothing_is_blocked() -> None:
    judge = oracle(tier("p", ingress=[rule("Deny", ALL)]), NO_IMPLEMENTATION=Decision.YES)
    assert ingress(judge).answer is ALLOWED
    assert [*judge.table([WEB]).destinations(A, WEB, BLOCKED)] == []
    assert ingress(judge).direction is Direction.INGRESS
