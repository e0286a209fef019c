"""The node: a network namespace that routes between pods, external hosts and the outside.

A single node is the daemon's own network namespace, and everything hangs on it. Several nodes hang on a router between
them (``network``).

Pure routing, no bridge: each sandbox hangs on one veth pair and owns one address of each family. Neighbours are
permanent on both sides, because all namespaces share the kernel's 1,024 dynamic entries. The default route leads to a
namespace that stands for the rest of the world: it answers "unreachable" at once, after the node's firewall has seen
the packet.
"""

import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from netpol_harness.emulator.address_plan import IPV4_ONLY, FamilyPlan, plan_of
from netpol_harness.emulator.kernel import netlink, netns
from netpol_harness.emulator.kernel.netlink import End, Netlink, Request
from netpol_harness.emulator.kernel.netns import Contents, Namespaces

_NODE_MAC = bytes.fromhex("020000000001")
_UPLINK_MAC = bytes.fromhex("020000000002")
_LOOPBACK, _FAR_INDEX = 1, 100
_SYSCTLS = {
    "net/ipv4/icmp_ratemask": "0",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
}


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox on the network, with at most one address of each family, the primary one first.

    ``interface`` is the index of its veth on the node, or 0 if it shares the node's network. ``is_named``: somebody
    else knows it by its name.
    """

    namespaces: Namespaces
    addresses: tuple[str, ...]
    interface: int = 0
    is_named: bool = False

    @property
    def address(self) -> str:
        """Its address, for those who want one only."""
        return self.addresses[0]


@dataclass(frozen=True, slots=True)
class Site:
    """A place for a node: the daemon's namespaces, a network, and the files of all sandboxes."""

    home: Namespaces
    network: int
    view: int
    has_busybox: bool

    @classmethod
    def current(cls) -> "Site":
        """Return the calling thread's network as a place."""
        home = Namespaces.current()
        return cls(home, home.net, *netns.read_only_view(home))

    def with_new_network(self) -> "Site":
        """Return a place with an empty network."""
        return replace(self, network=netns.create_network(self.home))


class NetworkNode:
    """The node's network, which creates and removes sandboxes.

    All methods are synchronous and belong to the thread that created the node. They raise ``OSError`` if the kernel
    refuses. ``interfaces`` is the prefix of the names that interfaces of pods have here; empty for any names.
    ``addresses`` are its own, one for each family of the cluster. Without a ``site`` it is the only node, in the
    calling thread's network. ``network`` is a descriptor of its network.
    """

    def __init__(
        self, interfaces: str = "", addresses: Sequence[str] = IPV4_ONLY.node().addresses, site: "Site | None" = None
    ) -> None:
        self.interfaces = interfaces
        self.addresses = tuple(addresses)
        self.families = tuple(map(plan_of, addresses))
        self._sysctls = netns.IPV6_SYSCTLS if self.has_ipv6 else {}
        self._site = site or Site.current()
        self.home = self._site.home
        self.has_busybox = self._site.has_busybox
        self.network = self._site.network
        self._indexes = count(1000)
        self._links: dict[str, int] = {}
        self._ipv6 = Path("/proc/net/if_inet6").exists()
        with netns.in_network(self.network, self.home.net):
            self._netlink = Netlink()
            self._connections = Netlink(netlink.NETFILTER)
            netns.write_sysctls({**_SYSCTLS, **self._sysctls})
            if self.has_ipv6:
                netns.forward_ipv6()
        own = (netlink.address(_LOOPBACK, address) for address in self.addresses)
        self._netlink.send(netlink.link_up(_LOOPBACK), *own)
        if site is None:
            self.connect_outside()

    @property
    def address(self) -> str:
        """Its address, for those who want one only."""
        return self.addresses[0]

    @property
    def has_ipv6(self) -> bool:
        """Whether the network has IPv6."""
        return any(family.version == 6 for family in self.families)

    def sandbox(self, addresses: Sequence[str], contents: Contents, interface: str = "") -> Sandbox:
        """Create a sandbox that has these addresses, of different families, and routes all its traffic through this
        node.

        ``interface`` names its veth on the node; empty for any name.
        """
        namespaces = netns.create(self.home, self._site.view, contents, sysctls=self._sysctls)
        try:
            index = self._wire(namespaces.net, addresses, interface)
            return Sandbox(namespaces, tuple(addresses), index, is_named=interface != "")
        except OSError:
            namespaces.close()
            raise

    def sandbox_in_node_network(self, contents: Contents) -> Sandbox:
        """Create a sandbox with the node's network and addresses."""
        namespaces = netns.create(self.home, self._site.view, contents, self.network)
        return Sandbox(namespaces, self.addresses)

    def container_namespaces(self, sandbox: Sandbox, contents: Contents) -> Namespaces:
        """Create namespaces with the same network and other files, for another container of the pod. The caller closes
        them.
        """
        return netns.create_for_container(self.home, self._site.view, sandbox.namespaces, contents)

    def agent_namespaces(self, files: Mapping[str, str], program: str) -> Namespaces:
        """Create the namespaces of a program that manages this node's network (``netns.create_for_agent``)."""
        return netns.create_for_agent(self.home, self._site.view, self.network, files, program)

    def connect_network(self, addresses: Sequence[str]) -> int:
        """Create a network without files, for a machine at these addresses. Return its descriptor."""
        network = netns.create_network(self.home, self._sysctls)
        self._wire(network, addresses)
        return network

    def remove(self, sandbox: Sandbox) -> None:
        """Take the sandbox off the network and close it. Its interface goes with the last process or socket.

        A named interface goes at once: the next pod of the name needs it. Its route may be gone, by an agent's work.
        """
        if sandbox.is_named:
            with suppress(OSError):
                self._netlink.send(netlink.no_link(sandbox.interface))
        elif sandbox.interface:
            routes = [netlink.no_route(_host_route(address), sandbox.interface) for address in sandbox.addresses]
            with suppress(ProcessLookupError):
                self._netlink.send(*routes)
        sandbox.namespaces.close()

    def flush_conntrack(self, address: str) -> None:
        """Delete the conntrack entries of UDP flows to an address that no pod has any more."""
        with suppress(OSError):  # there are none, or the kernel is older than 5.8 and cannot filter them
            self._connections.send(netlink.no_datagrams_to(address))

    def _wire(self, network: int, addresses: Sequence[str], name: str = "") -> int:
        """Connect a network by a veth pair, routed both ways. Return the index of the node's end."""
        index = next(self._indexes)
        near = End(name or f"veth{index}", index, _NODE_MAC)
        far = End("eth0", _FAR_INDEX, _mac(addresses[0], index))
        self._netlink.send(netlink.veth(near, far, network))
        with netns.in_network(network, self.home.net), Netlink() as inside:
            inside.send(
                netlink.link_up(_LOOPBACK),
                *self._without_link_local(far.index),
                netlink.link_up(far.index),
                *(request for address in addresses for request in _inside(address, far.index, near.mac)),
            )
        self._netlink.send(
            *self._without_link_local(near.index),
            netlink.forwarding(near.index),
            netlink.link_up(near.index),
            *(request for address in addresses for request in self._towards(address, near.index, far.mac)),
        )
        return near.index

    def connect_outside(self) -> None:
        """Connect a namespace that stands for the rest of the world, and route to it by default."""
        outside = netns.create_network(self.home, self._sysctls)
        interface = self._wire(outside, [family.outside for family in self.families])
        self._netlink.send(
            *(self._route(family, family.everything, interface, gateway=family.outside) for family in self.families)
        )
        with netns.in_network(outside, self.home.net), Netlink() as inside:
            if self.has_ipv6:
                netns.forward_ipv6()
            answers = (netlink.unreachable_from("eth0", family.version) for family in self.families)
            inside.send(netlink.forwarding(_FAR_INDEX), *answers)

    def connect_node(self, node: "NetworkNode", networks: Sequence[str]) -> None:
        """Connect another node: its default route leads here, and its addresses and these networks lead to it."""
        index = next(self._indexes)
        near, far = End(f"node{index}", index, _NODE_MAC), End("eth0", _FAR_INDEX, _UPLINK_MAC)
        self._netlink.send(netlink.veth(near, far, node.network))
        node._connect_uplink(far.index, near.mac)
        self._netlink.send(
            *self._without_link_local(near.index),
            netlink.forwarding(near.index),
            netlink.link_up(near.index),
            *(request for address in node.addresses for request in self._towards(address, near.index, far.mac)),
        )
        self._links[node.address] = near.index
        self.lead_to(node, networks)

    def forget(self, node: "NetworkNode", address: str) -> None:
        """Remove the route to an address that leads to a connected node."""
        self._netlink.send(netlink.no_route(_host_route(address), self._links[node.address]))

    def lead_to(self, node: "NetworkNode", networks: Sequence[str]) -> None:
        """Route these networks and addresses to a connected node, in place of older routes to them."""
        networks = [network if "/" in network else _host_route(network) for network in networks]
        index, gateways = self._links[node.address], {plan_of(address): address for address in node.addresses}
        self._netlink.send(*(netlink.route(network, index, gateway=gateways[plan_of(network)]) for network in networks))

    def _connect_uplink(self, index: int, gateway_mac: bytes) -> None:
        self._netlink.send(
            *self._without_link_local(index),
            netlink.forwarding(index),
            netlink.link_up(index),
            *(netlink.neighbour(index, family.gateway, gateway_mac) for family in self.families),
            *(self._route(family, family.everything, index, gateway=family.gateway) for family in self.families),
        )

    def _towards(self, address: str, index: int, mac: bytes) -> tuple[Request, ...]:
        """Return what routes the node's traffic to an address behind an interface."""
        family = plan_of(address)
        return netlink.neighbour(index, address, mac), self._route(family, _host_route(address), index)

    def _route(self, family: FamilyPlan, destination: str, index: int, *, gateway: str = "") -> Request:
        """Return a route that this node's own packets take from its address."""
        source = self.addresses[self.families.index(family)]
        return netlink.route(destination, index, gateway=gateway, source=source)

    def _without_link_local(self, index: int) -> list[Request]:
        return [netlink.without_link_local(index)] if self._ipv6 else []


def _inside(address: str, index: int, gateway: bytes) -> tuple[Request, ...]:
    """Return what gives a sandbox's interface an address, and routes all its traffic to the node."""
    family = plan_of(address)
    return (
        netlink.address(index, address),
        netlink.neighbour(index, family.gateway, gateway),
        netlink.route(family.everything, index, gateway=family.gateway),
    )


def _host_route(address: str) -> str:
    return f"{address}/{128 if ':' in address else 32}"


def _mac(address: str, index: int) -> bytes:
    """Return a hardware address that no other sandbox has."""
    return bytes([2, 1]) + index.to_bytes(4) if ":" in address else bytes([2, 0]) + socket.inet_aton(address)
