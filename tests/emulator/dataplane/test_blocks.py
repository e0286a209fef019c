from ipaddress import ip_address, ip_network
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.emulator.dataplane.blocks import admitted_ranges, as_intervals, contains
from netpol_harness.model.policy import IPBlock, Network

SPACE = [str(ip_address("10.0.0.0") + i) for i in range(16)]


@st.composite
def networks(draw: st.DrawFn) -> Network:
    prefix = draw(st.integers(28, 32))
    return ip_network(f"10.0.0.{draw(st.integers(0, 15))}/{prefix}", strict=False)


@given(st.lists(st.builds(IPBlock, networks(), st.lists(networks(), max_size=3).map(tuple)), max_size=4))
def test_ranges_contain_the_addresses_of_the_blocks(blocks: list[IPBlock]) -> None:
    ranges = admitted_ranges(blocks, 4)
    for text in SPACE:
        address = ip_address(text)
        expected = any(address in b.cidr and not any(address in taken for taken in b.excepts) for b in blocks)
        assert contains(ranges, text) is expected


@given(st.lists(st.builds(IPBlock, networks(), st.lists(networks(), max_size=3).map(tuple)), max_size=4))
def test_ranges_ascend_and_do_not_touch(blocks: list[IPBlock]) -> None:
    ranges = admitted_ranges(blocks, 4)
    assert all(first <= last for first, last in ranges)
    assert all(one[1] + 1 < other[0] for one, other in pairwise(ranges))


@pytest.mark.parametrize(
    ("cidr", "version", "expected"),
    [
        ("0.0.0.0/0", 4, ("0.0.0.0-255.255.255.255",)),
        ("10.0.0.1/32", 4, ("10.0.0.1",)),
        ("10.0.0.1/32", 6, ()),
        ("fd00::/127", 6, ("fd00::-fd00::1",)),
    ],
)
def test_ranges_as_nft_writes_them(cidr: str, version: int, expected: tuple[str, ...]) -> None:
    assert as_intervals(admitted_ranges([IPBlock(ip_network(cidr))], version), version) == expected
