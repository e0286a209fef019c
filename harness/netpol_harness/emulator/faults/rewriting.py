"""Building blocks of misreadings: apply a small function to every policy, rule, peer, port or selector.

Invariant: a list that loses its last entry admits nothing. It never becomes the absent list, which admits everything.
Pure.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from netpol_harness.emulator.faults.mutant import WorldFault
from netpol_harness.model.labels import LabelSelector, Operator, Requirement
from netpol_harness.model.names import Direction
from netpol_harness.model.policy import IPBlock, NetworkPolicy, Peer, PodPeer, PolicyPort, Rule

EVERYTHING = LabelSelector()
NOTHING = LabelSelector((Requirement("", Operator.IN),))
BOTH = frozenset(Direction)

Rules = tuple[Rule, ...]
SelectorRewrite = Callable[[LabelSelector], LabelSelector]


def policies(rewrite: Callable[[NetworkPolicy], NetworkPolicy]) -> WorldFault:
    """Rewrite every policy."""
    return lambda now, _: replace(now, policies=tuple(map(rewrite, now.policies)))


def rule_lists(rewrite: Callable[[Rules], Iterable[Rule]], *directions: Direction) -> WorldFault:
    """Rewrite every policy's list of rules in these directions; in both if none is given."""
    chosen = directions or tuple(Direction)

    def rewritten(policy: NetworkPolicy) -> NetworkPolicy:
        return with_rules(policy, {direction: tuple(rewrite(policy.rules(direction))) for direction in chosen})

    return policies(rewritten)


def rules(rewrite: Callable[[Rule], Iterable[Rule]], *directions: Direction) -> WorldFault:
    """Replace every rule by any number of rules."""
    return rule_lists(lambda entries: [new for rule in entries for new in rewrite(rule)], *directions)


def peer_lists(rewrite: Callable[[tuple[Peer, ...]], Iterable[Peer]], *directions: Direction) -> WorldFault:
    """Rewrite the list of peers of every rule that has one."""
    return rules(
        lambda rule: [rule if rule.peers is None else replace(rule, peers=tuple(rewrite(rule.peers)))], *directions
    )


def pod_peers(rewrite: Callable[[PodPeer], Iterable[Peer]], *directions: Direction) -> WorldFault:
    """Replace every peer that consists of selectors."""
    return peer_lists(
        lambda entries: [new for peer in entries for new in (rewrite(peer) if isinstance(peer, PodPeer) else [peer])],
        *directions,
    )


def blocks(rewrite: Callable[[IPBlock], Iterable[Peer]], *directions: Direction) -> WorldFault:
    """Replace every peer that is an ipBlock."""
    return peer_lists(
        lambda entries: [new for peer in entries for new in (rewrite(peer) if isinstance(peer, IPBlock) else [peer])],
        *directions,
    )


def port_lists(rewrite: Callable[[tuple[PolicyPort, ...]], Iterable[PolicyPort]], *directions: Direction) -> WorldFault:
    """Rewrite the list of ports of every rule that has one. A rule that keeps no port is removed."""

    def rewritten(rule: Rule) -> list[Rule]:
        if rule.ports is None:
            return [rule]
        ports = tuple(rewrite(rule.ports))
        return [replace(rule, ports=ports)] if ports else []

    return rules(rewritten, *directions)


def ports(rewrite: Callable[[PolicyPort], Iterable[PolicyPort]], *directions: Direction) -> WorldFault:
    """Replace every port by any number of ports."""
    return port_lists(lambda entries: [new for port in entries for new in rewrite(port)], *directions)


def subjects(rewrite: SelectorRewrite) -> WorldFault:
    """Rewrite the podSelector of every policy."""
    return policies(lambda policy: replace(policy, subject=rewrite(policy.subject)))


def peer_selectors(
    *, pods: SelectorRewrite = lambda kept: kept, namespaces: SelectorRewrite = lambda kept: kept
) -> WorldFault:
    """Rewrite the selectors that the peers have."""
    return pod_peers(
        lambda peer: [
            PodPeer(
                None if peer.namespaces is None else namespaces(peer.namespaces),
                None if peer.pods is None else pods(peer.pods),
            )
        ]
    )


def selectors(rewrite: SelectorRewrite) -> WorldFault:
    """Rewrite every selector of every policy."""
    return both(subjects(rewrite), peer_selectors(pods=rewrite, namespaces=rewrite))


def requirements(rewrite: Callable[[Requirement], Iterable[Requirement]]) -> SelectorRewrite:
    """Replace every requirement of a selector."""
    return lambda selector: LabelSelector(tuple(new for old in selector.requirements for new in rewrite(old)))


def both(first: WorldFault, second: WorldFault) -> WorldFault:
    """Apply one fault after the other, each with the same previous world."""
    return lambda now, before: second(first(now, before), before)


def with_rules(policy: NetworkPolicy, changed: Mapping[Direction, Rules]) -> NetworkPolicy:
    """Return the policy with other rules in these directions."""
    return replace(
        policy,
        ingress=changed.get(Direction.INGRESS, policy.ingress),
        egress=changed.get(Direction.EGRESS, policy.egress),
    )


def filtered(chosen: Callable[[NetworkPolicy], bool]) -> WorldFault:
    """Keep only the policies for which ``chosen`` is true."""
    return lambda now, _: replace(now, policies=tuple(filter(chosen, now.policies)))
