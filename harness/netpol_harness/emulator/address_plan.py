"""The addresses of an embedded cluster: which range of each IP family is for what."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import islice
from typing import Final

from netpol_harness.ip_family import IpFamily

Network = IPv4Network | IPv6Network

RESERVED_POD_ADDRESSES: Final = 15
"""How many addresses of a node's pods are kept for pods that choose theirs; in IPv4 the last: .240 to .254."""

PODS_PER_NODE: Final = 254 - RESERVED_POD_ADDRESSES
"""How many addresses a node has for pods that do not choose theirs, in each family."""

NODE_NAME: Final = "embedded"
"""Name of the first node."""

MOST_NODES: Final = 100

API_PORT: Final = 6443
"""Port of the API server."""


@dataclass(frozen=True, slots=True)
class FamilyPlan:
    """The addresses of one IP family.

    ``pods`` is divided among the nodes in ranges of ``node_prefix`` bits. ``external`` has the automatic addresses of
    external hosts. ``nodes`` has the nodes, the machine of the API server and the gateway; ``load_balancers`` is its
    part for Services of type LoadBalancer.
    """

    version: int
    pods: Network
    node_prefix: int
    services: Network
    external: Network
    nodes: Network
    load_balancers: Network
    gateway: str
    """Next hop of every pod: an address that is only on its link."""

    @property
    def api_name(self) -> str:
        """The family's name in the API (core/v1 IPFamily)."""
        return f"IPv{self.version}"

    @property
    def kubernetes(self) -> str:
        """ClusterIP of ``default/kubernetes``."""
        return str(self.services[1])

    @property
    def cluster_dns(self) -> str:
        """ClusterIP of ``kube-system/kube-dns``."""
        return str(self.services[10])

    @property
    def control_plane(self) -> str:
        """The machine of the API server, for pods; an agent on the node finds it at the node's address, too."""
        return str(self.nodes[2])

    @property
    def outside(self) -> str:
        """Next hop of the default route: it stands for the rest of the world."""
        return str(self.nodes[254])

    @property
    def underlay(self) -> str:
        """The router between several nodes."""
        return str(self.nodes[253])

    @property
    def everything(self) -> str:
        """The destination of a default route."""
        return "0.0.0.0/0" if self.version == 4 else "::/0"

    def node(self, index: int) -> str:
        """Return the address of a node. The first is .1, the second .3."""
        return str(self.nodes[1 if index == 0 else 2 + index])

    def pods_of(self, index: int) -> Network:
        """Return the part of ``pods`` that a node has for its pods."""
        ranges: Iterator[Network] = iter(self.pods.subnets(new_prefix=self.node_prefix))
        return next(islice(ranges, index, None))


IPV4: Final = FamilyPlan(
    version=4,
    pods=IPv4Network("10.244.0.0/16"),
    node_prefix=24,
    services=IPv4Network("10.96.0.0/16"),
    external=IPv4Network("203.0.113.0/24"),  # TEST-NET-3 (RFC 5737)
    nodes=IPv4Network("192.0.2.0/24"),  # TEST-NET-1
    load_balancers=IPv4Network("192.0.2.128/26"),
    gateway="169.254.1.1",
)
IPV6: Final = FamilyPlan(
    version=6,
    pods=IPv6Network("fd00:10:244::/56"),  # as kind's, and that of Services
    node_prefix=64,
    services=IPv6Network("fd00:10:96::/112"),
    external=IPv6Network("2001:db8:203:113::/120"),  # of the documentation prefix (RFC 3849)
    nodes=IPv6Network("fd00:192:0:2::/64"),
    load_balancers=IPv6Network("fd00:192:0:2::1:0/120"),
    gateway="fe80::1",
)
FAMILIES: Final = (IPV4, IPV6)
"""The families that clusters know, whichever of them this cluster has."""


@dataclass(frozen=True, slots=True)
class NodePlan:
    """A node: its name, its addresses and the ranges of its pods, one for each family, the primary one first."""

    name: str
    addresses: tuple[str, ...]
    pod_ranges: tuple[Network, ...]

    @property
    def address(self) -> str:
        """Its address, for those who want one only."""
        return self.addresses[0]


@dataclass(frozen=True, slots=True)
class AddressPlan:
    """The families of one cluster, the primary one first."""

    families: Sequence[FamilyPlan] = (IPV4,)

    @classmethod
    def of(cls, family: IpFamily) -> "AddressPlan":
        """Return the plan of a cluster with these families."""
        known = {plan.version: plan for plan in FAMILIES}
        return cls(tuple(known[version] for version in family.versions))

    @property
    def primary(self) -> FamilyPlan:
        """The family of what has one address only."""
        return self.families[0]

    @property
    def has_ipv6(self) -> bool:
        """Whether the cluster has IPv6."""
        return IPV6 in self.families

    def node(self, index: int = 0) -> NodePlan:
        """Return the plan of a node, of at most ``MOST_NODES``. Names after the first are kind's for workers."""
        worker = f"-worker{index if index > 1 else ''}" if index else ""
        addresses = tuple(family.node(index) for family in self.families)
        return NodePlan(f"{NODE_NAME}{worker}", addresses, tuple(family.pods_of(index) for family in self.families))


IPV4_ONLY: Final = AddressPlan()


def plan_of(address: str) -> FamilyPlan:
    """Return the plan of the address' family. ``address`` is a literal address."""
    return IPV6 if ":" in address else IPV4


def owner(address: IPv4Address | IPv6Address) -> Network | None:
    """Return the range of the cluster that an address belongs to, if any."""
    plan = IPV4 if address.version == 4 else IPV6
    return next((network for network in (plan.pods, plan.services, plan.nodes) if address in network), None)
