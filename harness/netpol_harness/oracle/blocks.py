"""Whether an ipBlock holds an end of a flow, whose address may be unknown: IPBlock of networking.k8s.io/v1. Pure."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import ip_address

from netpol_harness.model.policy import IPBlock
from netpol_harness.oracle.match import SURE, Match, hanging, surely
from netpol_harness.oracle.points import Point


def block_match(block: IPBlock, addresses: Sequence[str]) -> Match:
    """Whether the block holds the one of these addresses that the flow uses; without any, an unknown one.

    Raises ``ValueError`` where an address is none.
    """
    held = {_holds(block, address) for address in addresses}
    if len(held) == 1:
        return surely(held.pop())
    return SURE if not held and holds_every_address(block) else hanging(Point.NOT_KNOWN)


def holds_every_address(block: IPBlock) -> bool:
    """Whether no address (of its family) is outside."""
    return block.cidr.prefixlen == 0 and not block.excepts


_parsed = lru_cache(maxsize=4096)(ip_address)
"""A flow asks many blocks about one address."""


def _holds(block: IPBlock, address: str) -> bool:
    one = _parsed(address)
    return one in block.cidr and not any(one in network for network in block.excepts)
