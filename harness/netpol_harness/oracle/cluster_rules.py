"""What one rule of a ClusterNetworkPolicy does with a flow. Pure.

Source: the Go types of policy.networking.k8s.io/v1alpha2, with what they say of peers that an implementation does not
know ("fail closed").
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netpol_harness.model.cluster_policy import (
    Action,
    ClusterNetworkPolicy,
    ClusterPort,
    ClusterRule,
    DomainNames,
    NamedPort,
    NodeSelection,
    PortRange,
    Tier,
)
from netpol_harness.model.names import Port
from netpol_harness.oracle.cluster_peers import ClusterPeerMatcher
from netpol_harness.oracle.match import ALWAYS, NEVER, Certainty, Match, any_of, both, definite, undecided
from netpol_harness.oracle.points import Decision, OpenPoint, Profile
from netpol_harness.oracle.rules import DirectedFlow


@dataclass(frozen=True, slots=True)
class RuleEffect:
    """What a rule does if it matches. ``peer`` and ``port`` are the indexes of the first entries that match."""

    action: Action
    match: Match
    peer: int | None = None
    port: int | None = None
    fails_closed: bool = False


def rule_effects(
    rule: ClusterRule, policy: ClusterNetworkPolicy, directed: DirectedFlow, peers: ClusterPeerMatcher, profile: Profile
) -> Iterator[RuleEffect]:
    """Yield what the rule does, or may do; nothing if it certainly does nothing."""
    if fails_closed(rule, profile):
        if rule.action is not Action.ACCEPT:
            yield RuleEffect(Action.DENY, ALWAYS, fails_closed=True)
        return
    if has_misplaced_names(rule, policy.tier):
        for action in dict.fromkeys((Action.DENY, rule.action) if rule.action is Action.PASS else (rule.action,)):
            yield RuleEffect(action, undecided(OpenPoint.DOMAIN_NAMES_ELSEWHERE))
        return
    peer_matches = [peers.peer(peer, directed) for peer in rule.peers]
    port_matches = None if rule.ports is None else [_port(port, directed) for port in rule.ports]
    match = both(any_of(peer_matches), ALWAYS if port_matches is None else any_of(port_matches))
    if match.certainty is not Certainty.NEVER:
        yield RuleEffect(rule.action, match, _first(peer_matches), _first(port_matches or ()))


def fails_closed(rule: ClusterRule, profile: Profile) -> bool:
    """Whether the rule has a part that the implementation does not know."""
    return rule.has_unknown_parts or bool(unsupported(rule, profile))


def unsupported(rule: ClusterRule, profile: Profile) -> frozenset[OpenPoint]:
    """Return the kinds of peers in the rule that the implementation does not support."""
    return frozenset(
        point
        for kind, point in ((NodeSelection, OpenPoint.NODE_PEERS), (DomainNames, OpenPoint.DOMAIN_NAMES))
        if profile.decided.get(point) is Decision.NO and any(isinstance(peer, kind) for peer in rule.peers)
    )


def has_misplaced_names(rule: ClusterRule, tier: Tier) -> bool:
    """Whether the rule has ``domainNames``, which are for Accept rules of the Admin tier, and is another one."""
    is_theirs = rule.action is Action.ACCEPT and tier is Tier.ADMIN
    return not is_theirs and any(isinstance(peer, DomainNames) for peer in rule.peers)


def in_range(entry: ClusterPort, port: Port) -> bool:
    """Whether an entry without a name matches the port. ICMP has no ports, so that no entry matches it."""
    return isinstance(entry, PortRange) and entry.protocol is port.protocol and entry.first <= port.number <= entry.last


def _port(entry: ClusterPort, directed: DirectedFlow) -> Match:
    """Whether an entry of ``protocols`` matches; a name is one of the destination pod, on whatever protocol."""
    port, destination = directed.flow.port, directed.destination
    if isinstance(entry, NamedPort):
        return definite(destination is not None and port.number in destination.numbers(entry.name, port.protocol))
    return definite(in_range(entry, port))


def _first(matches: Sequence[Match]) -> int | None:
    """The index of the first entry that certainly matches, else of the first that may."""
    certain = (index for index, match in enumerate(matches) if match.certainty is Certainty.ALWAYS)
    possible = (index for index, match in enumerate(matches) if match != NEVER)
    return next(certain, next(possible, None))
