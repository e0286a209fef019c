"""Address management: unique, round robin, and no cluster address for external hosts."""

from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.emulator.address_plan import IPV4, AddressPlan
from netpol_harness.emulator.kubelet.addresses import (
    AddressesExhausted,
    AddressPool,
    AddressUnavailable,
    external_address,
    pod_address,
)
from netpol_harness.ip_family import IpFamily

NODE = AddressPlan.of(IpFamily.DUAL).node()
SMALL = IPv4Network("10.0.0.0/29")  # six hosts


def test_a_freed_address_is_reused_after_all_others() -> None:
    pool = AddressPool(SMALL)
    first = pool.take()
    pool.free(first)
    others = [pool.take() for _ in range(5)]
    assert first not in others
    assert pool.take() == first


def test_exhaustion_says_how_many_and_where() -> None:
    pool = AddressPool(SMALL)
    for _ in range(6):
        pool.take()
    with pytest.raises(AddressesExhausted, match=r"all 6 addresses of 10\.0\.0\.0/29"):
        pool.take()


def test_reserved_addresses_are_claimed_but_never_assigned() -> None:
    pool = AddressPool(SMALL, most=4)
    assert [pool.take() for _ in range(4)] == [f"10.0.0.{number}" for number in range(1, 5)]
    with pytest.raises(AddressesExhausted, match="all 4 addresses"):
        pool.take()
    assert pool.claim("10.0.0.6") == "10.0.0.6"


def test_a_claimed_address_is_neither_claimed_nor_taken_again() -> None:
    pool = AddressPool(IPV4.external)
    pool.claim("203.0.113.1")
    with pytest.raises(AddressUnavailable, match="in use"):
        pool.claim("203.0.113.1")
    assert pool.take() == "203.0.113.2"


@given(st.lists(st.booleans()))
def test_no_address_is_held_twice(takes: list[bool]) -> None:
    pool = AddressPool(SMALL)
    held: list[str] = []
    for take in takes:
        if take and len(held) < 6:
            held.append(pool.take())
        elif held:
            pool.free(held.pop(0))
        assert len(set(held)) == len(held)


@pytest.mark.parametrize(
    "text",
    ["203.0.113.7", "8.8.8.8", "10.0.0.1", "172.16.3.4", "198.51.100.1", "169.254.169.254", "2001:db8::102", "fd00::1"],
)
def test_external_hosts_may_have_any_address_outside(text: str) -> None:
    assert external_address(text, (4, 6)) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("10.244.3.4", "belongs to the cluster"),
        ("10.96.0.10", "belongs to the cluster"),
        ("192.0.2.1", "belongs to the cluster"),
        ("127.0.0.1", "is not an address of a host"),
        ("224.0.0.1", "is not an address of a host"),
        ("0.0.0.0", "is not an address of a host"),
        ("255.255.255.255", "is not an address of a host"),
        ("169.254.1.1", "is not an address of a host"),
        ("fd00:10:244:7::1", "belongs to the cluster"),
        ("fd00:10:96::a", "belongs to the cluster"),
        ("fd00:192:0:2::1", "belongs to the cluster"),
        ("fe80::1", "is not an address of a host"),
        ("::1", "is not an address of a host"),
        ("ff02::1", "is not an address of a host"),
        ("1.2.3", "is not an IP address"),
        ("$(reboot)", "is not an IP address"),
    ],
)
def test_other_requests_are_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(AddressUnavailable, match=reason):
        external_address(text, (4, 6))


def test_an_external_host_has_a_family_of_the_cluster() -> None:
    with pytest.raises(AddressUnavailable, match="IPv6 address, and this cluster has none"):
        external_address("2001:db8::102", (4,))
    with pytest.raises(AddressUnavailable, match="IPv4 address, and this cluster has none"):
        external_address("8.8.8.8", (6,))


@pytest.mark.parametrize(
    "text", ["10.244.1.1", "10.244.0.0", "10.244.0.255", "192.0.2.1", "fd00::1", "fd00:10:244:1::1", "pod", ""]
)
def test_a_pod_address_must_be_on_its_node(text: str) -> None:
    with pytest.raises(AddressUnavailable):
        pod_address(text, NODE.pod_ranges)


def test_a_pod_address_may_be_any_of_its_node() -> None:
    for text in ("10.244.0.77", "fd00:10:244::f:77"):
        assert pod_address(text, NODE.pod_ranges) == text
