"""Laws: every rule of an isolating policy admits a flow or refuses it, and the reasons of a refusal are true.

The reasons are checked against ``reading``, with the dictionaries that a user would write.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from itertools import product

from hypothesis import given

from netpol_harness.model.labels import Requirement
from netpol_harness.model.names import Direction
from netpol_harness.model.objects import World
from netpol_harness.model.policy import Network
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
from netpol_harness.oracle.points import OpenPoint, Profile
from netpol_harness.oracle.verdict import Refusal, Side, Verdict
from tests.laws.dense_clusters import complete, from_seed, unusual
from tests.laws.reading import Dict, End, Reading, declared, rules, selected
from tests.laws.small_clusters import Cluster
from tests.laws.test_oracle_reading import Case, cases, decisions, flow_of, profile, read_by, several


@several
@given(objects=from_seed(unusual), reads=from_seed(read_by), asked=cases)
def test_every_rule_of_an_isolating_policy_is_admitted_or_refused(
    objects: Cluster, reads: Profile, asked: list[Case]
) -> None:
    world = World.parse(objects)
    oracle, policies = Oracle(world, reads), {policy.ref: policy for policy in world.policies}
    for side in sides(oracle.judge(flow_of(case)) for case in asked):
        admitting = {(admission.policy, admission.rule) for admission in side.admissions}
        refusing = [(refusal.policy, refusal.rule) for refusal in side.refusals]
        every = {(ref, n) for ref in side.isolating for n in range(len(policies[ref].rules(side.direction)))}
        assert not admitting & set(refusing)
        assert admitting | set(refusing) == every
        assert len(refusing) == len(set(refusing))


@several
@given(objects=from_seed(complete), decided=decisions, asked=cases)
def test_the_reasons_of_a_refusal_are_true_and_complete(
    objects: Cluster, decided: dict[str, bool], asked: list[Case]
) -> None:
    oracle = Oracle(World.parse(objects), profile(decided))
    for case in asked:
        for side in sides([oracle.judge(flow_of(case))]):
            for refusal in side.refusals:
                _Check(objects, decided, case, side.direction).check(refusal)


def sides(verdicts: Iterator[Verdict] | list[Verdict]) -> Iterator[Side]:
    for verdict in verdicts:
        yield from (verdict.egress, verdict.ingress)


@dataclass(frozen=True)
class _Check:
    """One side of one case, read by brute force."""

    objects: Cluster
    decided: dict[str, bool]
    case: Case
    direction: Direction

    def check(self, refusal: Refusal) -> None:
        home = refusal.policy.namespace
        policy = self.find("NetworkPolicy", home, refusal.policy.name)
        peers, ports = rules(policy, self.direction)[refusal.rule]
        fitting = [self.is_peer(entry, home, self.decided) for entry in peers]
        entries: list[Dict | None] = [*ports] or [None]
        open_ports = [self.is_port(entry, self.decided) for entry in entries]
        assert len(refusal.peers) == (0 if any(fitting) else len(peers))
        assert len(refusal.ports) == (0 if any(open_ports) else len(open_ports))
        assert refusal.peers or refusal.ports
        for entry, reasons in zip(peers, refusal.peers, strict=False):
            assert reasons
            assert all(self.excludes(reason, entry, home) for reason in reasons)
            mismatches = [reason for reason in reasons if isinstance(reason, NamespaceLabelMismatch | PodLabelMismatch)]
            assert len(mismatches) in (0, self.unmet_labels(entry))
        for port, port_reason in zip(entries, refusal.ports, strict=False):
            assert self.excludes_port(port_reason, port)

    def excludes(self, reason: PeerReason, entry: Dict, home: str) -> bool:
        match reason:
            case NotAPod():
                return isinstance(self.peer, str)
            case OtherNamespace(namespace):
                return "namespaceSelector" not in entry and self.peer[0] == namespace != home
            case NamespaceLabelMismatch(namespace, requirement, value):
                labels = self.find("Namespace", None, namespace)["metadata"]["labels"]
                return self.peer[0] == namespace and differs(requirement, value, entry["namespaceSelector"], labels)
            case PodLabelMismatch(requirement, value):
                return differs(requirement, value, entry["podSelector"], self.pod(self.peer)["metadata"]["labels"])
            case OutsideBlock(address, cidr):
                return (
                    address in self.addresses()
                    and cidr == ip_network(entry["ipBlock"]["cidr"])
                    and outside(address, cidr)
                )
            case InsideExcept(address, network):
                block = entry["ipBlock"]
                listed = network in map(ip_network, block["except"])
                inside = not outside(address, ip_network(block["cidr"])) and not outside(address, network)
                return address in self.addresses() and listed and inside
            case OtherVersion():
                return False  # the version of these flows is not known
            case DecidedAgainst(points):
                return any(self.is_peer(entry, home, other) for other in self.otherwise(points))

    def excludes_port(self, reason: PortReason, entry: Dict | None) -> bool:
        _, target, protocol, number, _ = self.case
        match reason:
            case PortMismatch(PortField.PROTOCOL, ()):
                return entry is not None and entry.get("protocol", "TCP") != protocol
            case PortMismatch(PortField.NUMBER, ()):
                assert entry is not None
                first: int = entry["port"]
                return not first <= number <= entry.get("endPort", first)
            case PortMismatch(PortField.NAME, numbers):
                assert entry is not None
                known = [] if isinstance(target, str) else sorted(declared(self.pod(target), entry["port"], protocol))
                return number not in known and list(numbers) == known
            case DecidedAgainst(points):
                return any(self.is_port(entry, other) for other in self.otherwise(points))
        return False

    def unmet_labels(self, entry: Dict) -> int:
        """How many requirements of the selectors do not hold for the peer."""
        if isinstance(self.peer, str):
            return 0
        labels = self.pod(self.peer)["metadata"]["labels"]
        spaces = self.find("Namespace", None, self.peer[0])["metadata"]["labels"]
        return len(unmet(entry.get("podSelector", {}), labels)) + len(unmet(entry.get("namespaceSelector", {}), spaces))

    def is_peer(self, entry: Dict, home: str, decided: dict[str, bool]) -> bool:
        virtual = self.case[4] if self.direction is Direction.EGRESS else ""
        return Reading(self.objects, decided).is_peer(entry, self.peer, home, virtual)

    def is_port(self, entry: Dict | None, decided: dict[str, bool]) -> bool:
        return Reading(self.objects, decided).is_port(entry, self.case[1:], self.direction)

    def otherwise(self, points: frozenset[OpenPoint]) -> Iterator[dict[str, bool]]:
        """Every way to decide these points."""
        for values in product((True, False), repeat=len(points)):
            yield self.decided | dict(zip(sorted(points), values, strict=True))

    def addresses(self) -> set[str]:
        """The addresses of the peer, and the one before translation."""
        own = self.peer if isinstance(self.peer, str) else self.pod(self.peer)["status"]["podIPs"][0]["ip"]
        return {own, self.case[4]}

    @property
    def peer(self) -> End:
        return self.case[1] if self.direction is Direction.EGRESS else self.case[0]

    def pod(self, end: End) -> Dict:
        assert not isinstance(end, str)
        return self.find("Pod", *end)

    def find(self, kind: str, namespace: str | None, name: str) -> Dict:
        for item in self.objects:
            metadata = item["metadata"]
            if (item["kind"], metadata.get("namespace"), metadata["name"]) == (kind, namespace, name):
                return item
        raise KeyError(name)


def differs(requirement: Requirement, value: str | None, selector: Dict, labels: Dict) -> bool:
    """Whether the requirement is one of the selector's that do not hold for the labels, which have this value."""
    written = {"key": requirement.key, "operator": str(requirement.operator), "values": sorted(requirement.values)}
    return written in unmet(selector, labels) and labels.get(requirement.key) == value


def unmet(selector: Dict, labels: Dict) -> list[Dict]:
    """The requirements that do not hold for the labels, as expressions."""
    equal = [
        {"key": key, "operator": "In", "values": [value]} for key, value in selector.get("matchLabels", {}).items()
    ]
    written = [{**e, "values": sorted(e["values"])} for e in selector.get("matchExpressions", [])]
    return [e for e in equal + written if not selected({"matchExpressions": [e]}, labels)]


def outside(address: str, network: Network) -> bool:
    return ip_address(address) not in network
