"""The IPv4 addresses of an embedded cluster: which range is for what."""

from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Final

POD_CIDR: Final = IPv4Network("10.244.0.0/16")
NODE_POD_CIDR: Final = IPv4Network("10.244.0.0/24")
"""The first node's part of ``POD_CIDR``: its pods."""

RESERVED_POD_ADDRESSES: Final = 15
"""How many addresses at the end of a node's range are kept for pods that choose theirs: 10.244.0.240 to .254."""

SERVICE_CIDR: Final = IPv4Network("10.96.0.0/16")
KUBERNETES_ADDRESS: Final = "10.96.0.1"
"""ClusterIP of ``default/kubernetes``."""

CLUSTER_DNS_ADDRESS: Final = "10.96.0.10"
"""ClusterIP of ``kube-system/kube-dns``."""

EXTERNAL_CIDR: Final = IPv4Network("203.0.113.0/24")
"""TEST-NET-3 (RFC 5737): automatic addresses of external hosts."""

NODE_CIDR: Final = IPv4Network("192.0.2.0/24")
"""TEST-NET-1: the nodes, the machine of the API server, and the gateways."""

LOAD_BALANCER_CIDR: Final = IPv4Network("192.0.2.128/26")
"""The part of ``NODE_CIDR`` for Services of type LoadBalancer."""

NODE_ADDRESS: Final = "192.0.2.1"
"""The address of the first node."""

UNDERLAY_ADDRESS: Final = "192.0.2.253"
"""The router between several nodes."""

OUTSIDE_ADDRESS: Final = "192.0.2.254"
"""Next hop of the default route: it stands for the rest of the world."""

CONTROL_PLANE_ADDRESS: Final = "192.0.2.2"
"""The machine of the API server, for pods; an agent on the node finds it at ``NODE_ADDRESS``, too."""

API_PORT: Final = 6443
"""Port of the API server at these addresses."""

MOST_NODES: Final = 100


@dataclass(frozen=True, slots=True)
class NodePlan:
    """A node: its name, its address, and the range of its pods."""

    name: str
    address: str
    pod_cidr: IPv4Network


FIRST_NODE: Final = NodePlan("embedded", NODE_ADDRESS, NODE_POD_CIDR)


def node_plans(number: int) -> tuple[NodePlan, ...]:
    """Return this number of nodes, at most ``MOST_NODES``. Names after the first are kind's for workers."""
    pods, hosts = [*POD_CIDR.subnets(new_prefix=NODE_POD_CIDR.prefixlen)], NODE_CIDR.network_address
    workers = (
        NodePlan(f"{FIRST_NODE.name}-worker{n if n > 1 else ''}", str(hosts + 2 + n), pods[n]) for n in range(1, number)
    )
    return (FIRST_NODE, *workers)
