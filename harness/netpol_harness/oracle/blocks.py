"""Whether an ipBlock matches an end of a flow, whose address may be unknown: IPBlock of networking.k8s.io/v1. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import ip_address

from netpol_harness.model.policy import IPBlock, Network
from netpol_harness.oracle.match import ALWAYS, NEVER, Match, definite, undecided
from netpol_harness.oracle.mismatch import BlockReason, InsideExcept, OtherVersion, OutsideBlock
from netpol_harness.oracle.points import OpenPoint


def block_match(block: IPBlock, addresses: Sequence[str], version: int = 0) -> Match:
    """Whether the block contains the address that the flow uses, which is one of these; unknown if there are none.

    ``version`` is the flow's IP version, 0 if it is not known: a block of the other one never matches. Raises
    ``ValueError`` if an address is not an IP address.
    """
    if version and block.cidr.version != version:
        return NEVER
    contains = {_excluding(block, address) is None for address in of_version(addresses, version)}
    if len(contains) == 1:
        return definite(contains.pop())
    return ALWAYS if not contains and contains_every_address(block) else undecided(OpenPoint.NOT_KNOWN)


def of_version(addresses: Iterable[str], version: int) -> Iterator[str]:
    """Yield the addresses of an IP version, or all of them if it is 0."""
    return (address for address in addresses if version in (0, _parse(address).version))


def contains_every_address(block: IPBlock) -> bool:
    """Whether the block contains every address of its family."""
    return block.cidr.prefixlen == 0 and not block.excepts


def block_reasons(block: IPBlock, addresses: Iterable[str], version: int = 0) -> Iterator[BlockReason]:
    """Yield why the block does not contain these addresses, a reason for each that it does not contain.

    ``version`` is the flow's IP version, 0 if it is not known.
    """
    if version and block.cidr.version != version:
        yield OtherVersion(block.cidr, version)
        return
    for address in of_version(addresses, version):
        network = _excluding(block, address)
        if network is block.cidr:
            yield OutsideBlock(address, network)
        elif network is not None:
            yield InsideExcept(address, network)


_parse = lru_cache(maxsize=4096)(ip_address)
"""One address is compared with many blocks."""


def _excluding(block: IPBlock, address: str) -> Network | None:
    """The network that excludes the address from the block: its CIDR or an ``except``; ``None`` if nothing does."""
    parsed = _parse(address)
    if parsed not in block.cidr:
        return block.cidr
    return next((network for network in block.excepts if parsed in network), None)
