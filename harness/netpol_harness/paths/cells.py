"""Cells of the table of all connections between workloads, and the cells that a path covers. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from netpol_harness.model.names import NamespacedName, Port
from netpol_harness.paths.endpoints import EndpointResolver, PodEndpoint
from netpol_harness.paths.ends import AnyServiceTarget, PodSource, PodTarget, Source
from netpol_harness.paths.path import Inventory, Path


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table of connections: a source, a workload as the target, and a port of that workload.

    Policies see no more of a path than this. All sources in the closed world are workloads.
    """

    source: Source
    target: NamespacedName
    port: Port


def cells(inventory: Inventory) -> Iterator[Cell]:
    """Yield every ordered pair of workloads on the pod network, with every port that the target serves.

    The cells of a workload with itself are about two of its pods. It has none if it may be a single pod: no policy
    applies to the connections of a pod to itself.
    """
    alive = [workload for workload in inventory.workloads.values() if workload.in_closed_world]
    for source in alive:
        for target in alive:
            if source is not target or source.has_peers:
                ports = dict.fromkeys(port.port for port in target.ports)
                yield from (Cell(PodSource(source.ref), target.ref, port) for port in ports)


def exercised(path: Path, endpoints: EndpointResolver) -> frozenset[Cell]:
    """Return the cells that a path covers, directly or through a Service. HTTP and TCP are the same flow.

    A node's port covers none, because the source's address may change on the way.
    """
    if not isinstance(path.target, PodTarget | AnyServiceTarget):
        return frozenset()
    source = PodSource(path.source.ref) if isinstance(path.source, PodSource) else path.source
    return frozenset(
        Cell(source, endpoint.pod.workload, endpoint.port)
        for endpoint in endpoints.of_target(path.target, path.port)
        if isinstance(endpoint, PodEndpoint)
    )
