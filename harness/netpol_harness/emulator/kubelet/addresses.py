"""Address management of one node: which IPv4 addresses are in use. Pure.

Invariant: no address is assigned twice at a time. A freed address is assigned again only after all the others (round
robin), so that stale state never meets a new pod.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

from netpol_harness.emulator.address_plan import NODE_CIDR, POD_CIDR, SERVICE_CIDR

_CLUSTER_CIDRS = (POD_CIDR, SERVICE_CIDR, NODE_CIDR)


class AddressesExhausted(Exception):
    """Every address of the range is in use."""


class AddressUnavailable(Exception):
    """A requested address is in use, is not an IPv4 host address, or belongs to the cluster."""


class AddressPool:
    """The host addresses of a network. The last ``reserved`` of them are only available by ``claim``."""

    def __init__(self, network: IPv4Network, *, reserved: int = 0) -> None:
        self._network = network
        self._hosts = [str(host) for host in network.hosts()][: network.num_addresses - 2 - reserved]
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


def pod_address(text: str, network: IPv4Network) -> str:
    """Check an address chosen for a pod of the node with this range, and return it. Raises ``AddressUnavailable``."""
    try:
        address = IPv4Address(text)
    except ValueError as problem:
        raise AddressUnavailable(f"{text!r} is not an IPv4 address") from problem
    if address not in network or address in (network.network_address, network.broadcast_address):
        raise AddressUnavailable(f"{address} is not an address of a pod on this node ({network})")
    return str(address)


def external_address(text: str) -> str:
    """Check an address requested for an external host and return it. Raises ``AddressUnavailable`` with the reason."""
    try:
        address = IPv4Address(text)
    except ValueError as problem:
        raise AddressUnavailable(f"{text!r} is not an IPv4 address") from problem
    owner = _owner(address, _CLUSTER_CIDRS)
    if owner:
        raise AddressUnavailable(f"{address} belongs to the cluster ({owner}); choose an address outside of it")
    if _is_special(address):
        raise AddressUnavailable(f"{address} is not an address of a host")
    return str(address)


def _is_special(address: IPv4Address) -> bool:
    local = address.is_loopback or address.is_link_local
    return local or address.is_multicast or address.is_unspecified or address.is_reserved


def _owner(address: IPv4Address, networks: Iterable[IPv4Network]) -> IPv4Network | None:
    return next((network for network in networks if address in network), None)
