"""Behaviours of the oracle by table: what the API text decides, what it leaves open, and how profiles decide it."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.model.names import Direction, NamespacedName, Port, Protocol
from netpol_harness.model.objects import World
from netpol_harness.oracle.judge import Oracle
from netpol_harness.oracle.points import SPECIFICATION, Decision, OpenPoint, Profile
from netpol_harness.oracle.verdict import Admission, Answer, Flow, Host, Side, Stage, Verdict

Build = Callable[..., World]
SOURCES = Path(__file__).parents[2] / "harness"
ALLOWED, BLOCKED, UNDEFINED = Answer.ALLOWED, Answer.BLOCKED, Answer.UNDEFINED
YES, NO = Decision.YES, Decision.NO
BY_POLICIES = frozenset({Stage.NETWORK_POLICY})
IN: dict[str, Any] = {"policyTypes": ["Ingress"]}
OUT: dict[str, Any] = {"policyTypes": ["Egress"]}


def flow(path: str, *, via: str = "", virtual: str = "") -> Flow:
    """A flow written ``SOURCE > DESTINATION NUMBER/PROTOCOL``.

    An end is a pod, an address, ``node:ADDRESS``, or ``node-of:POD``.
    """
    ends, _, port = path.rpartition(" ")
    source, _, destination = ends.partition(" > ")
    number, _, protocol = port.partition("/")
    through = NamespacedName("x", via) if via else None
    return Flow(end(source), end(destination), Port(Protocol(protocol or "TCP"), int(number)), through, virtual)


def end(text: str) -> NamespacedName | Host:
    if text.startswith("node-of:"):
        return Host(node=True, runs=NamespacedName(*text.removeprefix("node-of:").split("/")))
    if "/" in text:
        return NamespacedName(*text.split("/"))
    return Host(text.removeprefix("node:").removeprefix("?"), node=text.startswith("node:"))


def judge(world: World, path: str, decided: dict[OpenPoint, Decision] | None = None, **by: str) -> Verdict:
    profile = Profile("test", decided) if decided else SPECIFICATION
    return Oracle(world, profile).judge(flow(path, **by))


@pytest.mark.parametrize(
    ("specs", "path", "answer"),
    [
        ([], "y/a > x/a 80", ALLOWED),
        ([IN], "y/a > x/a 80", BLOCKED),
        ([IN], "x/a > y/a 80", ALLOWED),
        ([OUT], "x/a > y/a 80", BLOCKED),
        ([OUT], "y/a > x/a 80", ALLOWED),
        ([IN], "203.0.113.1 > x/a 80", BLOCKED),
        ([IN], "x/a > x/a 80", ALLOWED),
        ([IN, OUT], "x/a > x/a 80", ALLOWED),
        ([IN | {"ingress": [{}]}], "203.0.113.1 > x/a 9/SCTP", ALLOWED),
        ([IN | {"ingress": [{"from": [{"podSelector": {}}]}]}], "y/a > x/a 80", BLOCKED),
        ([IN | {"ingress": [{"from": [{"podSelector": {}}]}]}], "x/b > x/a 80", ALLOWED),
        ([IN | {"ingress": [{"from": [{"namespaceSelector": {}}]}]}], "y/a > x/a 80", ALLOWED),
        ([IN | {"ingress": [{"from": [{"namespaceSelector": {}}]}]}], "203.0.113.1 > x/a 80", BLOCKED),
        (
            [IN | {"ingress": [{"from": [{"ipBlock": {"cidr": "203.0.113.0/24"}}], "ports": [{"port": 80}]}]}],
            "203.0.113.1 > x/a 80",
            ALLOWED,
        ),
        (
            [IN | {"ingress": [{"from": [{"ipBlock": {"cidr": "203.0.113.0/24", "except": ["203.0.113.0/25"]}}]}]}],
            "203.0.113.1 > x/a 80",
            BLOCKED,
        ),
        ([IN | {"ingress": [{"ports": [{"port": "web"}]}]}], "y/a > x/a 80", ALLOWED),
        ([IN | {"ingress": [{"ports": [{"port": "dns"}]}]}], "y/a > x/a 53/UDP", BLOCKED),
        ([OUT | {"egress": [{"ports": [{"port": "dns", "protocol": "UDP"}]}]}], "x/a > y/a 53/UDP", ALLOWED),
        ([IN | {"ingress": [{"ports": [{"port": 79, "endPort": 81}]}]}], "y/a > x/a 81", ALLOWED),
        ([IN | {"ingress": [{"ports": [{"port": 79, "endPort": 81}]}]}], "y/a > x/a 82", BLOCKED),
        ([IN | {"ingress": [{"ports": [{}]}]}], "y/a > x/a 1", ALLOWED),
        ([IN | {"ingress": [{"ports": [{}]}]}], "y/a > x/a 1/UDP", BLOCKED),
        ([IN, IN | {"ingress": [{}]}], "y/a > x/a 80", ALLOWED),
        ([IN | {"ingress": [{"ports": [{"port": "web"}]}]}], "y/a > x/far 80", ALLOWED),
    ],
)
def test_the_api_text_decides(world: Build, specs: list[dict[str, Any]], path: str, answer: Answer) -> None:
    verdict = judge(world(*specs), path)
    assert (verdict.answer, verdict.points) == (answer, frozenset())


TO_PODS = OUT | {"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}
FROM_ANY = IN | {"ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]}
TO_VIRTUAL = OUT | {"egress": [{"to": [{"ipBlock": {"cidr": "10.96.0.0/16"}}]}]}
TO_NAME = OUT | {"egress": [{"ports": [{"port": "web"}]}]}
FROM_X = IN | {"ingress": [{"from": [{"podSelector": {}}]}]}
TO_X = OUT | {"egress": [{"to": [{"podSelector": {}}]}]}
RANGE = IN | {"ingress": [{"ports": [{"port": 79, "endPort": 81}]}]}
SCTP = IN | {"ingress": [{"ports": [{"protocol": "SCTP"}]}]}


@pytest.mark.parametrize(
    ("point", "spec", "path", "via", "yes", "no"),
    [
        (OpenPoint.IP_BLOCK_OF_PODS, TO_PODS, "x/a > y/a 80", {}, ALLOWED, BLOCKED),
        (OpenPoint.IP_BLOCK_OF_PODS, FROM_ANY, "y/a > x/a 80", {}, ALLOWED, BLOCKED),
        (OpenPoint.IP_BLOCK_OF_PODS, FROM_ANY, "x/unknown > x/a 80", {}, ALLOWED, BLOCKED),
        (OpenPoint.TRANSLATION, TO_VIRTUAL, "x/b > x/a 80", {"via": "a", "virtual": "10.96.0.1"}, ALLOWED, BLOCKED),
        (OpenPoint.TRANSLATION, TO_VIRTUAL, "x/b > x/a 80", {"via": "a"}, ALLOWED, BLOCKED),
        (OpenPoint.OTHER_PROTOCOLS, IN | {"ingress": [{}]}, "y/a > x/a 0/ICMP", {}, ALLOWED, BLOCKED),
        (OpenPoint.OTHER_PROTOCOLS, IN, "y/a > x/a 0/ICMP", {}, BLOCKED, BLOCKED),
        (OpenPoint.OWN_NODE, OUT, "x/a > x/host 80", {}, ALLOWED, BLOCKED),
        (OpenPoint.OWN_NODE, OUT, "x/a > node:192.0.2.1 22", {}, ALLOWED, BLOCKED),
        (OpenPoint.HOST_NETWORK, FROM_X, "x/far > x/a 80", {}, ALLOWED, BLOCKED),
        (OpenPoint.HOST_NETWORK, TO_X, "x/a > x/far 80", {}, ALLOWED, BLOCKED),
        (OpenPoint.HOST_NETWORK, IN, "y/a > x/far 80", {}, BLOCKED, ALLOWED),
        (OpenPoint.HAIRPIN, IN, "x/a > x/a 80", {"via": "a"}, ALLOWED, BLOCKED),
        (OpenPoint.NAMED_PORT_OUTSIDE, TO_NAME, "x/a > 203.0.113.1 80", {}, ALLOWED, BLOCKED),
    ],
)
def test_the_api_text_leaves_a_point_open_and_a_profile_decides_it(
    world: Build, point: OpenPoint, spec: dict[str, Any], path: str, via: dict[str, Any], yes: Answer, no: Answer
) -> None:
    verdict = judge(world(spec), path, **via)
    assert (verdict.answer, verdict.points) == (UNDEFINED, frozenset({point}))
    assert judge(world(spec), path, {point: YES}, **via).answer is yes
    assert judge(world(spec), path, {point: NO}, **via).answer is no


FROM_ALL = IN | {"ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]}


@pytest.mark.parametrize(
    ("specs", "path", "answer", "decided", "otherwise"),
    [
        ([], "x/b > x/a 80", ALLOWED, NO, ALLOWED),
        ([IN | {"ingress": [{}]}], "x/b > x/a 80", ALLOWED, NO, ALLOWED),
        ([FROM_ALL], "203.0.113.1 > x/a 80", ALLOWED, NO, ALLOWED),
        ([FROM_X], "x/b > x/a 80", UNDEFINED, NO, ALLOWED),
        ([FROM_X], "x/b > x/a 80", UNDEFINED, YES, UNDEFINED),
        ([FROM_X], "y/a > x/a 80", UNDEFINED, NO, BLOCKED),
        ([IN], "203.0.113.1 > x/a 80", UNDEFINED, NO, BLOCKED),
        ([OUT], "203.0.113.1 > x/a 80", ALLOWED, NO, ALLOWED),
    ],
)
def test_a_node_that_forwards_a_connection_may_take_the_place_of_its_source(
    world: Build, specs: list[dict[str, Any]], path: str, answer: Answer, decided: Decision, otherwise: Answer
) -> None:
    forwarded = replace(flow(path, via="a"), forwarded=True)
    verdict = Oracle(world(*specs)).judge(forwarded)
    assert verdict.answer is answer
    assert (OpenPoint.FORWARDED in verdict.points) is (answer is UNDEFINED)
    assert Oracle(world(*specs), Profile("test", {OpenPoint.FORWARDED: decided})).judge(forwarded).answer is otherwise


def test_the_egress_of_a_client_may_see_the_node_that_it_connects_to(world: Build) -> None:
    forwarded = replace(flow("x/b > x/a 80", via="a"), forwarded=True)
    assert Oracle(world(OUT)).judge(forwarded).egress.points == {OpenPoint.TRANSLATION, OpenPoint.OWN_NODE} | {
        OpenPoint.NOT_KNOWN
    }
    assert Oracle(world(OUT), Profile("test", {OpenPoint.TRANSLATION: NO})).judge(forwarded).answer is BLOCKED
    known = replace(forwarded, virtual="192.0.2.130")
    assert Oracle(world(OUT)).judge(known).answer is BLOCKED


@pytest.mark.parametrize(("spec", "path"), [(RANGE, "y/a > x/a 80"), (SCTP, "y/a > x/a 80/SCTP")])
def test_optional_features_are_supported_unless_a_profile_denies_them(
    world: Build, spec: dict[str, Any], path: str
) -> None:
    assert judge(world(spec), path).answer is ALLOWED
    verdict = judge(world(spec), path, {OpenPoint.OPTIONAL_FEATURES: NO})
    assert (verdict.answer, verdict.ingress.points) == (BLOCKED, frozenset({OpenPoint.OPTIONAL_FEATURES}))


def test_without_end_port_the_first_port_remains(world: Build) -> None:
    assert judge(world(RANGE), "y/a > x/a 79", {OpenPoint.OPTIONAL_FEATURES: NO}).answer is ALLOWED


def test_without_an_implementation_nothing_is_blocked(world: Build) -> None:
    verdict = judge(world(IN, OUT), "x/a > x/b 80", {OpenPoint.NO_IMPLEMENTATION: YES})
    assert verdict.answer is ALLOWED
    assert verdict.egress.points == verdict.ingress.points == {OpenPoint.NO_IMPLEMENTATION}


@pytest.mark.parametrize(
    ("spec", "path", "answer"),
    [
        (IN, "x/host > x/a 80", ALLOWED),
        (IN, "x/far > x/a 80", BLOCKED),
        (IN, "node:192.0.2.1 > x/a 80", ALLOWED),
        (IN, "192.0.2.1 > x/a 80", ALLOWED),
        (IN, "node:192.0.2.2 > x/a 80", BLOCKED),
        (IN, "node:192.0.2.77 > x/a 80", UNDEFINED),
        (IN, "node-of:x/a > x/a 80", ALLOWED),
        (IN, "node-of:x/unknown > x/unknown 80", ALLOWED),
        (IN, "node-of:x/host > x/a 80", ALLOWED),
        (IN, "node-of:x/far > x/a 80", BLOCKED),
        (IN, "node-of:x/unknown > x/a 80", UNDEFINED),
        (IN | {"ingress": [{"from": [{"podSelector": {}}]}]}, "node-of:x/a > x/unknown 80", UNDEFINED),
        (IN, "x/host > x/unknown 80", UNDEFINED),
        (IN | {"ingress": [{}]}, "x/host > x/unknown 80", ALLOWED),
        (OUT, "x/a > x/far 80", BLOCKED),
        (OUT, "x/a > node:192.0.2.2 22", BLOCKED),
        (OUT | {"egress": [{"to": [{"ipBlock": {"cidr": "192.0.2.2/32"}}]}]}, "x/a > x/far 80", ALLOWED),
    ],
)
def test_own_node_and_other_nodes(world: Build, spec: dict[str, Any], path: str, answer: Answer) -> None:
    """API text of ``spec.ingress``: always allowed from the own node. Undefined if the node is not known."""
    verdict = judge(world({**spec, "podSelector": {"matchExpressions": NOT_HOSTS}}), path)
    assert verdict.answer is answer
    assert (verdict.points == {OpenPoint.NOT_KNOWN}) is (answer is UNDEFINED)


NOT_HOSTS = [{"key": "pod", "operator": "NotIn", "values": ["host", "far"]}]


@pytest.mark.parametrize(
    ("block", "answer"),
    [
        ({"cidr": "0.0.0.0/0"}, ALLOWED),
        ({"cidr": "::/0"}, ALLOWED),
        ({"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}, UNDEFINED),
        ({"cidr": "203.0.113.0/24"}, UNDEFINED),
    ],
)
def test_a_host_of_unknown_address_certainly_matches_only_a_block_of_all_addresses(
    world: Build, block: dict[str, Any], answer: Answer
) -> None:
    verdict = judge(world(IN | {"ingress": [{"from": [{"ipBlock": block}]}]}), "? > x/a 80")
    assert verdict.answer is answer
    assert verdict.points == ({OpenPoint.NOT_KNOWN} if answer is UNDEFINED else set())


@pytest.mark.parametrize("path", ["x/a > y/ended 80", "y/ended > x/a 80", "x/a > y/never 80"])
def test_a_pod_that_is_not_running_makes_a_flow_undefined(world: Build, path: str) -> None:
    assert judge(world(), path).points == {OpenPoint.NOT_KNOWN}


def test_the_former_address_of_an_ended_pod_is_matched_as_a_host(world: Build) -> None:
    everyone = IN | {"ingress": [{"from": [{"namespaceSelector": {}}]}]}
    assert judge(world(everyone), "10.0.2.9 > x/a 80").answer is BLOCKED


def test_a_headless_service_translates_nothing(world: Build) -> None:
    assert judge(world(IN), "x/a > x/a 80", via="headless").answer is ALLOWED
    assert judge(world(TO_VIRTUAL), "x/b > x/a 80", via="headless").answer is BLOCKED


def test_a_block_that_contains_both_addresses_does_not_depend_on_translation(world: Build) -> None:
    wide = OUT | {"egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]}
    verdict = judge(world(wide), "x/b > x/a 80", {OpenPoint.IP_BLOCK_OF_PODS: YES}, via="a")
    assert verdict.answer is ALLOWED


def test_a_verdict_names_policies_rules_peers_and_ports(world: Build) -> None:
    peers = [{"podSelector": {"matchLabels": {"pod": "b"}}}, {"ipBlock": {"cidr": "10.0.2.0/24"}}]
    rules = [{"ports": [{"port": 1}]}, {"from": peers, "ports": [{"port": 1}, {"port": 80}]}]
    side = judge(world(IN, IN | {"ingress": rules}), "y/a > x/a 80").ingress
    p0, p1 = NamespacedName("x", "p0"), NamespacedName("x", "p1")
    points = frozenset({OpenPoint.IP_BLOCK_OF_PODS})
    assert side == Side(
        Direction.INGRESS, UNDEFINED, (p0, p1), (Admission(p1, 1, 1, 1, points),), points, stages=BY_POLICIES
    )
    assert judge(world(IN | {"ingress": [{}]}), "y/a > x/a 80").ingress.admissions == (Admission(p0, 0),)


def test_a_side_names_the_decisions_that_it_depends_on(world: Build) -> None:
    decided = {OpenPoint.IP_BLOCK_OF_PODS: NO}
    assert judge(world(TO_PODS), "x/a > y/a 80", decided).egress.points == {OpenPoint.IP_BLOCK_OF_PODS}
    assert judge(world(TO_PODS, OUT | {"egress": [{}]}), "x/a > y/a 80", decided).egress.points == set()


def test_the_oracle_imports_only_the_model_and_the_standard_library() -> None:
    paths = f"import sys; sys.path.insert(0, {str(SOURCES)!r})"
    program = f"{paths}; import netpol_harness.oracle.judge; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    roots = {name.partition(".")[0] for name in result.stdout.split()} - sys.stdlib_module_names
    ours = {name for name in result.stdout.split() if name.startswith("netpol_harness")}
    assert roots == {"__main__", "netpol_harness"}
    assert {name.split(".")[1] for name in ours if "." in name} == {"model", "oracle", "wellknown"}
