"""Cells of the table of all connections between workloads, and the cells that a path covers. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from netpol_harness.model.names import NamespacedName, Port
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.paths.endpoints import PodEndpoint
from netpol_harness.paths.ends import ExternalSource, InternalServiceTarget, NodeSource, PodSource, PodTarget, Source
from netpol_harness.paths.path import ExternalHost, Inventory, Path, Workload


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table of connections: a source, a workload as the target, and a port of that workload.

    Policies see no more of a path than this.
    """

    source: Source
    target: NamespacedName
    port: Port


def cells(inventory: Inventory) -> Iterator[Cell]:
    """Yield every ordered pair of workloads on the pod network, with every port that the target serves.

    The cells of a workload with itself are about two of its pods. It has none if it may be a single pod: no policy
    applies to the connections of a pod to itself. Hosts outside are sources if they are strangers, and there are no
    cells between two strangers.
    """
    alive = [workload for workload in inventory.workloads.values() if workload.in_closed_world]
    hosts = [host for host in inventory.externals.values() if host.is_stranger]
    sources: list[Workload | ExternalHost] = [*alive, *hosts]
    for source in sources:
        for target in alive:
            if not _is_alone(source, target) and not (source.is_stranger and target.is_stranger):
                ports = dict.fromkeys(port.port for port in target.ports)
                yield from (Cell(_end(source), target.ref, port) for port in ports)


def _is_alone(source: Workload | ExternalHost, target: Workload) -> bool:
    return source is target and not target.has_peers


def _end(source: Workload | ExternalHost) -> Source:
    return PodSource(source.ref) if isinstance(source, Workload) else ExternalSource(source.name)


def exercised(path: Path, endpoints: EndpointResolver) -> frozenset[Cell]:
    """Return the cells that a path covers, directly or through a Service. HTTP and TCP are the same flow.

    A node's port and a load balancer cover none, because the source's address may change on the way. Nor does a path
    from a node, or from or to one replica: it is not about all pods of the workload.
    """
    source, target = path.source, path.target
    if isinstance(source, NodeSource) or not isinstance(target, PodTarget | InternalServiceTarget):
        return frozenset()
    if any(isinstance(end, PodSource | PodTarget) and end.replica is not None for end in (source, target)):
        return frozenset()
    source = PodSource(source.ref) if isinstance(source, PodSource) else source
    return frozenset(
        Cell(source, endpoint.pod.workload, endpoint.port)
        for endpoint in endpoints.of_target(target, path.port)
        if isinstance(endpoint, PodEndpoint)
    )
