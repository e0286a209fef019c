"""Who the ends of flows are: pods of the world, with their labels and nodes, or hosts that are no pods. Pure."""

from collections.abc import Mapping, Sequence

from netpol_harness.model.labels import Labels
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import Pod, World
from netpol_harness.oracle.match import NEVER, Match, hanging, surely
from netpol_harness.oracle.points import Point
from netpol_harness.oracle.verdict import End, Flow, Outside
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL


class EndpointIndex:
    """Looks ends up in one world. A pod that has ended is nobody: it is found no more than one that never was."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.pods: Mapping[NamespacedName, Pod] = {ref: pod for ref, pod in world.pods.items() if pod.running}
        self._nodes: dict[str, str] = {
            address: pod.node for pod in self.pods.values() if pod.host_network for address in pod.addresses
        }

    def find(self, end: End) -> Pod | Outside | None:
        """The end; ``None`` where it is nobody."""
        return end if isinstance(end, Outside) else self.pods.get(end)

    def namespace_labels(self, name: str) -> Labels:
        """Labels of a namespace; one that is not in the world has those that the API server gives every one."""
        known = self._world.namespaces.get(name)
        return {NAMESPACE_NAME_LABEL: name} if known is None else known.labels

    def translates(self, flow: Flow) -> bool:
        """Whether the flow came by an address other than its destination's; a headless Service has none."""
        if flow.through is None:
            return False
        service = self._world.services.get(flow.through)
        return service is None or not service.headless

    def virtual_addresses(self, flow: Flow) -> Sequence[str]:
        """The addresses by one of which a translated flow came; empty where they are not known."""
        if flow.virtual:
            return (flow.virtual,)
        service = self._world.services.get(flow.through) if flow.through else None
        return service.cluster_ips if service else ()

    def own_node(self, pod: Pod, other: Pod | Outside) -> Match:
        """Whether the other end is the node that the pod runs on, or a pod on the network of that node."""
        if isinstance(other, Pod):
            return _same(pod.node, other.node) if other.host_network else NEVER
        known = self._nodes.get(other.address)
        if known is None:
            return hanging(Point.NOT_KNOWN) if other.node else NEVER
        return _same(pod.node, known)


def _same(node: str, other: str) -> Match:
    return surely(node == other) if node and other else hanging(Point.NOT_KNOWN)
