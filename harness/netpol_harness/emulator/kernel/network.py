"""The nodes of a cluster and what is between them.

Several nodes hang on a router: a namespace without rules, which routes each range of pods to its node. External hosts,
the outside and the machine of the API server hang on it too. A single node is its own router.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from netpol_harness.emulator.address_plan import AddressPlan, NodePlan
from netpol_harness.emulator.kernel.node import NetworkNode, Site


@dataclass(frozen=True, slots=True)
class Place:
    """A node, and what is planned for it."""

    plan: NodePlan
    node: NetworkNode


@dataclass(frozen=True, slots=True)
class Network:
    """The nodes of a cluster, the first one first, and the router that everything else hangs on.

    ``plan`` has the families.
    """

    plan: AddressPlan
    places: tuple[Place, ...]
    router: NetworkNode

    def flush_conntrack(self, address: str) -> None:
        """Delete the conntrack entries of UDP flows to an address on every node."""
        for place in self.places:
            place.node.flush_conntrack(address)


def connected_nodes(plan: AddressPlan, nodes: Sequence[NodePlan], interfaces: str = "") -> Network:
    """Create the nodes, the first one in the calling thread's network. Raises ``OSError`` if the kernel refuses.

    ``interfaces`` is the prefix of the names of pods' interfaces. The first node leads hosts outside to ClusterIPs.
    """
    if len(nodes) == 1:
        node = NetworkNode(interfaces, nodes[0].addresses)
        return Network(plan, (Place(nodes[0], node),), node)
    first = Site.current()
    underlay = [family.underlay for family in plan.families]
    router = NetworkNode(addresses=underlay, site=first.with_new_network())
    router.connect_outside()
    sites = (first, *(first.with_new_network() for _ in nodes[1:]))
    places = tuple(
        Place(node, NetworkNode(interfaces, node.addresses, site)) for node, site in zip(nodes, sites, strict=True)
    )
    for place in places:
        router.connect_node(place.node, [*map(str, place.plan.pod_ranges)])
    router.lead_to(places[0].node, [str(family.services) for family in plan.families])
    return Network(plan, places, router)
