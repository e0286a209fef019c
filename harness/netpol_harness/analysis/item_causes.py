"""Mistakes with the list items of a policy: one item for two that were meant, or two for one. Pure."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from netpol_harness.analysis.cause_context import CauseContext
from netpol_harness.model.names import Direction
from netpol_harness.model.policy import NetworkPolicy, Peer, PodPeer, Rule
from netpol_harness.oracle.verdict import Answer


def one_item_for_two(context: CauseContext) -> Iterator[str]:
    """Find peers with both selectors where two peers may have been meant."""
    for _, side in context.sides(Answer.BLOCKED):
        for policy, index, rule in context.rules(side):
            loose = replace(rule, peers=tuple(_halves(rule)))
            if loose.peers and context.changes_with(policy, side.direction, [loose]):
                yield (
                    f"a peer of {context.rule_name(policy, side.direction, index)} has both selectors in one item, and"
                    " both must match: with a '-' before each of them, either is enough"
                )


def two_items_for_one(context: CauseContext) -> Iterator[str]:
    """Find two peers, or two rules, where one may have been meant: each of them is enough."""
    for _, side in context.sides(Answer.ALLOWED):
        for policy, index, rule in context.rules(side):
            others = [r for i, r in enumerate(policy.rules(side.direction)) if i != index]
            for strict in _joined_peers(rule):
                if context.changes_with(policy, side.direction, [*others, strict]):
                    yield (
                        f"{context.rule_name(policy, side.direction, index)} has two selectors as two items, of which"
                        " either is enough: without the second '-' both must match"
                    )
        for policy in context.policies(side.isolating):
            yield from _split_rules(context, policy, side.direction)


def _halves(rule: Rule) -> Iterator[Peer]:
    """Yield the two halves of every peer that has both selectors."""
    for peer in rule.peers or ():
        if isinstance(peer, PodPeer) and peer.namespaces and peer.pods:
            yield from (replace(peer, pods=None), replace(peer, namespaces=None))


def _joined_peers(rule: Rule) -> Iterator[Rule]:
    """Yield the rule with two adjacent peers joined, of which one has only namespaces and the other only pods."""
    peers = rule.peers or ()
    for at, (first, second) in enumerate(pairwise(peers)):
        if isinstance(first, PodPeer) and isinstance(second, PodPeer) and _are_halves(first, second):
            joined = PodPeer(first.namespaces or second.namespaces, first.pods or second.pods)
            yield replace(rule, peers=(*peers[:at], joined, *peers[at + 2 :]))


def _are_halves(first: PodPeer, second: PodPeer) -> bool:
    return (first.namespaces is None) != (second.namespaces is None) and (first.pods is None) != (second.pods is None)


def _split_rules(context: CauseContext, policy: NetworkPolicy, direction: Direction) -> Iterator[str]:
    """Find a rule of peers next to a rule of ports where one rule with both may have been meant."""
    rules = policy.rules(direction)
    for at, (first, second) in enumerate(pairwise(rules)):
        if (first.peers is None) == (second.peers is None) or (first.ports is None) == (second.ports is None):
            continue
        joined = Rule(first.peers or second.peers, first.ports or second.ports)
        if context.changes_with(policy, direction, [*rules[:at], joined, *rules[at + 2 :]]):
            yield (
                f"{context.rule_name(policy, direction, at)} and the next hold the peers and the ports separately, and"
                " either is enough: without the second '-' both must match"
            )
