"""Policies with one part dropped or weakened, as by a mistake of the author or a bug of a plugin. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from netpol_harness.analysis.describe import describe_peer, describe_port, describe_requirement
from netpol_harness.model.labels import LabelSelector, Operator
from netpol_harness.model.names import Direction
from netpol_harness.model.policy import PEERS_FIELD, IPBlock, NetworkPolicy, Peer, PolicyPort, Rule
from netpol_harness.scenario.scenario import Manifest

T = TypeVar("T")
_KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Variant:
    """A policy with a part dropped or weakened: ``part`` is its description, ``where`` its place in the file.

    ``policy`` is ``None`` if the whole policy is dropped. ``rule`` is the direction and the index of the rule that it
    belongs to, ``None`` for the policy's own parts.
    """

    part: str
    where: str
    policy: NetworkPolicy | None
    rule: tuple[Direction, int] | None = None
    is_whole_rule: bool = False


@dataclass(frozen=True, slots=True)
class _RuleVariant:
    """A rule with one part changed, at ``keys`` of the rule; ``rule`` is ``None`` if the rule itself is dropped."""

    part: str
    keys: _KeyPath
    rule: Rule | None


def variants(manifest: Manifest) -> Iterator[Variant]:
    """Yield the policy with each of its parts dropped or weakened, without duplicates and without the policy itself."""
    policy = NetworkPolicy.parse(manifest.data)
    yield Variant(f"policy {policy.ref.name}", manifest.where, None)
    seen = {policy}
    for variant in (*_subjects(manifest, policy), *_directions(manifest, policy), *_rules(manifest, policy)):
        if variant.policy not in seen:
            seen.add(variant.policy or policy)
            yield variant


def _subjects(manifest: Manifest, policy: NetworkPolicy) -> Iterator[Variant]:
    for part, keys, weaker in _weaker_selectors("podSelector", policy.subject):
        yield Variant(f"{part} of {policy.ref.name}", manifest.at("spec", *keys), replace(policy, subject=weaker))


def _directions(manifest: Manifest, policy: NetworkPolicy) -> Iterator[Variant]:
    for direction in sorted(policy.directions) if len(policy.directions) > 1 else ():
        written = list((manifest.data.get("spec") or {}).get("policyTypes") or ())
        index = written.index(direction) if direction in written else 0
        where = manifest.at("spec", "policyTypes", index)
        weaker = replace(policy, directions=policy.directions - {direction})
        yield Variant(f"policyTypes {direction} of {policy.ref.name}", where, weaker)


def _rules(manifest: Manifest, policy: NetworkPolicy) -> Iterator[Variant]:
    for direction in sorted(policy.directions):
        rules = policy.rules(direction)
        for index, rule in enumerate(rules):
            name = f"{direction.lower()} rule {index + 1} of {policy.ref.name}"
            for changed in _rule_variants(rule, PEERS_FIELD[direction], policy.ref.namespace):
                new_rules = (*rules[:index], *([changed.rule] if changed.rule else []), *rules[index + 1 :])
                where = manifest.at("spec", direction.lower(), index, *changed.keys)
                weaker = policy.with_rules(direction, new_rules)
                yield Variant(f"{changed.part}{name}", where, weaker, (direction, index), changed.rule is None)


def _rule_variants(rule: Rule, peers_key: str, namespace: str) -> Iterator[_RuleVariant]:
    yield _RuleVariant("", (), None)
    if rule.peers is not None:
        yield _RuleVariant(f"'{peers_key}' of ", (peers_key,), replace(rule, peers=None))
        yield from _peers(rule, rule.peers, peers_key, namespace)
    if rule.ports is not None:
        yield _RuleVariant("'ports' of ", ("ports",), replace(rule, ports=None))
        yield from _ports(rule, rule.ports)


def _peers(rule: Rule, peers: Sequence[Peer], key: str, namespace: str) -> Iterator[_RuleVariant]:
    for index, peer in enumerate(peers):
        if len(peers) > 1:
            fewer = replace(rule, peers=_without(peers, index))
            yield _RuleVariant(f"{describe_peer(peer, namespace)} in ", (key, index), fewer)
        for part, keys, weaker in _weaker_peers(peer):
            changed = (*peers[:index], weaker, *peers[index + 1 :])
            yield _RuleVariant(f"{part} in ", (key, index, *keys), replace(rule, peers=changed))


def _weaker_peers(peer: Peer) -> Iterator[tuple[str, _KeyPath, Peer]]:
    """Yield the peer without one of its conditions."""
    if isinstance(peer, IPBlock):
        for index, network in enumerate(peer.excepts):
            fewer = replace(peer, excepts=_without(peer.excepts, index))
            yield f"except {network}", ("ipBlock", "except", index), fewer
        return
    for part, keys, selector in _weaker_selectors("namespaceSelector", peer.namespaces):
        yield part, keys, replace(peer, namespaces=selector)
    for part, keys, selector in _weaker_selectors("podSelector", peer.pods):
        yield part, keys, replace(peer, pods=selector)


def _weaker_selectors(key: str, selector: LabelSelector | None) -> Iterator[tuple[str, _KeyPath, LabelSelector]]:
    """Yield the selector that selects everything, and the selector without one of several requirements."""
    requirements = selector.requirements if selector else ()
    if requirements:
        yield key, (key,), LabelSelector()
    for index, requirement in enumerate(requirements if len(requirements) > 1 else ()):
        keys = ("matchLabels", requirement.key) if requirement.operator is Operator.IN else ("matchExpressions",)
        part = f"{describe_requirement(requirement)} of {key}"
        yield part, (key, *keys), LabelSelector(_without(requirements, index))


def _ports(rule: Rule, ports: Sequence[PolicyPort]) -> Iterator[_RuleVariant]:
    for index, port in enumerate(ports):
        if len(ports) > 1:
            fewer = replace(rule, ports=_without(ports, index))
            yield _RuleVariant(f"{describe_port(port)} in ", ("ports", index), fewer)
        if port.end_port is not None:
            single = (*ports[:index], replace(port, end_port=None), *ports[index + 1 :])
            yield _RuleVariant(f"endPort {port.end_port} in ", ("ports", index, "endPort"), replace(rule, ports=single))


def _without(items: Sequence[T], index: int) -> tuple[T, ...]:
    return (*items[:index], *items[index + 1 :])
