"""Descriptions of the oracle's refusals."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from netpol_harness.analysis import refusals
from netpol_harness.analysis.refusals import RefusalDescriber
from netpol_harness.analysis.world import world_of
from netpol_harness.model.names import Direction, NamespacedName, Port, Protocol
from netpol_harness.oracle.judge import Oracle
from netpol_harness.oracle.points import SPECIFICATION, Decision, OpenPoint, Profile
from netpol_harness.oracle.verdict import Flow, FlowEnd, Host
from netpol_harness.paths.path import KnownAddresses
from netpol_harness.scenario.scenario import Scenario

Shop = Callable[..., Scenario]
DB, WEB = NamespacedName("back", "db"), NamespacedName("shop", "web")
NEGATIVE = Profile("negative", dict.fromkeys(OpenPoint, Decision.NO))


def reasons(scenario: Scenario, source: FlowEnd, port: str, profile: Profile = SPECIFICATION) -> list[str]:
    """Why the rules of the policies in force do not admit a connection to the database."""
    world = world_of(scenario.steps[-1], scenario, KnownAddresses({WEB: ["10.244.0.7"]}))
    number, _, protocol = port.partition("/")
    flow = Flow(source, DB, Port(Protocol(protocol), int(number)))
    names: dict[FlowEnd, str] = {DB: "db", WEB: "web"}
    describer = RefusalDescriber(flow, Direction.INGRESS, profile, lambda end: names.get(end, "stranger"))
    rules = {policy.ref: policy.ingress for policy in world.policies}
    side = Oracle(world, profile).judge(flow).ingress
    return [describer.describe(refusal, rules[refusal.policy][refusal.rule]) for refusal in side.refusals]


@pytest.mark.parametrize(
    ("rule", "source", "words"),
    [
        ("{from: [{podSelector: {}}]}", WEB, "web is in namespace shop"),
        ("{from: [{namespaceSelector: {matchLabels: {team: back}}}]}", WEB, "namespace shop has team=shop"),
        ("{from: [{namespaceSelector: {matchLabels: {name: shop}}}]}", WEB, "namespace shop has no label name"),
        ("{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: x}}}]}", WEB, "web has app=web"),
        ("{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}", Host("192.0.2.1"), "stranger is not in 10.0.0.0/8"),
        (
            "{from: [{ipBlock: {cidr: 192.0.0.0/8, except: [192.0.2.0/24]}}]}",
            Host("192.0.2.1"),
            "stranger is in 192.0.2.0/24, which the block excepts",
        ),
        ("{from: [{namespaceSelector: {}}]}", Host(), "stranger is not a pod"),
        ("{ports: [{port: 80}]}", WEB, "the connection is to 5432/TCP"),
        ("{ports: [{port: 5432, protocol: UDP}]}", WEB, "the connection is to 5432/TCP"),
        ("{ports: [{port: sql}]}", WEB, "the connection is to 5432/TCP and db has no TCP port called sql"),
        (
            "{from: [{podSelector: {}}], ports: [{port: 80}]}",
            WEB,
            "web is in namespace shop and the connection is to 5432/TCP",
        ),
        (
            "{from: [{podSelector: {}}, {namespaceSelector: {}}], ports: [{port: 1}]}",
            WEB,
            "the connection is to 5432/TCP",
        ),
        (
            "{from: [{namespaceSelector: {matchLabels: {a: b, c: d}}}, {podSelector: {}}]}",
            WEB,
            "web is in namespace shop",
        ),
    ],
)
def test_the_part_that_does_not_match_is_named(shop: Shop, rule: str, source: FlowEnd, words: str) -> None:
    scenario = shop(f"back/db {{podSelector: {{}}, ingress: [{rule}]}}")
    assert reasons(scenario, source, "5432/TCP") == [words]


@pytest.mark.parametrize(
    ("rule", "port", "words"),
    [
        ("{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}", "5432/TCP", "whether an ipBlock matches pods"),
        ("{}", "0/ICMP", "what policies do to ICMP"),
        ("{ports: [{protocol: SCTP}]}", "5432/SCTP", "whether the network plugin supports SCTP and endPort"),
        ("{ports: [{port: 5000, endPort: 6000}]}", "5432/TCP", "whether the network plugin supports SCTP and endPort"),
    ],
)
def test_a_decision_of_the_profile_is_named(shop: Shop, rule: str, port: str, words: str) -> None:
    scenario = shop(f"back/db {{podSelector: {{}}, ingress: [{rule}]}}")
    assert reasons(scenario, WEB, port, NEGATIVE) == [f"profile negative's decision on {words} excludes it"]


@pytest.mark.parametrize("module", sorted(Path(refusals.__file__).parent.glob("*.py")), ids=lambda module: module.stem)
def test_only_the_oracle_matches_labels_addresses_and_ports(module: Path) -> None:
    """No module here calls what the oracle matches with, so that no reason can differ from the verdict."""
    matching = {"matches", "unmet", "numbers", "ip_address", "ip_network", "port_match", "block_match", "name_match"}
    calls = [node.func for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call)]
    names = {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}
    assert not names & matching
