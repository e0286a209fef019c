"""Address ranges of ipBlocks: arithmetic on disjoint, ascending, inclusive ranges of integers.

Invariant: an ``except`` takes away from its own block alone, never from another block or peer of the rule
(networking.k8s.io/v1 IPBlock). nftables refuses intervals that overlap, hence the merging here. Pure.
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from netpol_harness.model.policy import IPBlock, Network

Range = tuple[int, int]
"""First and last address, both included."""

_ADDRESS = {4: IPv4Address, 6: IPv6Address}


def admitted(blocks: Iterable[IPBlock], version: int) -> tuple[Range, ...]:
    """What the blocks of one IP version admit together."""
    return tuple(_merged(r for block in blocks if block.cidr.version == version for r in _without_excepts(block)))


def holds(ranges: Iterable[Range], address: str) -> bool:
    """Whether the address lies in one of the ranges, which are of its own IP version."""
    number = int(ip_address(address))
    return any(first <= number <= last for first, last in ranges)


def written(ranges: Iterable[Range], version: int) -> tuple[str, ...]:
    """The ranges as nft writes intervals."""
    kind = _ADDRESS[version]
    return tuple(str(kind(first)) if first == last else f"{kind(first)}-{kind(last)}" for first, last in ranges)


def _without_excepts(block: IPBlock) -> Iterator[Range]:
    first, last = _range(block.cidr)
    for taken_first, taken_last in _merged(_range(e) for e in block.excepts if e.version == block.cidr.version):
        if first <= last and first < taken_first:
            yield first, min(taken_first - 1, last)
        first = max(first, taken_last + 1)
    if first <= last:
        yield first, last


def _range(network: Network) -> Range:
    return int(network.network_address), int(network.broadcast_address)


def _merged(ranges: Iterable[Range]) -> Iterator[Range]:
    """Ascending and disjoint; ranges that touch become one."""
    pending: Range | None = None
    for first, last in sorted(ranges):
        if pending and first <= pending[1] + 1:
            pending = pending[0], max(pending[1], last)
        else:
            if pending:
                yield pending
            pending = first, last
    if pending:
        yield pending
