"""Address management of one node: which addresses are in use. Pure.

Invariant: no address is assigned twice at a time. A freed address is assigned again only after all the others (round
robin), so that stale state never meets a new pod.
"""

from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import islice

from netpol_harness.emulator.address_plan import IPV4, Network, owner


class AddressesExhausted(Exception):
    """Every address of the range is in use."""


class AddressUnavailable(Exception):
    """A requested address is in use, is not the address of a host, or belongs to the cluster."""


class AddressPool:
    """The host addresses of a network: the first ``most``, or all. The others are only available by ``claim``."""

    def __init__(self, network: Network, *, most: int | None = None) -> None:
        self._network = network
        self._hosts = [str(host) for host in islice(network.hosts(), most)]
        self._next = 0
        self._used: set[str] = set()

    def take(self) -> str:
        """Return the next free address. Raises ``AddressesExhausted``."""
        for step in range(len(self._hosts)):
            position = (self._next + step) % len(self._hosts)
            if (host := self._hosts[position]) not in self._used:
                self._next = position + 1
                self._used.add(host)
                return host
        raise AddressesExhausted(f"all {len(self._hosts)} addresses of {self._network} are in use")

    def claim(self, address: str) -> str:
        """Take this address, given in canonical form. Raises ``AddressUnavailable`` if it is in use."""
        if address in self._used:
            raise AddressUnavailable(f"{address} is in use")
        self._used.add(address)
        return address

    def __contains__(self, address: str) -> bool:
        """Whether the address is in use."""
        return address in self._used

    def free(self, address: str) -> None:
        """Release an address. Unknown addresses are ignored."""
        self._used.discard(address)


def pod_address(text: str, ranges: Collection[Network]) -> str:
    """Check an address chosen for a pod, whose node has these ranges, and return it in canonical text.

    Raises ``AddressUnavailable`` with the reason.
    """
    address = _parsed(text)
    network = next((each for each in ranges if address in each), None)
    if network is None or address in (network[0], network[-1]):
        known = ", ".join(map(str, ranges))
        raise AddressUnavailable(f"{address} is not an address of a pod on this node ({known})")
    return str(address)


def external_address(text: str, versions: Collection[int]) -> str:
    """Check an address requested for an external host of a cluster with these IP versions, and return it in canonical
    text.

    Raises ``AddressUnavailable`` with the reason.
    """
    address = _parsed(text)
    if address.version not in versions:
        raise AddressUnavailable(f"{address} is an IPv{address.version} address, and this cluster has none of them")
    if network := owner(address):
        raise AddressUnavailable(f"{address} belongs to the cluster ({network}); choose an address outside of it")
    if _is_special(address):
        raise AddressUnavailable(f"{address} is not an address of a host")
    return str(address)


def _parsed(text: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(text)
    except ValueError as problem:
        raise AddressUnavailable(f"{text!r} is not an IP address") from problem


def _is_special(address: IPv4Address | IPv6Address) -> bool:
    """Whether nothing outside can have an address. In IPv4, a link-local one is as good as any but the gateway's.

    Clouds serve the metadata of their machines at 169.254.169.254.
    """
    local = address.is_loopback or (address.version == 6 and address.is_link_local) or str(address) == IPV4.gateway
    return local or address.is_multicast or address.is_unspecified or address.is_reserved
