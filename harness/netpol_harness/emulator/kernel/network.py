"""The nodes of a cluster and what is between them.

Several nodes hang on a router: a namespace without rules, which routes each range of pods to its node. External hosts,
the outside and the machine of the API server hang on it too. A single node is its own router.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from netpol_harness.emulator.address_plan import SERVICE_CIDR, UNDERLAY_ADDRESS, NodePlan
from netpol_harness.emulator.kernel.node import NetworkNode, Site


@dataclass(frozen=True, slots=True)
class Place:
    """A node, and what is planned for it."""

    plan: NodePlan
    node: NetworkNode


@dataclass(frozen=True, slots=True)
class Network:
    """The nodes of a cluster, the first one first, and the router that everything else hangs on."""

    places: tuple[Place, ...]
    router: NetworkNode

    def flush_conntrack(self, address: str) -> None:
        """Delete the conntrack entries of UDP flows to an address on every node."""
        for place in self.places:
            place.node.flush_conntrack(address)


def connected_nodes(plans: Sequence[NodePlan], interfaces: str = "") -> Network:
    """Create the nodes, the first one in the calling thread's network. Raises ``OSError`` if the kernel refuses.

    ``interfaces`` is the prefix of the names of pods' interfaces. The first node leads hosts outside to ClusterIPs.
    """
    if len(plans) == 1:
        node = NetworkNode(interfaces, plans[0].address)
        return Network((Place(plans[0], node),), node)
    first = Site.current()
    router = NetworkNode(address=UNDERLAY_ADDRESS, site=first.with_new_network())
    router.connect_outside()
    sites = (first, *(first.with_new_network() for _ in plans[1:]))
    places = tuple(
        Place(plan, NetworkNode(interfaces, plan.address, site)) for plan, site in zip(plans, sites, strict=True)
    )
    for place in places:
        router.connect_node(place.node, (str(place.plan.pod_cidr),))
    router.lead_to(places[0].node, (str(SERVICE_CIDR),))
    return Network(places, router)
