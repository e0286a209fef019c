"""Where a path leads: which pods stand behind a target, and which cells of the pod-to-pod table a path exercises."""

from collections.abc import Iterator
from dataclasses import dataclass

from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import NamespacedName, Port
from netpol_harness.model.objects import Service
from netpol_harness.paths.ends import (
    AddressTarget,
    AnyServiceTarget,
    ClusterIPTarget,
    ExternalTarget,
    FqdnTarget,
    NodePortTarget,
    PodSource,
    PodTarget,
    ServiceTarget,
    Source,
    Target,
)
from netpol_harness.paths.path import Inventory, Path, Workload


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table of connections: a source asks a workload at one of its ports. Policies see no more of a path.

    The cells of the closed world have workloads as sources.
    """

    source: Source
    target: NamespacedName
    port: Port


def cells(inventory: Inventory) -> Iterator[Cell]:
    """Every ordered pair of different workloads on the pod network, with every port that the target serves."""
    alive = [workload for workload in inventory.workloads.values() if workload.in_closed_world]
    for source in alive:
        for target in alive:
            if source is not target:
                ports = dict.fromkeys(port.port for port in target.ports)
                yield from (Cell(PodSource(source.ref), target.ref, port) for port in ports)


def exercised(path: Path, inventory: Inventory) -> frozenset[Cell]:
    """The cells that a path asks: directly, or through a Service. HTTP and TCP are the same flow.

    A node's port is none: the address of the source may have changed on the way.
    """
    if isinstance(path.target, PodTarget):
        return frozenset({Cell(path.source, path.target.ref, path.port)})
    service = inventory.services.get(path.target.ref) if isinstance(path.target, AnyServiceTarget) else None
    if service is None:
        return frozenset()
    return frozenset(
        Cell(path.source, workload.ref, Port(path.port.protocol, number))
        for workload in backends(service, inventory)
        for number in landings(service, path.port, workload)
    )


def backends(service: Service, inventory: Inventory) -> tuple[Workload, ...]:
    """The workloads whose pods a Service selects."""
    if service.selector is None:
        return ()
    selector = LabelSelector.equal(service.selector)
    return tuple(
        workload
        for workload in inventory.workloads.values()
        if workload.ref.namespace == service.ref.namespace and selector.matches(workload.labels)
    )


def landings(service: Service, asked: Port, workload: Workload) -> frozenset[int]:
    """The numbers of the workload's ports at which a Service's port arrives. A headless Service translates nothing."""
    if service.headless:
        return frozenset({asked.number})
    targets = {port.target for port in service.ports if port.port == asked}
    named = {p.port.number for p in workload.ports if p.name in targets and p.port.protocol is asked.protocol}
    return frozenset({*named, *(target for target in targets if isinstance(target, int))})


def answerers(service: Service, asked: Port, inventory: Inventory) -> frozenset[NamespacedName]:
    """The workloads behind a Service that serve the port at which one of the Service's arrives."""
    return frozenset(
        workload.ref
        for workload in backends(service, inventory)
        if workload.replicas
        and {Port(asked.protocol, number) for number in landings(service, asked, workload)}
        & {port.port for port in workload.ports}
    )


def ends(target: Target, port: Port, inventory: Inventory) -> frozenset[NamespacedName]:
    """The workloads that may answer a target: asking it from one of them may lead back to the asker."""
    match target:
        case PodTarget(ref):
            return frozenset({ref})
        case NodePortTarget(ref):
            behind = [s for s in inventory.services.values() if port in node_ports(s)]
            return frozenset({ref, *(w.ref for s in behind for w in backends(s, inventory))})
        case ServiceTarget(ref) | FqdnTarget(ref) | ClusterIPTarget(ref):
            service = inventory.services.get(ref)
            return frozenset(w.ref for w in backends(service, inventory)) if service else frozenset()
        case ExternalTarget() | AddressTarget():
            return frozenset()


def node_ports(service: Service) -> frozenset[Port]:
    """The ports of every node at which a Service is offered."""
    return frozenset(Port(port.port.protocol, port.node_port) for port in service.ports if port.node_port)
