"""One rule of a NetworkPolicy as conditions of nft rules, and the sets that these conditions refer to.

Invariant: a set of pods is named after the *definition* of the selection, a set of address ranges after its content. A
packet sees the rules as of one moment, but may look up elements as of the next. So an old rule can never meet the
members of another definition.

Implements networking.k8s.io/v1 NetworkPolicyPeer and NetworkPolicyPort. Left open by the API and decided here: an
ipBlock contains pods too, by their own addresses (after DNAT, before SNAT); a named port in egress is looked up on the
pods among the peers, also on those in an ipBlock. A named port that no pod declares admits nothing. Pure.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import product

from netpol_harness.emulator.dataplane.blocks import admitted_ranges, as_intervals, contains
from netpol_harness.emulator.dataplane.rules import IpVersion, NamedSet, digest, members
from netpol_harness.emulator.dataplane.selection import PodIndex
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import Direction, Protocol
from netpol_harness.model.policy import IPBlock, NetworkPolicy, Peer, PodPeer, PolicyPort, Rule

SUBJECT = {Direction.INGRESS: "daddr", Direction.EGRESS: "saddr"}
PEER = {Direction.INGRESS: "saddr", Direction.EGRESS: "daddr"}


@dataclass(frozen=True, slots=True)
class _Match:
    """A condition on a packet. ``family`` is None if it applies to both."""

    text: str = ""
    family: IpVersion | None = None


class PolicyConditions:
    """Turns rules into conditions. ``sets`` collects the sets that the returned conditions refer to."""

    def __init__(self, pods: PodIndex) -> None:
        self._pods = pods
        self.sets: dict[str, NamedSet] = {}

    def matches(self, policy: NetworkPolicy, rule: Rule, direction: Direction) -> Iterator[str]:
        """Yield conditions, any one of which admits a packet. The empty condition admits every packet."""
        namespace = policy.ref.namespace
        peers = tuple(self._peers(rule.peers, namespace, direction))
        for port in rule.ports or (None,):
            if port is None or not isinstance(port.port, str):
                matches = _conjunction(peers, (_Match(_numeric(port)),))
            elif direction is Direction.INGRESS:
                matches = _conjunction(peers, self._declared_by_subjects(policy, port.port, port.protocol))
            else:
                matches = self._declared_by_peers(rule.peers, namespace, port.port, port.protocol)
            yield from (match.text for match in matches)

    def _peers(self, peers: Sequence[Peer] | None, home: str, direction: Direction) -> Iterator[_Match]:
        """Yield one empty condition for all peers; else conditions for the pods among the peers and for
        their blocks.
        """
        if peers is None:
            yield _Match()
            return
        selectors, blocks = _split(peers)
        yield from self._pod_sets(_peers_definition(selectors, home), self._selected(selectors, home), PEER[direction])
        for family in IpVersion:
            ranges = as_intervals(admitted_ranges(blocks, family.version), family.version)
            if ranges:
                name = f"block/{digest(ranges)}"
                self.sets[name] = NamedSet(family.address_type, members(ranges), "interval")
                yield _Match(f"{family.header} {PEER[direction]} @{name}", family)

    def _declared_by_subjects(self, policy: NetworkPolicy, name: str, protocol: Protocol) -> Iterator[_Match]:
        """Ingress: match the port numbers that each subject pod itself declares under the name."""
        definition = ("subjects", policy.ref.namespace, _selector_definition(policy.subject))
        return self._declared(definition, self._pods.addresses(self._pods.subjects(policy)), name, protocol)

    def _declared_by_peers(
        self, peers: Sequence[Peer] | None, namespace: str, name: str, protocol: Protocol
    ) -> Iterator[_Match]:
        """Egress: match the port numbers that each pod among the peers declares under the name."""
        addresses = self._pods.addresses(self._pods.all_pods())
        if peers is None:
            return self._declared("everyone", addresses, name, protocol)
        selectors, blocks = _split(peers)
        ranges = {family: admitted_ranges(blocks, family.version) for family in IpVersion}
        inside = {address for address in addresses if contains(ranges[IpVersion.of(address)], address)}
        definition = ("peers", _peers_definition(selectors, namespace), *ranges.values())
        return self._declared(definition, self._selected(selectors, namespace) | inside, name, protocol)

    def _declared(self, definition: object, holders: Set[str], name: str, protocol: Protocol) -> Iterator[_Match]:
        """Match the ports with this name at those of the addresses whose pods declare it."""
        sockets = {
            f"{address} . {number}"
            for pod, number in self._pods.declaring(name, protocol)
            for address in self._pods.addresses({pod}) & holders
        }
        field = f"daddr . {protocol.lower()} dport"
        return self._pod_sets((definition, name, str(protocol)), sockets, field, " . inet_service")

    def _pod_sets(self, definition: object, keys: Set[str], field: str, key_type: str = "") -> Iterator[_Match]:
        """Yield one set per family, if it has members: a rule without pods is not written."""
        for family in IpVersion:
            elements = sorted(key for key in keys if IpVersion.of(key) is family)
            if elements:
                name = f"selected/{digest(definition, family.header)}"
                self.sets[name] = NamedSet(family.address_type + key_type, members(elements))
                yield _Match(f"{family.header} {field} @{name}", family)

    def _selected(self, selectors: Sequence[PodPeer], namespace: str) -> frozenset[str]:
        return frozenset().union(*(self._pods.addresses(self._pods.peers(peer, namespace)) for peer in selectors))


def _conjunction(left: Iterable[_Match], right: Iterable[_Match]) -> Iterator[_Match]:
    """Yield the conjunction of each pair that one packet can satisfy."""
    for first, second in product(left, right):
        if first.family is None or second.family is None or first.family is second.family:
            yield _Match(" ".join(filter(None, (first.text, second.text))), first.family or second.family)


def _numeric(port: PolicyPort | None) -> str:
    """Return the condition for a port, a range or a whole protocol; empty for every protocol, including ICMP."""
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


def _peers_definition(selectors: Sequence[PodPeer], namespace: str) -> tuple[object, ...]:
    """Return the selection in a form whose representation is canonical."""
    return tuple(
        (
            namespace if peer.namespaces is None else _selector_definition(peer.namespaces),
            peer.pods and _selector_definition(peer.pods),
        )
        for peer in selectors
    )


def _selector_definition(selector: LabelSelector) -> tuple[object, ...]:
    return tuple(sorted((r.key, str(r.operator), *sorted(r.values)) for r in selector.requirements))
