"""Bugs of clusters with both IP families: one of them is not protected, or not reached."""

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_network

from netpol_harness.emulator.dataplane.rules import Chain, IpVersion, NamedSet, Ruleset
from netpol_harness.emulator.faults.lifecycle import MARK, deleted_pods, is_recreated, isolating_recreated
from netpol_harness.emulator.faults.mutant import BOTH_FAMILIES, Mutant
from netpol_harness.emulator.faults.rewriting import blocks
from netpol_harness.model.addresses import ip_version
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import Pod, World
from netpol_harness.model.policy import IPBlock, Network, Peer

_EVERY_IPV6: Network = ip_network("::/0")


def _with_addresses(pod: Pod, version: int) -> Pod:
    return replace(pod, addresses=tuple(address for address in pod.addresses if ip_version(address) == version))


def _ipv4_lost(now: World, before: World) -> World:
    """Read a recreated pod as two: one with its IPv6 address, and one that nothing selects with that of IPv4."""
    pods: dict[NamespacedName, Pod] = dict(deleted_pods(now, before))
    for ref, pod in now.pods.items():
        pods[ref] = pod
        lost = NamespacedName(ref.namespace, f"{ref.name}/ipv4")
        if is_recreated(pod, before) or lost in before.pods:
            pods[ref] = _with_addresses(pod, 6)
            pods[lost] = replace(_with_addresses(pod, 4), ref=lost, labels=MARK)
    return replace(now, pods=pods, policies=(*now.policies, *isolating_recreated(now)))


def _sets_frozen(correct: Ruleset, before: Ruleset) -> Ruleset:
    """Keep the elements that the IPv6 sets of pods have had first."""

    def frozen(name: str, current: NamedSet) -> NamedSet:
        earlier = before.sets.get(name)
        is_ipv6 = name.startswith("selected/") and current.type.startswith(IpVersion.IPV6.address_type)
        return replace(current, elements=earlier.elements) if is_ipv6 and earlier else current

    return replace(correct, sets={name: frozen(name, current) for name, current in correct.sets.items()})


def _isolated_are_cut_off(correct: Ruleset, _: Ruleset) -> Ruleset:
    """Drop all packets at the IPv6 addresses of pods that some policy isolates."""
    maps = [own for name, own in correct.sets.items() if name.startswith("pods/") and name.endswith("/ip6")]
    names = {verdict.removeprefix("jump ") for own in maps for verdict in own.elements.values()}
    chains: Mapping[str, Chain] = {
        name: Chain(("drop",)) if name in names and chain.rules else chain for name, chain in correct.chains.items()
    }
    return replace(correct, chains=chains)


def _with_all_of_ipv6(block: IPBlock) -> list[Peer]:
    is_everything = block.cidr.version == 4 and block.cidr.prefixlen == 0
    return [block, IPBlock(_EVERY_IPV6)] if is_everything else [block]


MUTANTS = (
    Mutant(
        "ipv6-sets-frozen",
        "Pods that start later do not get into the IPv6 sets of policies.",
        ("ipv6-sets-frozen",),
        rules=_sets_frozen,
        shape=BOTH_FAMILIES,
    ),
    Mutant(
        "recreated-pod-loses-ipv4",
        "Of a recreated pod only the IPv6 address gets back into the sets of policies.",
        ("dualstack-v4-entry-lost-after-recreate",),
        world=_ipv4_lost,
        shape=BOTH_FAMILIES,
    ),
    Mutant(
        "neighbor-discovery-denied",
        "Isolation drops the search for IPv6 neighbors too, so that not even admitted connections open.",
        ("ipv6-neighbor-discovery-denied",),
        rules=_isolated_are_cut_off,
        shape=BOTH_FAMILIES,
    ),
    Mutant(
        "every-ipv4-address-means-ipv6-too",
        "0.0.0.0/0 admits every IPv6 address.",
        ("ipv4-slash-zero-does-not-cover-ipv6",),
        world=blocks(_with_all_of_ipv6),
        shape=BOTH_FAMILIES,
    ),
)
