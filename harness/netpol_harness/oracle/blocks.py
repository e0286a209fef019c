"""Whether an ipBlock holds an end of a flow, whose address may be unknown: IPBlock of networking.k8s.io/v1. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import ip_address

from netpol_harness.model.policy import IPBlock, Network
from netpol_harness.oracle.match import SURE, Match, hanging, surely
from netpol_harness.oracle.mismatch import BlockReason, InsideExcept, OutsideBlock
from netpol_harness.oracle.points import Point


def block_match(block: IPBlock, addresses: Sequence[str]) -> Match:
    """Whether the block holds the one of these addresses that the flow uses; without any, an unknown one.

    Raises ``ValueError`` where an address is none.
    """
    held = {_excluding(block, address) is None for address in addresses}
    if len(held) == 1:
        return surely(held.pop())
    return SURE if not held and holds_every_address(block) else hanging(Point.NOT_KNOWN)


def holds_every_address(block: IPBlock) -> bool:
    """Whether no address (of its family) is outside."""
    return block.cidr.prefixlen == 0 and not block.excepts


def block_reasons(block: IPBlock, addresses: Iterable[str]) -> Iterator[BlockReason]:
    """Yield why the block does not hold these addresses, one reason for each that it does not hold."""
    for address in addresses:
        network = _excluding(block, address)
        if network is block.cidr:
            yield OutsideBlock(address, network)
        elif network is not None:
            yield InsideExcept(address, network)


_parsed = lru_cache(maxsize=4096)(ip_address)
"""A flow asks many blocks about one address."""


def _excluding(block: IPBlock, address: str) -> Network | None:
    """The network by which the block does not hold the address: its CIDR or an ``except``; ``None`` if it does."""
    parsed = _parsed(address)
    if parsed not in block.cidr:
        return block.cidr
    return next((network for network in block.excepts if parsed in network), None)
