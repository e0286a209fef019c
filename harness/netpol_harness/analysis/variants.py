"""A policy with one part dropped or weakened, as a slip of its author or a bug of a network plugin would do. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from netpol_harness.analysis.wording import peer_words, port_words, requirement_words
from netpol_harness.model.labels import LabelSelector, Operator
from netpol_harness.model.names import Direction
from netpol_harness.model.policy import IPBlock, NetworkPolicy, Peer, PolicyPort, Rule
from netpol_harness.scenario.scenario import Manifest

T = TypeVar("T")
_Place = tuple[str | int, ...]
_PEERS = {Direction.INGRESS: "from", Direction.EGRESS: "to"}


@dataclass(frozen=True, slots=True)
class Variant:
    """``part`` names what was dropped or weakened, at ``where``; ``policy`` is what is left, ``None`` for nothing."""

    part: str
    where: str
    policy: NetworkPolicy | None


@dataclass(frozen=True, slots=True)
class _Part:
    """One rule with a part changed; ``None`` where the rule itself is dropped."""

    what: str
    at: _Place
    rule: Rule | None


def variants(manifest: Manifest) -> Iterator[Variant]:
    """Every part of a policy, dropped or weakened, each different from the policy and from those before it."""
    policy = NetworkPolicy.parse(manifest.data)
    yield Variant(f"policy {policy.ref.name}", manifest.where, None)
    seen = {policy}
    for variant in (*_subjects(manifest, policy), *_directions(manifest, policy), *_rules(manifest, policy)):
        if variant.policy not in seen:
            seen.add(variant.policy or policy)
            yield variant


def _subjects(manifest: Manifest, policy: NetworkPolicy) -> Iterator[Variant]:
    for what, at, weaker in _weaker_selector("podSelector", policy.subject):
        yield Variant(f"{what} of {policy.ref.name}", manifest.at("spec", *at), replace(policy, subject=weaker))


def _directions(manifest: Manifest, policy: NetworkPolicy) -> Iterator[Variant]:
    for direction in sorted(policy.directions) if len(policy.directions) > 1 else ():
        written = list((manifest.data.get("spec") or {}).get("policyTypes") or ())
        index = written.index(direction) if direction in written else 0
        where = manifest.at("spec", "policyTypes", index)
        left = replace(policy, directions=policy.directions - {direction})
        yield Variant(f"policyTypes {direction} of {policy.ref.name}", where, left)


def _rules(manifest: Manifest, policy: NetworkPolicy) -> Iterator[Variant]:
    for direction in sorted(policy.directions):
        rules = policy.rules(direction)
        for index, rule in enumerate(rules):
            name = f"{direction.lower()} rule {index + 1} of {policy.ref.name}"
            for part in _parts(rule, _PEERS[direction], policy.ref.namespace):
                changed = (*rules[:index], *([part.rule] if part.rule else []), *rules[index + 1 :])
                left = (
                    replace(policy, ingress=changed)
                    if direction is Direction.INGRESS
                    else replace(policy, egress=changed)
                )
                where = manifest.at("spec", direction.lower(), index, *part.at)
                yield Variant(f"{part.what}{name}", where, left)


def _parts(rule: Rule, peers_key: str, namespace: str) -> Iterator[_Part]:
    yield _Part("", (), None)
    if rule.peers is not None:
        yield _Part(f"'{peers_key}' of ", (peers_key,), replace(rule, peers=None))
        yield from _peers(rule, rule.peers, peers_key, namespace)
    if rule.ports is not None:
        yield _Part("'ports' of ", ("ports",), replace(rule, ports=None))
        yield from _ports(rule, rule.ports)


def _peers(rule: Rule, peers: Sequence[Peer], key: str, namespace: str) -> Iterator[_Part]:
    for index, peer in enumerate(peers):
        if len(peers) > 1:
            yield _Part(f"{peer_words(peer, namespace)} in ", (key, index), replace(rule, peers=_without(peers, index)))
        for what, at, weaker in _weaker(peer):
            changed = (*peers[:index], weaker, *peers[index + 1 :])
            yield _Part(f"{what} in ", (key, index, *at), replace(rule, peers=changed))


def _weaker(peer: Peer) -> Iterator[tuple[str, _Place, Peer]]:
    """A peer without one of its conditions."""
    if isinstance(peer, IPBlock):
        for index, hole in enumerate(peer.excepts):
            yield f"except {hole}", ("ipBlock", "except", index), replace(peer, excepts=_without(peer.excepts, index))
        return
    for what, at, selector in _weaker_selector("namespaceSelector", peer.namespaces):
        yield what, at, replace(peer, namespaces=selector)
    for what, at, selector in _weaker_selector("podSelector", peer.pods):
        yield what, at, replace(peer, pods=selector)


def _weaker_selector(key: str, selector: LabelSelector | None) -> Iterator[tuple[str, _Place, LabelSelector]]:
    """A selector that selects everything, and, of several requirements, without one of them."""
    requirements = selector.requirements if selector else ()
    if requirements:
        yield key, (key,), LabelSelector()
    for index, requirement in enumerate(requirements if len(requirements) > 1 else ()):
        within = ("matchLabels", requirement.key) if requirement.operator is Operator.IN else ("matchExpressions",)
        what = f"{requirement_words(requirement)} of {key}"
        yield what, (key, *within), LabelSelector(_without(requirements, index))


def _ports(rule: Rule, ports: Sequence[PolicyPort]) -> Iterator[_Part]:
    for index, port in enumerate(ports):
        if len(ports) > 1:
            yield _Part(f"{port_words(port)} in ", ("ports", index), replace(rule, ports=_without(ports, index)))
        if port.end_port is not None:
            single = (*ports[:index], replace(port, end_port=None), *ports[index + 1 :])
            yield _Part(f"endPort {port.end_port} in ", ("ports", index, "endPort"), replace(rule, ports=single))


def _without(items: Sequence[T], index: int) -> tuple[T, ...]:
    return (*items[:index], *items[index + 1 :])
