"""What one rule of a NetworkPolicy admits, as conditions of nft rules and the sets that they refer to.

Invariant: a set of pods is named after the *definition* of the selection, a set of address ranges after its content.
A packet sees the rules as of one moment but may look elements up as of the next; so an old rule can never meet the
members of another definition.

Implements networking.k8s.io/v1 NetworkPolicyPeer and NetworkPolicyPort. Left open by the API and decided here: an
ipBlock holds pods too, by their own addresses (after DNAT, before SNAT); a named port in egress is looked up on the
pods among the peers, also on those in an ipBlock. A named port that nobody declares admits nothing. Pure.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import product

from netpol_harness.emulator.dataplane.blocks import admitted, holds, written
from netpol_harness.emulator.dataplane.rules import IpVersion, NamedSet, digest, members
from netpol_harness.emulator.dataplane.selection import PodIndex
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import Direction, Protocol
from netpol_harness.model.policy import IPBlock, NetworkPolicy, Peer, PodPeer, PolicyPort, Rule

SUBJECT = {Direction.INGRESS: "daddr", Direction.EGRESS: "saddr"}
PEER = {Direction.INGRESS: "saddr", Direction.EGRESS: "daddr"}


@dataclass(frozen=True, slots=True)
class _Match:
    """A condition on a packet; ``family`` is ``None`` where it holds for both."""

    text: str = ""
    family: IpVersion | None = None


class AdmissionRule:
    """Turns rules into conditions. ``sets`` collects the sets that the conditions given out so far refer to."""

    def __init__(self, pods: PodIndex) -> None:
        self._pods = pods
        self.sets: dict[str, NamedSet] = {}

    def matches(self, policy: NetworkPolicy, rule: Rule, direction: Direction) -> Iterator[str]:
        """Conditions of which any one admits a packet; the empty condition admits every packet."""
        home = policy.ref.namespace
        peers = tuple(self._peers(rule.peers, home, direction))
        for port in rule.ports or (None,):
            if port is None or not isinstance(port.port, str):
                found = _both(peers, (_Match(_numeric(port)),))
            elif direction is Direction.INGRESS:
                found = _both(peers, self._declared_by_subjects(policy, port.port, port.protocol))
            else:
                found = self._declared_by_peers(rule.peers, home, port.port, port.protocol)
            yield from (match.text for match in found)

    def _peers(self, peers: Sequence[Peer] | None, home: str, direction: Direction) -> Iterator[_Match]:
        """Everyone; or the pods among the peers, and the addresses of their blocks."""
        if peers is None:
            yield _Match()
            return
        selectors, blocks = _split(peers)
        yield from self._pod_sets(_peers_defined(selectors, home), self._selected(selectors, home), PEER[direction])
        for family in IpVersion:
            ranges = written(admitted(blocks, family.version), family.version)
            if ranges:
                name = f"block/{digest(ranges)}"
                self.sets[name] = NamedSet(family.address_type, members(ranges), "interval")
                yield _Match(f"{family.header} {PEER[direction]} @{name}", family)

    def _declared_by_subjects(self, policy: NetworkPolicy, name: str, protocol: Protocol) -> Iterator[_Match]:
        """Ingress: the numbers that each subject pod itself declares under the name."""
        definition = ("subjects", policy.ref.namespace, _selector_defined(policy.subject))
        return self._declared(definition, self._pods.addresses(self._pods.subjects(policy)), name, protocol)

    def _declared_by_peers(
        self, peers: Sequence[Peer] | None, home: str, name: str, protocol: Protocol
    ) -> Iterator[_Match]:
        """Egress: the numbers that each pod among the peers declares under the name."""
        everyone = self._pods.addresses(self._pods.everyone())
        if peers is None:
            return self._declared("everyone", everyone, name, protocol)
        selectors, blocks = _split(peers)
        ranges = {family: admitted(blocks, family.version) for family in IpVersion}
        inside = {address for address in everyone if holds(ranges[IpVersion.of(address)], address)}
        definition = ("peers", _peers_defined(selectors, home), *ranges.values())
        return self._declared(definition, self._selected(selectors, home) | inside, name, protocol)

    def _declared(self, definition: object, holders: Set[str], name: str, protocol: Protocol) -> Iterator[_Match]:
        """The ports of this name at those of the addresses whose pods declare it."""
        sockets = {
            f"{address} . {number}"
            for pod, number in self._pods.declaring(name, protocol)
            for address in self._pods.addresses({pod}) & holders
        }
        field = f"daddr . {protocol.lower()} dport"
        return self._pod_sets((definition, name, str(protocol)), sockets, field, " . inet_service")

    def _pod_sets(self, definition: object, keys: Set[str], field: str, key_type: str = "") -> Iterator[_Match]:
        """One set a family, if it has members: a rule about nobody is no rule."""
        for family in IpVersion:
            own = sorted(key for key in keys if IpVersion.of(key) is family)
            if own:
                name = f"selected/{digest(definition, family.header)}"
                self.sets[name] = NamedSet(family.address_type + key_type, members(own))
                yield _Match(f"{family.header} {field} @{name}", family)

    def _selected(self, selectors: Sequence[PodPeer], home: str) -> frozenset[str]:
        return frozenset().union(*(self._pods.addresses(self._pods.peers(peer, home)) for peer in selectors))


def _both(ours: Iterable[_Match], theirs: Iterable[_Match]) -> Iterator[_Match]:
    """One of ours and one of theirs, wherever a packet can meet both."""
    for one, other in product(ours, theirs):
        if one.family is None or other.family is None or one.family is other.family:
            yield _Match(" ".join(filter(None, (one.text, other.text))), one.family or other.family)


def _numeric(port: PolicyPort | None) -> str:
    """A port, a range or all of a protocol; the empty condition for every protocol, ICMP among them."""
    if port is None:
        return ""
    protocol = port.protocol.lower()
    if port.port is None:
        return f"meta l4proto {protocol}"
    last = f"-{port.end_port:d}" if port.end_port and port.end_port != port.port else ""
    return f"{protocol} dport {port.port:d}{last}"


def _split(peers: Sequence[Peer]) -> tuple[tuple[PodPeer, ...], tuple[IPBlock, ...]]:
    return (
        tuple(peer for peer in peers if isinstance(peer, PodPeer)),
        tuple(peer for peer in peers if isinstance(peer, IPBlock)),
    )


def _peers_defined(selectors: Sequence[PodPeer], home: str) -> tuple[object, ...]:
    """The selection in a form whose written representation is always the same."""
    return tuple(
        (
            home if peer.namespaces is None else _selector_defined(peer.namespaces),
            peer.pods and _selector_defined(peer.pods),
        )
        for peer in selectors
    )


def _selector_defined(selector: LabelSelector) -> tuple[object, ...]:
    return tuple(sorted((r.key, str(r.operator), *sorted(r.values)) for r in selector.requirements))
