"""Blocks and the addresses that a flow may use: one of the pod's, of the flow's IP version if that is known."""

from ipaddress import ip_network

import pytest

from netpol_harness.model.policy import IPBlock
from netpol_harness.oracle.blocks import block_match
from netpol_harness.oracle.match import ALWAYS, NEVER, Match, undecided
from netpol_harness.oracle.points import OpenPoint

BOTH = ("10.244.0.7", "fd00:10:244::7")
UNKNOWN = undecided(OpenPoint.NOT_KNOWN)


@pytest.mark.parametrize(
    ("cidr", "addresses", "version", "expected"),
    [
        ("10.244.0.0/16", BOTH, 4, ALWAYS),
        ("10.244.0.0/16", BOTH, 6, NEVER),
        ("10.244.0.0/16", BOTH, 0, UNKNOWN),
        ("fd00::/8", BOTH, 6, ALWAYS),
        ("fd00::/8", BOTH, 4, NEVER),
        ("10.9.0.0/16", BOTH, 4, NEVER),
        ("10.9.0.0/16", BOTH, 0, NEVER),
        ("0.0.0.0/0", (), 0, ALWAYS),
        ("0.0.0.0/0", (), 4, ALWAYS),
        ("0.0.0.0/0", (), 6, NEVER),
        ("10.244.0.0/16", (), 4, UNKNOWN),
    ],
)
def test_a_block_is_compared_with_the_address_that_the_flow_uses(
    cidr: str, addresses: tuple[str, ...], version: int, expected: Match
) -> None:
    assert block_match(IPBlock(ip_network(cidr)), addresses, version) == expected
