"""Address ranges of ipBlocks: arithmetic on disjoint, ascending, inclusive ranges of integers.

Invariant: an ``except`` is subtracted from its own block only, never from another block or peer of the rule
(networking.k8s.io/v1 IPBlock). nftables refuses intervals that overlap, so they are merged here. Pure.
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from netpol_harness.model.policy import IPBlock, Network

Range = tuple[int, int]
"""First and last address, both included."""

_ADDRESS = {4: IPv4Address, 6: IPv6Address}


def admitted_ranges(blocks: Iterable[IPBlock], version: int) -> tuple[Range, ...]:
    """Return the ranges that the blocks of one IP version admit together."""
    return tuple(_merged(r for block in blocks if block.cidr.version == version for r in _without_excepts(block)))


def contains(ranges: Iterable[Range], address: str) -> bool:
    """Return whether the address lies in one of the ranges, which are of its IP version."""
    number = int(ip_address(address))
    return any(first <= number <= last for first, last in ranges)


def as_intervals(ranges: Iterable[Range], version: int) -> tuple[str, ...]:
    """Return the ranges in nft's notation of intervals."""
    address = _ADDRESS[version]
    bounds = ((address(first), address(last)) for first, last in ranges)
    return tuple(str(first) if first == last else f"{first}-{last}" for first, last in bounds)


def _without_excepts(block: IPBlock) -> Iterator[Range]:
    """Yield the block's ranges minus its ``except`` ranges."""
    first, last = _range(block.cidr)
    for except_first, except_last in _merged(_range(e) for e in block.excepts if e.version == block.cidr.version):
        if first <= last and first < except_first:
            yield first, min(except_first - 1, last)
        first = max(first, except_last + 1)
    if first <= last:
        yield first, last


def _range(network: Network) -> Range:
    return int(network.network_address), int(network.broadcast_address)


def _merged(ranges: Iterable[Range]) -> Iterator[Range]:
    """Yield the ranges in ascending order. Ranges that overlap or touch become one."""
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
