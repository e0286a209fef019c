"""Bugs of clusters with several nodes: what differs if the two ends of a connection are on different nodes."""

from collections.abc import Iterator
from dataclasses import replace

from netpol_harness.emulator.address_plan import FAMILIES
from netpol_harness.emulator.dataplane.rules import IpVersion, NamedSet, Ruleset
from netpol_harness.emulator.faults.mutant import TWO_NODES, Mutant


def _local_addresses(correct: Ruleset) -> frozenset[str]:
    """Return the addresses of the pods of the node that these are the rules of."""
    maps = (own for name, own in correct.sets.items() if name.startswith("pods/"))
    return frozenset(address for own in maps for address in own.elements)


def _without_pods_elsewhere(correct: Ruleset, _: Ruleset) -> Ruleset:
    local = _local_addresses(correct)

    def kept(name: str, current: NamedSet) -> NamedSet:
        if not name.startswith("selected/"):
            return current
        own = {key: value for key, value in current.elements.items() if key.split(" . ")[0] in local}
        return replace(current, elements=own)

    return replace(correct, sets={name: kept(name, current) for name, current in correct.sets.items()})


def _masqueraded(correct: Ruleset, _: Ruleset) -> Ruleset:
    """Replace the source of what a node forwards from its own pods to those of other nodes."""
    chain = correct.chains["nat/postrouting"]
    rules = (*chain.rules, *_to_other_nodes(correct, "masquerade"))
    return replace(correct, chains={**correct.chains, "nat/postrouting": replace(chain, rules=rules)})


def _to_other_nodes(correct: Ruleset, verdict: str) -> Iterator[str]:
    for header, pods, local in _ranges(correct):
        yield f"{header} saddr {local} {header} daddr {pods} {header} daddr != {local} {verdict}"


def _ranges(correct: Ruleset) -> Iterator[tuple[str, str, str]]:
    """Yield by family its name in rules, the range of all pods, and the addresses of the node's own."""
    addresses = sorted(_local_addresses(correct))
    for family in FAMILIES:
        version = IpVersion.of(str(family.pods))
        if own := [address for address in addresses if IpVersion.of(address) is version]:
            yield version.header, str(family.pods), f"{{ {', '.join(own)} }}"


MUTANTS = (
    Mutant(
        "peers-on-other-nodes-unknown",
        "A selector admits only pods on the node of the subject.",
        ("three_tier",),
        rules=_without_pods_elsewhere,
        shape=TWO_NODES,
    ),
    Mutant(
        "source-masqueraded-between-nodes",
        "A connection to a pod on another node comes from the address of the source's node.",
        ("three_tier",),
        rules=_masqueraded,
        shape=TWO_NODES,
    ),
)
