"""The reasons of refusals, by example; the laws check them for any policies."""

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest

from netpol_harness.model.labels import Operator, Requirement
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import World
from netpol_harness.oracle.judge import Oracle
from netpol_harness.oracle.mismatch import (
    DecidedAgainst,
    InsideExcept,
    NamespaceLabelMismatch,
    NotAPod,
    OtherNamespace,
    OtherVersion,
    OutsideBlock,
    PeerReason,
    PodLabelMismatch,
    PortField,
    PortMismatch,
    PortReason,
)
from netpol_harness.oracle.points import SPECIFICATION, Decision, OpenPoint, Profile
from netpol_harness.oracle.verdict import Flow, FlowEnd, Host, Refusal, Side

Build = Callable[..., World]
A, Y = NamespacedName("x", "a"), NamespacedName("y", "a")
HOST = Host("203.0.113.1")
WEB = Port(Protocol.TCP, 80)
NEGATIVE = Profile("negative", dict.fromkeys(OpenPoint, Decision.NO))


def ingress(world: Build, rule: dict[str, Any], source: FlowEnd, port: Port, profile: Profile = SPECIFICATION) -> Side:
    """The ingress side of a flow to pod a, under one policy with one rule."""
    spec = {"podSelector": {"matchLabels": {"pod": "a"}}, "ingress": [rule]}
    return Oracle(world(spec), profile).judge(Flow(source, A, port)).ingress


def test_a_block_of_the_other_ip_version_does_not_match(world: Build) -> None:
    spec = {"podSelector": {"matchLabels": {"pod": "a"}}, "ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]}
    ipv4, ipv6 = (Oracle(world(spec)).judge(Flow(HOST, A, WEB, version=version)).ingress for version in (4, 6))
    assert (len(ipv4.admissions), ipv4.refusals) == (1, ())
    assert ipv6.admissions == ()
    assert [refusal.peers for refusal in ipv6.refusals] == [((OtherVersion(ip_network("0.0.0.0/0"), 6),),)]


@pytest.mark.parametrize(
    ("peer", "source", "reasons"),
    [
        ({"podSelector": {}}, HOST, [NotAPod()]),
        ({"podSelector": {}}, Y, [OtherNamespace("y")]),
        (
            {"namespaceSelector": {"matchLabels": {"ns": "z"}}, "podSelector": {"matchLabels": {"tier": "web"}}},
            Y,
            [
                NamespaceLabelMismatch("y", Requirement("ns", Operator.IN, frozenset({"z"})), "y"),
                PodLabelMismatch(Requirement("tier", Operator.IN, frozenset({"web"})), None),
            ],
        ),
        ({"ipBlock": {"cidr": "10.0.0.0/8"}}, HOST, [OutsideBlock("203.0.113.1", ip_network("10.0.0.0/8"))]),
        (
            {"ipBlock": {"cidr": "203.0.113.0/24", "except": ["203.0.113.0/25"]}},
            HOST,
            [InsideExcept("203.0.113.1", ip_network("203.0.113.0/25"))],
        ),
    ],
)
def test_every_reason_of_a_peer_is_given(
    world: Build, peer: dict[str, Any], source: FlowEnd, reasons: list[PeerReason]
) -> None:
    side = ingress(world, {"from": [peer]}, source, WEB)
    assert side.admissions == ()
    assert side.refusals == (Refusal(NamespacedName("x", "p0"), 0, peers=(tuple(reasons),)),)


@pytest.mark.parametrize(
    ("port", "entry", "reason"),
    [
        (WEB, {"protocol": "UDP", "port": 80}, PortMismatch(PortField.PROTOCOL)),
        (WEB, {"port": 81, "endPort": 90}, PortMismatch(PortField.NUMBER)),
        (WEB, {"port": "dns"}, PortMismatch(PortField.NAME)),
        (Port(Protocol.UDP, 80), {"protocol": "UDP", "port": "dns"}, PortMismatch(PortField.NAME, (53,))),
    ],
)
def test_the_field_of_a_port_is_given(world: Build, port: Port, entry: dict[str, Any], reason: PortReason) -> None:
    (refusal,) = ingress(world, {"ports": [entry]}, Y, port).refusals
    assert (refusal.peers, refusal.ports) == ((), (reason,))


@pytest.mark.parametrize(
    ("rule", "port", "point"),
    [
        ({"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}, WEB, OpenPoint.IP_BLOCK_OF_PODS),
        ({}, Port(Protocol.ICMP, 0), OpenPoint.OTHER_PROTOCOLS),
        ({"ports": [{"protocol": "SCTP"}]}, Port(Protocol.SCTP, 80), OpenPoint.OPTIONAL_FEATURES),
        ({"ports": [{"port": 79, "endPort": 81}]}, WEB, OpenPoint.OPTIONAL_FEATURES),
    ],
)
def test_the_decision_of_a_profile_is_a_reason(
    world: Build, rule: dict[str, Any], port: Port, point: OpenPoint
) -> None:
    (refusal,) = ingress(world, rule, Y, port, NEGATIVE).refusals
    assert (*(reason for reasons in refusal.peers for reason in reasons), *refusal.ports) == (
        DecidedAgainst(frozenset({point})),
    )


def test_a_port_whose_name_does_not_match_is_refused_by_the_api_text_also_for_sctp(world: Build) -> None:
    rule = {"ports": [{"protocol": "SCTP", "port": "web"}]}
    (refusal,) = ingress(world, rule, Y, Port(Protocol.SCTP, 80), NEGATIVE).refusals
    assert refusal.ports == (PortMismatch(PortField.NAME),)


def test_a_rule_with_an_entry_that_matches_has_no_reasons_for_that_list(world: Build) -> None:
    rule = {"from": [{"podSelector": {}}, {"namespaceSelector": {}}], "ports": [{"port": 1}, {"port": 2}]}
    (refusal,) = ingress(world, rule, Y, WEB).refusals
    assert refusal.peers == ()
    assert refusal.ports == (PortMismatch(PortField.NUMBER), PortMismatch(PortField.NUMBER))


def test_rules_that_may_admit_are_not_refused(world: Build) -> None:
    side = ingress(world, {"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}, Y, WEB)
    assert [admission.points for admission in side.admissions] == [frozenset({OpenPoint.IP_BLOCK_OF_PODS})]
    assert side.refusals == ()
