"""The ends of flows: pods of the world with their labels and nodes, or hosts that are not pods. Pure."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address

from netpol_harness.model.labels import Labels, LabelSelector
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import Pod, World
from netpol_harness.oracle.match import ALWAYS, NEVER, Match, definite, undecided
from netpol_harness.oracle.points import OpenPoint
from netpol_harness.oracle.verdict import Flow, FlowEnd, Host
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL


class EndpointIndex:
    """Finds the ends of flows in one world. A pod that has ended is not found, as if it had never been there."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.pods: Mapping[NamespacedName, Pod] = {ref: pod for ref, pod in world.pods.items() if pod.running}
        self._nodes: dict[str, str] = {
            address: pod.node for pod in self.pods.values() if pod.host_network for address in pod.addresses
        }

    def find(self, end: FlowEnd) -> Pod | Host | None:
        """Return the pod or the host; ``None`` for a pod that is not running."""
        return end if isinstance(end, Host) else self.pods.get(end)

    def namespace_labels(self, name: str) -> Labels:
        """Return the labels of a namespace; if it is not in the world, those that the API server gives to each."""
        namespace = self._world.namespaces.get(name)
        return {NAMESPACE_NAME_LABEL: name} if namespace is None else namespace.labels

    @property
    def incomplete_namespaces(self) -> frozenset[str]:
        """The namespaces whose labels are not all known."""
        return frozenset(name for name, namespace in self._world.namespaces.items() if not namespace.labels_known)

    def has_unknown_labels(self, name: str, selector: LabelSelector) -> bool:
        """Whether the selector asks for a label of a namespace that the world does not tell."""
        namespace = self._world.namespaces.get(name)
        if namespace is None or namespace.labels_known:
            return False
        return any(requirement.key not in namespace.labels for requirement in selector.requirements)

    def is_translated(self, flow: Flow) -> bool:
        """Whether the flow came by an address other than its destination's; a headless Service has none."""
        if flow.through is None or flow.forwarded:
            return flow.forwarded
        service = self._world.services.get(flow.through)
        return service is None or not service.headless

    def virtual_addresses(self, flow: Flow) -> Sequence[str]:
        """Return the addresses by one of which a translated flow came; empty if they are not known."""
        if flow.virtual:
            return (flow.virtual,)
        service = self._world.services.get(flow.through) if flow.through and not flow.forwarded else None
        return service.cluster_ips if service else ()

    def is_own_node(self, pod: Pod, other: Pod | Host) -> Match:
        """Whether the other end is the node that the pod runs on, or a pod on the network of that node.

        A link-local address of a node is that of the pod's own: no other can be reached by it.
        """
        if isinstance(other, Pod):
            return _same_node(pod.node, other.node) if other.host_network else NEVER
        if other.runs == pod.ref or (other.node and other.address and ip_address(other.address).is_link_local):
            return ALWAYS
        tenant = self.pods.get(other.runs) if other.runs else None
        node = tenant.node if tenant else self._nodes.get(other.address)
        if node is None:
            return undecided(OpenPoint.NOT_KNOWN) if other.node else NEVER
        return _same_node(pod.node, node)

    def as_pod(self, end: Pod | Host) -> Pod | Host:
        """Return the pod in place of its node, if it is on the node's network: nobody tells their packets apart."""
        tenant = self.pods.get(end.runs) if isinstance(end, Host) and end.runs else None
        return tenant if tenant and tenant.host_network else end


def _same_node(node: str, other: str) -> Match:
    return definite(node == other) if node and other else undecided(OpenPoint.NOT_KNOWN)
