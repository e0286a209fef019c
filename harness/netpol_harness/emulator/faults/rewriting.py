"""The grammar in which misreadings are said: apply a small function to every policy, rule, peer, port or selector.

Invariant: a list that loses its last entry admits nothing; it never becomes the absent list, which admits everything.
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
Selecting = Callable[[LabelSelector], LabelSelector]


def policies(rewrite: Callable[[NetworkPolicy], NetworkPolicy]) -> WorldFault:
    """Every policy, one by one."""
    return lambda now, _: replace(now, policies=tuple(map(rewrite, now.policies)))


def rule_lists(rewrite: Callable[[Rules], Iterable[Rule]], *directions: Direction) -> WorldFault:
    """Every policy's list of rules of these directions, of both where none is given."""
    meant = directions or tuple(Direction)

    def rewritten(policy: NetworkPolicy) -> NetworkPolicy:
        return with_rules(policy, {direction: tuple(rewrite(policy.rules(direction))) for direction in meant})

    return policies(rewritten)


def rules(rewrite: Callable[[Rule], Iterable[Rule]], *directions: Direction) -> WorldFault:
    """Every rule: by none, one or several others."""
    return rule_lists(lambda listed: [new for rule in listed for new in rewrite(rule)], *directions)


def peer_lists(rewrite: Callable[[tuple[Peer, ...]], Iterable[Peer]], *directions: Direction) -> WorldFault:
    """The list of peers of every rule that has one."""
    return rules(
        lambda rule: [rule if rule.peers is None else replace(rule, peers=tuple(rewrite(rule.peers)))], *directions
    )


def pod_peers(rewrite: Callable[[PodPeer], Iterable[Peer]], *directions: Direction) -> WorldFault:
    """Every peer that is given by selectors."""
    return peer_lists(
        lambda listed: [new for peer in listed for new in (rewrite(peer) if isinstance(peer, PodPeer) else [peer])],
        *directions,
    )


def blocks(rewrite: Callable[[IPBlock], Iterable[Peer]], *directions: Direction) -> WorldFault:
    """Every peer that is an ipBlock."""
    return peer_lists(
        lambda listed: [new for peer in listed for new in (rewrite(peer) if isinstance(peer, IPBlock) else [peer])],
        *directions,
    )


def port_lists(rewrite: Callable[[tuple[PolicyPort, ...]], Iterable[PolicyPort]], *directions: Direction) -> WorldFault:
    """The list of ports of every rule that has one; a rule that keeps no port goes."""

    def rewritten(rule: Rule) -> list[Rule]:
        if rule.ports is None:
            return [rule]
        kept = tuple(rewrite(rule.ports))
        return [replace(rule, ports=kept)] if kept else []

    return rules(rewritten, *directions)


def ports(rewrite: Callable[[PolicyPort], Iterable[PolicyPort]], *directions: Direction) -> WorldFault:
    """Every port: by none, one or several others."""
    return port_lists(lambda listed: [new for port in listed for new in rewrite(port)], *directions)


def subjects(rewrite: Selecting) -> WorldFault:
    """The podSelector of every policy."""
    return policies(lambda policy: replace(policy, subject=rewrite(policy.subject)))


def peer_selectors(*, pods: Selecting = lambda kept: kept, namespaces: Selecting = lambda kept: kept) -> WorldFault:
    """The selectors of every peer, each where it is given."""
    return pod_peers(
        lambda peer: [
            PodPeer(
                None if peer.namespaces is None else namespaces(peer.namespaces),
                None if peer.pods is None else pods(peer.pods),
            )
        ]
    )


def selectors(rewrite: Selecting) -> WorldFault:
    """Every selector of every policy."""
    return both(subjects(rewrite), peer_selectors(pods=rewrite, namespaces=rewrite))


def requirements(rewrite: Callable[[Requirement], Iterable[Requirement]]) -> Selecting:
    """Every requirement of a selector."""
    return lambda selector: LabelSelector(tuple(new for old in selector.requirements for new in rewrite(old)))


def both(first: WorldFault, second: WorldFault) -> WorldFault:
    """One after the other, each with the same past."""
    return lambda now, before: second(first(now, before), before)


def with_rules(policy: NetworkPolicy, changed: Mapping[Direction, Rules]) -> NetworkPolicy:
    """The policy with other rules in these directions."""
    return replace(
        policy,
        ingress=changed.get(Direction.INGRESS, policy.ingress),
        egress=changed.get(Direction.EGRESS, policy.egress),
    )


def filtered(chosen: Callable[[NetworkPolicy], bool]) -> WorldFault:
    """Only those policies that are chosen."""
    return lambda now, _: replace(now, policies=tuple(filter(chosen, now.policies)))
