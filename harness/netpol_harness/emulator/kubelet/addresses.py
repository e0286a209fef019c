"""Address management of one node: who has which IPv4 address. Pure.

Invariant: no address is handed out twice at a time, and one that was freed comes again only after all the others
(round robin), so that nothing stale meets a new pod.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

from netpol_harness.emulator.address_plan import NODE_CIDR, NODE_POD_CIDR, POD_CIDR, SERVICE_CIDR

_TAKEN = (POD_CIDR, SERVICE_CIDR, NODE_CIDR)


class AddressesExhausted(Exception):
    """Every address of the range is in use."""


class AddressUnavailable(Exception):
    """A requested address is in use, is no IPv4 host address, or belongs to the cluster."""


class Pool:
    """The host addresses of a network; the last ``reserved`` of them are had by claiming them alone."""

    def __init__(self, network: IPv4Network, *, reserved: int = 0) -> None:
        self._network = network
        self._hosts = [str(host) for host in network.hosts()][: network.num_addresses - 2 - reserved]
        self._next = 0
        self._used: set[str] = set()

    def take(self) -> str:
        """The next free address. Raises ``AddressesExhausted``."""
        for step in range(len(self._hosts)):
            position = (self._next + step) % len(self._hosts)
            if (host := self._hosts[position]) not in self._used:
                self._next = position + 1
                self._used.add(host)
                return host
        raise AddressesExhausted(f"all {len(self._hosts)} addresses of {self._network} are in use")

    def claim(self, address: str) -> str:
        """This very address, in canonical form, from anywhere. Raises ``AddressUnavailable`` where it is in use."""
        if address in self._used:
            raise AddressUnavailable(f"{address} is in use")
        self._used.add(address)
        return address

    def free(self, address: str) -> None:
        """Take an address back; unknown ones are passed over."""
        self._used.discard(address)


def pod_address(text: str) -> str:
    """Check an address chosen for a pod. Raises ``AddressUnavailable`` with the reason."""
    try:
        address = IPv4Address(text)
    except ValueError as problem:
        raise AddressUnavailable(f"{text!r} is no IPv4 address") from problem
    if address not in NODE_POD_CIDR or address in (NODE_POD_CIDR.network_address, NODE_POD_CIDR.broadcast_address):
        raise AddressUnavailable(f"{address} is no pod's address on this node ({NODE_POD_CIDR})")
    return str(address)


def external_address(text: str) -> str:
    """Check an address requested for an external host. Raises ``AddressUnavailable`` with the reason."""
    try:
        address = IPv4Address(text)
    except ValueError as problem:
        raise AddressUnavailable(f"{text!r} is no IPv4 address") from problem
    owner = _owner(address, _TAKEN)
    if owner:
        raise AddressUnavailable(f"{address} belongs to the cluster ({owner}); external hosts live outside of it")
    if _is_special(address):
        raise AddressUnavailable(f"{address} is no address for a host")
    return str(address)


def _is_special(address: IPv4Address) -> bool:
    local = address.is_loopback or address.is_link_local
    return local or address.is_multicast or address.is_unspecified or address.is_reserved


def _owner(address: IPv4Address, networks: Iterable[IPv4Network]) -> IPv4Network | None:
    return next((network for network in networks if address in network), None)
