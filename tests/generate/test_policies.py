from dataclasses import replace
from typing import Any

import pytest

from netpol_harness.generate.axes import (
    PairedPolicy,
    Peer,
    PolicyPair,
    PolicyTypes,
    PortKind,
    RuleCase,
    RuleProtocol,
    SelectorForm,
    SubjectAxis,
    TargetForm,
    every_case,
    every_pair,
)
from netpol_harness.generate.policies import policies
from netpol_harness.generate.topology import workloads
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import Direction, Protocol
from netpol_harness.model.policy import NetworkPolicy, PolicyPort

PLAIN = RuleCase(
    Direction.INGRESS,
    Peer.EVERYBODY,
    PortKind.ANY,
    RuleProtocol.DEFAULT,
    SubjectAxis.ALL,
    SelectorForm.LABELS,
    PolicyTypes.STATED,
    TargetForm.ADDRESS,
)
PREFIX = "198.18.160"
TCP, UDP, SCTP = Protocol.TCP, Protocol.UDP, Protocol.SCTP


def test_everybody_at_any_port_is_an_empty_rule() -> None:
    assert spec(PLAIN) == {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}


def test_egress_has_to() -> None:
    case = replace(PLAIN, direction=Direction.EGRESS, peer=Peer.ALL_PODS)

    assert spec(case)["egress"] == [{"to": [{"podSelector": {}}]}]


def test_without_types_a_policy_with_egress_rules_isolates_both_directions() -> None:
    case = replace(PLAIN, direction=Direction.EGRESS, policy_types=PolicyTypes.DEFAULTED)

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


@pytest.mark.parametrize("selector_form", SelectorForm)
def test_every_form_of_a_selector_selects_the_same_pods_and_namespaces(selector_form: SelectorForm) -> None:
    (rule,) = spec(replace(PLAIN, peer=Peer.SOME_OF_SOME, selector_form=selector_form))["ingress"]
    (peer,) = rule["from"]

    assert {ref[0] for ref in matching("Namespace", peer["namespaceSelector"])} == {"y"}
    assert matching("Pod", peer["podSelector"]) == {("b", "x"), ("b", "y"), ("b", "z")}


@pytest.mark.parametrize("subject", [SubjectAxis.LABELS, SubjectAxis.EXPRESSION])
def test_both_narrow_subjects_select_the_same_pod(subject: SubjectAxis) -> None:
    selected = matching("Pod", spec(replace(PLAIN, subject=subject))["podSelector"])

    assert {pod for pod in selected if pod[1] == "x"} == {("a", "x")}


def test_no_two_cases_with_the_same_target_have_the_same_policy() -> None:
    cases = [case for case in every_case() if case.target_form is TargetForm.ADDRESS]

    assert len({repr(spec(case)) for case in cases}) == len(cases)


def test_the_policies_of_a_pair_have_different_names() -> None:
    for pair in every_pair():
        found = policies(pair, PREFIX)

        assert [policy["metadata"]["name"] for policy in found.values()] == [pair.first, pair.second]


def test_a_policy_that_denies_all_has_no_rules() -> None:
    found = policies(PolicyPair(Direction.EGRESS, PairedPolicy.DENY_ALL, PairedPolicy.BY_PORT), PREFIX)

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
