"""The node: a network namespace that routes between pods, external hosts and the outside.

A single node is the daemon's own network namespace, and everything hangs on it. Several nodes hang on a router between
them (``network``).

Pure routing, no bridge: each sandbox hangs on one veth pair and owns one /32. Neighbours are permanent on both sides,
because all namespaces share the kernel's 1,024 dynamic entries. The default route leads to a namespace that stands for
the rest of the world: it answers "unreachable" at once, after the node's firewall has seen the packet.
"""

import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from netpol_harness.emulator.address_plan import FIRST_NODE, OUTSIDE_ADDRESS
from netpol_harness.emulator.kernel import netlink, netns
from netpol_harness.emulator.kernel.netlink import End, Netlink, Request
from netpol_harness.emulator.kernel.netns import Contents, Namespaces

_GATEWAY = "169.254.1.1"
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
    """A sandbox on the network. ``interface`` is the index of its veth on the node, or 0 if it shares the node's
    network. ``is_named``: somebody else knows it by its name.
    """

    namespaces: Namespaces
    address: str
    interface: int = 0
    is_named: bool = False


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
    Without a ``site`` it is the only node, in the calling thread's network. ``network`` is a descriptor of its network.
    """

    def __init__(self, interfaces: str = "", address: str = FIRST_NODE.address, site: "Site | None" = None) -> None:
        self.interfaces = interfaces
        self.address = address
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
            netns.write_sysctls(_SYSCTLS)
        self._netlink.send(netlink.link_up(_LOOPBACK), netlink.address(_LOOPBACK, address))
        if site is None:
            self.connect_outside()

    def sandbox(self, address: str, contents: Contents, interface: str = "") -> Sandbox:
        """Create a sandbox that has ``address`` and routes all its traffic through this node.

        ``interface`` names its veth on the node; empty for any name.
        """
        namespaces = netns.create(self.home, self._site.view, contents)
        try:
            index = self._wire(namespaces.net, address, interface)
            return Sandbox(namespaces, address, index, is_named=interface != "")
        except OSError:
            namespaces.close()
            raise

    def sandbox_in_node_network(self, contents: Contents) -> Sandbox:
        """Create a sandbox with the node's network and address."""
        namespaces = netns.create(self.home, self._site.view, contents, self.network)
        return Sandbox(namespaces, self.address)

    def container_namespaces(self, sandbox: Sandbox, contents: Contents) -> Namespaces:
        """Create namespaces with the same network and other files, for another container of the pod. The caller closes
        them.
        """
        return netns.create_for_container(self.home, self._site.view, sandbox.namespaces, contents)

    def agent_namespaces(self, files: Mapping[str, str]) -> Namespaces:
        """Create the namespaces of a program that manages this node's network (``netns.create_for_agent``)."""
        return netns.create_for_agent(self.home, self._site.view, self.network, files)

    def connect_network(self, address: str) -> int:
        """Create a network without files, for a machine at this address. Return its descriptor."""
        network = netns.create_network(self.home)
        self._wire(network, address)
        return network

    def remove(self, sandbox: Sandbox) -> None:
        """Take the sandbox off the network and close it. Its interface goes with the last process or socket.

        A named interface goes at once: the next pod of the name needs it. Its route may be gone, by an agent's work.
        """
        if sandbox.is_named:
            with suppress(OSError):
                self._netlink.send(netlink.no_link(sandbox.interface))
        elif sandbox.interface:
            with suppress(ProcessLookupError):
                self._netlink.send(netlink.no_route(f"{sandbox.address}/32", sandbox.interface))
        sandbox.namespaces.close()

    def flush_conntrack(self, address: str) -> None:
        """Delete the conntrack entries of UDP flows to an address that no pod has any more."""
        with suppress(OSError):  # there are none, or the kernel is older than 5.8 and cannot filter them
            self._connections.send(netlink.no_datagrams_to(address))

    def _wire(self, network: int, address: str, name: str = "") -> int:
        """Connect ``create_network`` by a veth pair, routed both ways. Return the index of the node's end."""
        index = next(self._indexes)
        near = End(name or f"veth{index}", index, _NODE_MAC)
        far = End("eth0", _FAR_INDEX, bytes([2, 0, *socket.inet_aton(address)]))
        self._netlink.send(netlink.veth(near, far, network))
        with netns.in_network(network, self.home.net), Netlink() as inside:
            inside.send(
                netlink.link_up(_LOOPBACK),
                *self._without_link_local(far.index),
                netlink.link_up(far.index),
                netlink.address(far.index, address),
                netlink.neighbour(far.index, _GATEWAY, near.mac),
                netlink.route("0.0.0.0/0", far.index, gateway=_GATEWAY),
            )
        self._netlink.send(
            *self._without_link_local(near.index),
            netlink.forwarding(near.index),
            netlink.link_up(near.index),
            netlink.neighbour(near.index, address, far.mac),
            netlink.route(f"{address}/32", near.index, source=self.address),
        )
        return near.index

    def connect_outside(self) -> None:
        """Connect a namespace that stands for the rest of the world, and route to it by default."""
        outside = netns.create_network(self.home)
        interface = self._wire(outside, OUTSIDE_ADDRESS)
        self._netlink.send(netlink.route("0.0.0.0/0", interface, gateway=OUTSIDE_ADDRESS, source=self.address))
        with netns.in_network(outside, self.home.net), Netlink() as inside:
            inside.send(netlink.forwarding(_FAR_INDEX), netlink.unreachable_from("eth0"))

    def connect_node(self, node: "NetworkNode", networks: Sequence[str]) -> None:
        """Connect another node: its default route leads here, and its address and these networks lead to it."""
        index = next(self._indexes)
        near, far = End(f"node{index}", index, _NODE_MAC), End("eth0", _FAR_INDEX, _UPLINK_MAC)
        self._netlink.send(netlink.veth(near, far, node.network))
        node._connect_uplink(far.index, near.mac)
        self._netlink.send(
            *self._without_link_local(near.index),
            netlink.forwarding(near.index),
            netlink.link_up(near.index),
            netlink.neighbour(near.index, node.address, far.mac),
            netlink.route(f"{node.address}/32", near.index, source=self.address),
        )
        self._links[node.address] = near.index
        self.lead_to(node, networks)

    def lead_to(self, node: "NetworkNode", networks: Sequence[str]) -> None:
        """Route these networks to a connected node, in place of older routes to them."""
        index = self._links[node.address]
        self._netlink.send(*(netlink.route(network, index, gateway=node.address) for network in networks))

    def _connect_uplink(self, index: int, gateway_mac: bytes) -> None:
        self._netlink.send(
            *self._without_link_local(index),
            netlink.forwarding(index),
            netlink.link_up(index),
            netlink.neighbour(index, _GATEWAY, gateway_mac),
            netlink.route("0.0.0.0/0", index, gateway=_GATEWAY, source=self.address),
        )

    def _without_link_local(self, index: int) -> list[Request]:
        return [netlink.without_link_local(index)] if self._ipv6 else []
