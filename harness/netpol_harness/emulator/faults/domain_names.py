"""Peers of domainNames: patterns misread, answers kept or lost, look-ups filtered or admitted.

The rules that these break are those of npep-133, "Expected Behavior".
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from ipaddress import ip_network

from netpol_harness.emulator.faults.cluster_tiers import cluster_policies
from netpol_harness.emulator.faults.mutant import Mutant, WorldFault
from netpol_harness.model.cluster_policy import (
    Action,
    ClusterNetworkPolicy,
    ClusterPeer,
    ClusterRule,
    DomainNames,
    Networks,
    PortRange,
)
from netpol_harness.model.names import Protocol
from netpol_harness.model.objects import World

_SOURCES = ("domain_names",)
_ANYWHERE = Networks((ip_network("0.0.0.0/0"), ip_network("::/0")))
_LOOK_UPS = (PortRange(Protocol.UDP, 53, 53), PortRange(Protocol.TCP, 53, 53))


def _patterns(rewrite: Callable[[str, Iterable[str]], Iterable[str]]) -> WorldFault:
    """Replace every pattern by any number of patterns, given all names that the name server answers."""

    def fault(now: World, before: World) -> World:
        def rewritten(rule: ClusterRule) -> ClusterRule:
            return replace(rule, peers=tuple(_with_patterns(peer, rewrite, now.domain_names) for peer in rule.peers))

        def policy(old: ClusterNetworkPolicy) -> list[ClusterNetworkPolicy]:
            return [replace(old, egress=tuple(map(rewritten, old.egress)))]

        return cluster_policies(policy)(now, before)

    return fault


def _with_patterns(
    peer: ClusterPeer, rewrite: Callable[[str, Iterable[str]], Iterable[str]], known: Iterable[str]
) -> ClusterPeer:
    if not isinstance(peer, DomainNames):
        return peer
    names = tuple(new for pattern in peer.names for new in rewrite(pattern, known))
    return DomainNames(names or ("",))


def _with_the_domain(pattern: str, _: Iterable[str]) -> Iterable[str]:
    return (pattern, pattern.removeprefix("*.")) if _is_wildcard(pattern) else (pattern,)


def _one_label(pattern: str, known: Iterable[str]) -> Iterable[str]:
    if not _is_wildcard(pattern):
        return (pattern,)
    return (name for name in known if name.partition(".")[2] == pattern[2:])


def _ending(pattern: str, known: Iterable[str]) -> Iterable[str]:
    return (name for name in known if name.endswith(pattern.removeprefix("*.")))


def _wildcards_unknown(pattern: str, _: Iterable[str]) -> Iterable[str]:
    return () if _is_wildcard(pattern) else (pattern,)


def _is_wildcard(pattern: str) -> bool:
    return pattern.startswith("*.")


def _kept(now: World, before: World) -> World:
    """Keep every address that a name ever had."""
    names = {*now.domain_names, *before.domain_names}
    kept = {
        name: tuple(dict.fromkeys((*now.domain_names.get(name, ()), *before.domain_names.get(name, ()))))
        for name in names
    }
    return replace(now, domain_names=kept)


def _first_answer(now: World, before: World) -> World:
    return replace(now, domain_names={**now.domain_names, **before.domain_names})


def _look_ups(action: Action) -> WorldFault:
    """Put a rule on look-ups in front of every list with domainNames."""
    rule = ClusterRule(action, (_ANYWHERE,), _LOOK_UPS)

    def rewritten(policy: ClusterNetworkPolicy) -> list[ClusterNetworkPolicy]:
        peers = (peer for each in policy.egress for peer in each.peers)
        has_names = any(isinstance(peer, DomainNames) for peer in peers)
        return [replace(policy, egress=(rule, *policy.egress)) if has_names else policy]

    return cluster_policies(rewritten)


MUTANTS = (
    Mutant(
        "domain-wildcard-matches-the-domain",
        "A wildcard in domainNames also matches the domain itself.",
        _SOURCES,
        world=_patterns(_with_the_domain),
    ),
    Mutant(
        "domain-wildcard-is-one-label",
        "A wildcard in domainNames stands for one label only.",
        _SOURCES,
        world=_patterns(_one_label),
    ),
    Mutant(
        "domain-wildcard-unknown",
        "A wildcard in domainNames matches nothing.",
        _SOURCES,
        world=_patterns(_wildcards_unknown),
    ),
    Mutant(
        "domain-suffix-without-dot",
        "A name in domainNames also matches every name that ends with its letters.",
        _SOURCES,
        world=_patterns(_ending),
    ),
    Mutant(
        "domain-aliases-not-followed",
        "A name that is an alias (CNAME) has no addresses for domainNames.",
        _SOURCES,
        follows_aliases=False,
    ),
    Mutant(
        "domain-addresses-kept",
        "An address that a name once had stays admitted for ever, whatever its time to live.",
        _SOURCES,
        world=_kept,
    ),
    Mutant(
        "domain-first-answer-only",
        "Of a name in domainNames only the addresses of the first answer are admitted.",
        _SOURCES,
        world=_first_answer,
    ),
    Mutant(
        "domain-look-ups-denied",
        "A rule with domainNames denies the pod's look-ups, also those that another rule accepts.",
        _SOURCES,
        world=_look_ups(Action.DENY),
    ),
    Mutant(
        "domain-look-ups-accepted",
        "A rule with domainNames accepts the pod's look-ups, which no rule accepts.",
        _SOURCES,
        world=_look_ups(Action.ACCEPT),
    ),
)
