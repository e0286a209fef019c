from dataclasses import replace
from typing import Any

import pytest

from netpol_harness.generate.axes import (
    Meeting,
    Peer,
    PortKind,
    RuleCase,
    RuleProtocol,
    Spelling,
    Stance,
    SubjectAxis,
    Types,
    Way,
    every_case,
    every_meeting,
)
from netpol_harness.generate.policies import policies
from netpol_harness.generate.surroundings import workloads
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import Direction, Protocol
from netpol_harness.model.policy import NetworkPolicy, PolicyPort

PLAIN = RuleCase(
    Direction.INGRESS,
    Peer.EVERYBODY,
    PortKind.ANY,
    RuleProtocol.DEFAULT,
    SubjectAxis.ALL,
    Spelling.LABELS,
    Types.STATED,
    Way.ADDRESS,
)
PREFIX = "198.18.160"
TCP, UDP, SCTP = Protocol.TCP, Protocol.UDP, Protocol.SCTP


def test_everybody_at_any_port_is_an_empty_rule() -> None:
    assert spec(PLAIN) == {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}


def test_egress_speaks_of_to() -> None:
    case = replace(PLAIN, direction=Direction.EGRESS, peer=Peer.ALL_PODS)

    assert spec(case)["egress"] == [{"to": [{"podSelector": {}}]}]


def test_types_left_out_isolate_both_directions_of_a_policy_with_egress_rules() -> None:
    case = replace(PLAIN, direction=Direction.EGRESS, types=Types.DEFAULTED)

    assert parsed(case).directions == frozenset(Direction)


@pytest.mark.parametrize(
    ("port", "protocol", "expected"),
    [
        (PortKind.ANY, RuleProtocol.DEFAULT, None),
        (PortKind.ANY, RuleProtocol.UDP, (PolicyPort(UDP),)),
        (PortKind.NUMBER, RuleProtocol.DEFAULT, (PolicyPort(TCP, 80),)),
        (PortKind.NUMBER, RuleProtocol.SCTP, (PolicyPort(SCTP, 80),)),
        (PortKind.NAME, RuleProtocol.DEFAULT, (PolicyPort(TCP, "serve-81-tcp"),)),
        (PortKind.NAME, RuleProtocol.UDP, (PolicyPort(UDP, "serve-81-udp"),)),
        (PortKind.RANGE, RuleProtocol.TCP, (PolicyPort(TCP, 53, 80),)),
        (PortKind.TWO, RuleProtocol.TCP, (PolicyPort(TCP, 80), PolicyPort(TCP, "serve-81-udp"))),
        (PortKind.TWO, RuleProtocol.UDP, (PolicyPort(UDP, 80), PolicyPort(UDP, "serve-81-tcp"))),
    ],
)
def test_ports(port: PortKind, protocol: RuleProtocol, expected: object) -> None:
    (rule,) = parsed(replace(PLAIN, port=port, protocol=protocol)).ingress

    assert rule.ports == expected


@pytest.mark.parametrize("spelling", Spelling)
def test_every_spelling_chooses_the_same_pods_and_namespaces(spelling: Spelling) -> None:
    (rule,) = spec(replace(PLAIN, peer=Peer.SOME_OF_SOME, spelling=spelling))["ingress"]
    (peer,) = rule["from"]

    assert {ref[0] for ref in matching("Namespace", peer["namespaceSelector"])} == {"y"}
    assert matching("Pod", peer["podSelector"]) == {("b", "x"), ("b", "y"), ("b", "z")}


@pytest.mark.parametrize("subject", [SubjectAxis.LABELS, SubjectAxis.EXPRESSION])
def test_both_narrow_subjects_select_the_same_pod(subject: SubjectAxis) -> None:
    selected = matching("Pod", spec(replace(PLAIN, subject=subject))["podSelector"])

    assert {pod for pod in selected if pod[1] == "x"} == {("a", "x")}


def test_no_two_cases_of_one_way_have_the_same_policy() -> None:
    cases = [case for case in every_case() if case.way is Way.ADDRESS]

    assert len({repr(spec(case)) for case in cases}) == len(cases)


def test_two_policies_that_meet_bear_their_own_names() -> None:
    for meeting in every_meeting():
        found = policies(meeting, PREFIX)

        assert [policy["metadata"]["name"] for policy in found.values()] == [meeting.one, meeting.other]


def test_a_stance_that_denies_has_no_rules() -> None:
    found = policies(Meeting(Direction.EGRESS, Stance.DENY_ALL, Stance.BY_PORT), PREFIX)

    denying = NetworkPolicy.parse(found["deny-all"])
    assert denying.directions == {Direction.EGRESS}
    assert denying.rules(Direction.EGRESS) == ()


def spec(case: RuleCase) -> dict[str, Any]:
    (manifest,) = policies(case, PREFIX).values()
    return dict(manifest["spec"])


def parsed(case: RuleCase) -> NetworkPolicy:
    (manifest,) = policies(case, PREFIX).values()
    return NetworkPolicy.parse(manifest)


def matching(kind: str, selector: dict[str, Any]) -> set[tuple[str, str]]:
    chosen = LabelSelector.parse(selector)
    return {
        (metadata["name"], metadata.get("namespace", ""))
        for manifest in workloads(Direction.INGRESS)
        if manifest["kind"] == kind and chosen.matches((metadata := manifest["metadata"]).get("labels", {}))
    }
