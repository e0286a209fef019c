"""ClusterNetworkPolicies with one part dropped, weakened or moved, as by a mistake of the author or a bug. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from netpol_harness.model.cluster_policy import ClusterNetworkPolicy, ClusterPeer, ClusterRule, PodSelection
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import Direction
from netpol_harness.model.policy import PEERS_FIELD
from netpol_harness.scenario.scenario import Manifest

T = TypeVar("T")
_KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class ClusterVariant:
    """A changed policy: ``part`` is what was dropped or moved, ``where`` its place in the file.

    ``policy`` is ``None`` if the whole policy is dropped. ``rule`` is the direction and the index of the rule that it
    belongs to, ``None`` for the policy's own parts.
    """

    part: str
    where: str
    policy: ClusterNetworkPolicy | None
    rule: tuple[Direction, int] | None = None
    is_whole_rule: bool = False


def cluster_variants(manifest: Manifest) -> Iterator[ClusterVariant]:
    """Yield the policy with each of its parts changed."""
    policy = ClusterNetworkPolicy.parse(manifest.data)
    yield ClusterVariant(f"policy {policy.name}", manifest.where, None)
    for part, keys, subject in _weaker_selections(policy.subject):
        where = manifest.at("spec", "subject", *keys)
        yield ClusterVariant(f"{part} of {policy.name}'s subject", where, replace(policy, subject=subject))
    for direction in Direction:
        for part, keys, rules in _changed_rules(policy.rules(direction), direction):
            where = manifest.at("spec", direction.lower(), *keys)
            changed = (
                replace(policy, ingress=rules) if direction is Direction.INGRESS else replace(policy, egress=rules)
            )
            is_whole = len(rules) < len(policy.rules(direction))
            yield ClusterVariant(f"{part} of {policy.name}", where, changed, (direction, int(keys[0])), is_whole)


def _changed_rules(
    rules: tuple[ClusterRule, ...], direction: Direction
) -> Iterator[tuple[str, _KeyPath, tuple[ClusterRule, ...]]]:
    for index, rule in enumerate(rules):
        name = f"{direction.lower()} rule {index + 1}"
        yield name, (index,), _without(rules, index)
        for part, keys, changed in _weaker_rules(rule, PEERS_FIELD[direction]):
            yield f"{part} of {name}", (index, *keys), (*rules[:index], changed, *rules[index + 1 :])
        if index and rule.action is not rules[index - 1].action:
            moved = (*rules[: index - 1], rule, rules[index - 1], *rules[index + 1 :])
            yield f"the order of {direction.lower()} rules {index} and {index + 1}", (index,), moved


def _weaker_rules(rule: ClusterRule, key: str) -> Iterator[tuple[str, _KeyPath, ClusterRule]]:
    for index, peer in enumerate(rule.peers):
        if len(rule.peers) > 1:
            yield f"peer {index + 1}", (key, index), replace(rule, peers=_without(rule.peers, index))
        for part, keys, weaker in _weaker_selections(peer):
            peers = (*rule.peers[:index], weaker, *rule.peers[index + 1 :])
            yield f"{part} of peer {index + 1}", (key, index, *keys), replace(rule, peers=peers)
    if rule.ports is not None:
        yield "'protocols'", ("protocols",), replace(rule, ports=None)
        for index in range(len(rule.ports)) if len(rule.ports) > 1 else ():
            fewer = replace(rule, ports=_without(rule.ports, index))
            yield f"protocol {index + 1}", ("protocols", index), fewer


def _weaker_selections(peer: ClusterPeer) -> Iterator[tuple[str, _KeyPath, PodSelection]]:
    """Yield a selection of pods without its selector of namespaces, and without that of pods."""
    if isinstance(peer, PodSelection) and peer.namespaces.requirements:
        yield "the selector of namespaces", (), replace(peer, namespaces=LabelSelector())
    if isinstance(peer, PodSelection) and peer.pods.requirements:
        yield "podSelector", ("pods", "podSelector"), replace(peer, pods=LabelSelector())


def _without(items: Sequence[T], index: int) -> tuple[T, ...]:
    return (*items[:index], *items[index + 1 :])
