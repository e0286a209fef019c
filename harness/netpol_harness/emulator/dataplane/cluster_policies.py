"""ClusterNetworkPolicies as chains, one for each policy and direction, and the order in which pods meet them.

The chain of a policy drops what it denies. It marks what it accepts with 1 and what it passes with 2, and returns; the
chains after it in its tier do nothing with marked packets.

Implements policy.networking.k8s.io/v1alpha2 with its experimental parts. Left open by the API and decided here: of
policies with one tier and priority, the first by name goes first; a rule with ``domainNames`` that is no Accept rule of
the Admin tier fails closed; every pod may use the address of a name, whoever looked it up. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address

from netpol_harness.emulator.dataplane.conditions import PEER, ConditionSets, Match, conjunction, selector_definition
from netpol_harness.emulator.dataplane.rules import Chain, identifier
from netpol_harness.emulator.dataplane.selection import LabelIndex, PodIndex
from netpol_harness.model.cluster_policy import (
    Action,
    ClusterNetworkPolicy,
    ClusterPeer,
    ClusterPort,
    ClusterRule,
    DomainNames,
    NamedPort,
    Networks,
    NodeSelection,
    PodSelection,
    PortRange,
    Tier,
)
from netpol_harness.model.names import Direction, NamespacedName, Protocol
from netpol_harness.model.objects import World
from netpol_harness.model.policy import IPBlock, PodPeer

_VERDICT = {Action.ACCEPT: "meta mark set 1 return", Action.DENY: "drop", Action.PASS: "meta mark set 2 return"}
_DECIDED = "meta mark != 0 return"


class TierChains:
    """The chains of all policies that select some of the ``local`` pods."""

    def __init__(
        self, world: World, pods: PodIndex, local: frozenset[NamespacedName], conditions: "ClusterConditions"
    ) -> None:
        self.chains: dict[str, Chain] = {}
        self._jumps: dict[tuple[str, Direction, Tier], list[str]] = {}
        for policy in sorted(world.cluster_policies, key=lambda policy: (policy.priority, policy.name)):
            subjects = pods.addresses(pods.peers(_as_peer(policy.subject), "") & local)
            for direction in Direction if subjects else ():
                if policy.rules(direction):
                    self._add(policy, direction, subjects, conditions)

    def jumps(self, address: str, direction: Direction, tier: Tier) -> tuple[str, ...]:
        """Return the jumps to the policies of a tier that apply to a pod, in order."""
        return tuple(self._jumps.get((address, direction, tier), ()))

    def covers(self, direction: Direction) -> bool:
        """Return whether some policy has rules of this direction for some pod."""
        return any(key[1] is direction for key in self._jumps)

    def _add(
        self,
        policy: ClusterNetworkPolicy,
        direction: Direction,
        subjects: Iterable[str],
        conditions: "ClusterConditions",
    ) -> None:
        name = identifier("cluster-policy", policy.name, direction.lower())
        rules = (line for rule in policy.rules(direction) for line in _lines(rule, policy.tier, direction, conditions))
        self.chains[name] = Chain((_DECIDED, *rules))
        for address in subjects:
            self._jumps.setdefault((address, direction, policy.tier), []).append(f"jump {name}")


def _lines(rule: ClusterRule, tier: Tier, direction: Direction, conditions: "ClusterConditions") -> Iterator[str]:
    """Yield the nft rules of one rule."""
    if rule.has_unknown_parts or _has_misplaced_names(rule, tier):
        if rule.action is not Action.ACCEPT:
            yield _VERDICT[Action.DENY]
        return
    for match in dict.fromkeys(conditions.matches(rule, direction)):
        yield f"{match} {_VERDICT[rule.action]}".strip()


def _has_misplaced_names(rule: ClusterRule, tier: Tier) -> bool:
    is_theirs = rule.action is Action.ACCEPT and tier is Tier.ADMIN
    return not is_theirs and any(isinstance(peer, DomainNames) for peer in rule.peers)


class ClusterConditions:
    """Turns rules into conditions, whose sets are added to ``sets``."""

    def __init__(self, world: World, pods: PodIndex, sets: ConditionSets) -> None:
        self._pods = pods
        self._sets = sets
        self._nodes = LabelIndex({name: node.labels for name, node in world.nodes.items()})
        self._node_addresses = {name: _canonical(node.addresses) for name, node in world.nodes.items()}
        self._names: Mapping[str, frozenset[str]] = {n: _canonical(a) for n, a in world.domain_names.items()}

    def matches(self, rule: ClusterRule, direction: Direction) -> Iterator[str]:
        """Yield conditions; the rule matches a packet that meets one of them. Every part of the rule is known."""
        peers = tuple(self._peers(rule.peers, PEER[direction]))
        ports = [Match()] if rule.ports is None else [match for port in rule.ports for match in self._port(port)]
        return (match.text for match in conjunction(peers, ports))

    def _peers(self, peers: Iterable[ClusterPeer], field: str) -> Iterator[Match]:
        listed = tuple(peers)
        selections = tuple(_as_peer(peer) for peer in listed if isinstance(peer, PodSelection))
        selected = frozenset[str]().union(*(self._pods.addresses(self._pods.peers(s, "")) for s in selections))
        definition = (
            "cluster",
            *(
                (selector_definition(s.namespaces), selector_definition(s.pods))
                for s in listed
                if isinstance(s, PodSelection)
            ),
        )
        yield from self._sets.of_keys(definition, selected, field)
        blocks = (IPBlock(block) for peer in listed if isinstance(peer, Networks) for block in peer.blocks)
        yield from self._sets.of_blocks(blocks, field)
        for peer in listed:
            if isinstance(peer, NodeSelection):
                yield from self._nodes_of(peer, field)
            elif isinstance(peer, DomainNames):
                yield from self._resolving(peer, field)

    def _nodes_of(self, peer: NodeSelection, field: str) -> Iterator[Match]:
        addresses = frozenset[str]().union(*(self._node_addresses[name] for name in self._nodes.select(peer.nodes)))
        return self._sets.of_keys(("nodes", selector_definition(peer.nodes)), addresses, field)

    def _resolving(self, peer: DomainNames, field: str) -> Iterator[Match]:
        """Match the addresses of the names that are known to resolve."""
        known = (addresses for name, addresses in self._names.items() if any(_means(p, name) for p in peer.names))
        return self._sets.of_keys(("domains", *sorted(peer.names)), frozenset[str]().union(*known), field)

    def _port(self, port: ClusterPort) -> Iterator[Match]:
        match port:
            case PortRange(protocol, first, last):
                numbers = f"{first:d}" if first == last else f"{first:d}-{last:d}"
                yield Match(f"{protocol.lower()} dport {numbers}")
            case NamedPort(name):
                for protocol in Protocol:
                    yield from self._declared(name, protocol)

    def _declared(self, name: str, protocol: Protocol) -> Iterator[Match]:
        """Match the ports that destination pods declare under a name."""
        if protocol is Protocol.ICMP:
            return
        sockets = {
            f"{address} . {number}"
            for pod, number in self._pods.declaring(name, protocol)
            for address in self._pods.addresses({pod})
        }
        field = f"daddr . {protocol.lower()} dport"
        yield from self._sets.of_keys(("declared", name, str(protocol)), sockets, field, " . inet_service")


def _as_peer(selection: PodSelection) -> PodPeer:
    return PodPeer(selection.namespaces, selection.pods)


def _canonical(addresses: Iterable[str]) -> frozenset[str]:
    return frozenset(str(ip_address(address)) for address in addresses)


def _means(pattern: str, name: str) -> bool:
    """Whether a pattern of ``domainNames`` stands for a name: a prefix ``*.`` for one or more labels."""
    labels, wanted = name.split("."), pattern.split(".")
    if wanted[0] != "*":
        return labels == wanted
    return len(labels) >= len(wanted) and labels[1 - len(wanted) :] == wanted[1:]
