"""One rule of a NetworkPolicy as conditions of nft rules, and the sets that these conditions refer to.

Implements networking.k8s.io/v1 NetworkPolicyPeer and NetworkPolicyPort. Left open by the API and decided here: an
ipBlock contains pods too, by their own addresses (after DNAT, before SNAT); a named port in egress is looked up on the
pods among the peers, also on those in an ipBlock. A named port that no pod declares admits nothing. Pure.
"""

from collections.abc import Iterator, Sequence, Set

from netpol_harness.emulator.dataplane.blocks import admitted_ranges, contains
from netpol_harness.emulator.dataplane.conditions import (
    PEER,
    ConditionSets,
    Match,
    conjunction,
    selector_definition,
)
from netpol_harness.emulator.dataplane.rules import IpVersion
from netpol_harness.emulator.dataplane.selection import PodIndex
from netpol_harness.model.names import Direction, Protocol
from netpol_harness.model.policy import IPBlock, NetworkPolicy, Peer, PodPeer, PolicyPort, Rule


class PolicyConditions:
    """Turns rules into conditions. ``sets`` collects what the returned conditions refer to."""

    def __init__(self, pods: PodIndex, sets: ConditionSets) -> None:
        self._pods = pods
        self._sets = sets

    def matches(self, policy: NetworkPolicy, rule: Rule, direction: Direction) -> Iterator[str]:
        """Yield conditions, any one of which admits a packet. The empty condition admits every packet."""
        namespace = policy.ref.namespace
        peers = tuple(self._peers(rule.peers, namespace, direction))
        for port in rule.ports or (None,):
            if port is None or not isinstance(port.port, str):
                matches = conjunction(peers, (Match(_numeric(port)),))
            elif direction is Direction.INGRESS:
                matches = conjunction(peers, self._declared_by_subjects(policy, port.port, port.protocol))
            else:
                matches = self._declared_by_peers(rule.peers, namespace, port.port, port.protocol)
            yield from (match.text for match in matches)

    def _peers(self, peers: Sequence[Peer] | None, home: str, direction: Direction) -> Iterator[Match]:
        """Yield one empty condition for all peers; else conditions for the pods among the peers and for
        their blocks.
        """
        if peers is None:
            yield Match()
            return
        selectors, blocks = _split(peers)
        yield from self._sets.of_keys(
            _peers_definition(selectors, home), self._selected(selectors, home), PEER[direction]
        )
        yield from self._sets.of_blocks(blocks, PEER[direction])

    def _declared_by_subjects(self, policy: NetworkPolicy, name: str, protocol: Protocol) -> Iterator[Match]:
        """Ingress: match the port numbers that each subject pod itself declares under the name."""
        definition = ("subjects", policy.ref.namespace, selector_definition(policy.subject))
        return self._declared(definition, self._pods.addresses(self._pods.subjects(policy)), name, protocol)

    def _declared_by_peers(
        self, peers: Sequence[Peer] | None, namespace: str, name: str, protocol: Protocol
    ) -> Iterator[Match]:
        """Egress: match the port numbers that each pod among the peers declares under the name."""
        addresses = self._pods.addresses(self._pods.all_pods())
        if peers is None:
            return self._declared("everyone", addresses, name, protocol)
        selectors, blocks = _split(peers)
        ranges = {family: admitted_ranges(blocks, family.version) for family in IpVersion}
        inside = {address for address in addresses if contains(ranges[IpVersion.of(address)], address)}
        definition = ("peers", _peers_definition(selectors, namespace), *ranges.values())
        return self._declared(definition, self._selected(selectors, namespace) | inside, name, protocol)

    def _declared(self, definition: object, holders: Set[str], name: str, protocol: Protocol) -> Iterator[Match]:
        """Match the ports with this name at those of the addresses whose pods declare it."""
        sockets = {
            f"{address} . {number}"
            for pod, number in self._pods.declaring(name, protocol)
            for address in self._pods.addresses({pod}) & holders
        }
        field = f"daddr . {protocol.lower()} dport"
        return self._sets.of_keys((definition, name, str(protocol)), sockets, field, " . inet_service")

    def _selected(self, selectors: Sequence[PodPeer], namespace: str) -> frozenset[str]:
        return frozenset().union(*(self._pods.addresses(self._pods.peers(peer, namespace)) for peer in selectors))


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
            namespace if peer.namespaces is None else selector_definition(peer.namespaces),
            peer.pods and selector_definition(peer.pods),
        )
        for peer in selectors
    )
