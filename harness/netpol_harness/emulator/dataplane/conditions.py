"""Conditions of nft rules, and the sets that they refer to.

Invariant: a set of pods is named after the *definition* of the selection, a set of address ranges after its content. A
packet sees the rules as of one moment, but may look up elements as of the next. So an old rule can never meet the
members of another definition. Pure.
"""

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from itertools import product

from netpol_harness.emulator.dataplane.blocks import admitted_ranges, as_intervals
from netpol_harness.emulator.dataplane.rules import IpVersion, NamedSet, digest, members
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import Direction
from netpol_harness.model.policy import IPBlock

SUBJECT = {Direction.INGRESS: "daddr", Direction.EGRESS: "saddr"}
PEER = {Direction.INGRESS: "saddr", Direction.EGRESS: "daddr"}


@dataclass(frozen=True, slots=True)
class Match:
    """A condition on a packet. ``family`` is None if it applies to both."""

    text: str = ""
    family: IpVersion | None = None


class ConditionSets:
    """The named sets of conditions."""

    def __init__(self) -> None:
        self.sets: dict[str, NamedSet] = {}

    def of_keys(self, definition: object, keys: Set[str], field: str, key_type: str = "") -> Iterator[Match]:
        """Yield one condition per family, if the set has members: a rule without pods is not written.

        ``keys`` begin with an address; ``field`` and ``key_type`` are what follows the family's header and type.
        """
        for family in IpVersion:
            elements = sorted(key for key in keys if IpVersion.of(key) is family)
            if elements:
                name = f"selected/{digest(definition, family.header)}"
                self.sets[name] = NamedSet(family.address_type + key_type, members(elements))
                yield Match(f"{family.header} {field} @{name}", family)

    def of_blocks(self, blocks: Iterable[IPBlock], field: str) -> Iterator[Match]:
        """Yield one condition per family of the blocks."""
        listed = tuple(blocks)
        for family in IpVersion:
            ranges = as_intervals(admitted_ranges(listed, family.version), family.version)
            if ranges:
                name = f"block/{digest(ranges)}"
                self.sets[name] = NamedSet(family.address_type, members(ranges), "interval")
                yield Match(f"{family.header} {field} @{name}", family)


def conjunction(left: Iterable[Match], right: Iterable[Match]) -> Iterator[Match]:
    """Yield the conjunction of each pair that one packet can satisfy."""
    for first, second in product(left, right):
        if first.family is None or second.family is None or first.family is second.family:
            yield Match(" ".join(filter(None, (first.text, second.text))), first.family or second.family)


def selector_definition(selector: LabelSelector) -> tuple[object, ...]:
    """Return a selector in a form whose representation is canonical."""
    return tuple(sorted((r.key, str(r.operator), *sorted(r.values)) for r in selector.requirements))
