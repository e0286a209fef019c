"""Every path that the names of a step allow: who may ask, and what may be asked. Pure."""

from collections.abc import Iterator

from netpol_harness.model.names import NamespacedName, Port
from netpol_harness.model.objects import ContainerPort, ServicePort
from netpol_harness.paths.names import Names
from netpol_harness.paths.path import Inventory, Path, Scheme, Target, TargetKind
from netpol_harness.scenario.scenario import Step

_Spelled = tuple[TargetKind, NamespacedName, str]


def every_path(step: Step) -> tuple[Path, ...]:
    """From every workload and external host to every port of every Service, by name and by ClusterIP, pod and host.

    In this order of targets, spelled as one would write them. No workload asks itself.
    """
    names = Names(step.inventory)
    sources = list(_sources(step.inventory, names))
    paths = (
        Path(source, scheme, target, f"{left} -> {right}")
        for scheme, target, right in _targets(step.inventory, names)
        for source, left in sources
        if source != target.ref
    )
    return tuple(dict.fromkeys(paths))


def _sources(inventory: Inventory, names: Names) -> Iterator[tuple[NamespacedName, str]]:
    yield from ((w.ref, names.spell_source(w.ref)) for w in inventory.workloads.values() if w.in_closed_world)
    yield from ((NamespacedName("", name), name) for name in inventory.externals)


def _targets(inventory: Inventory, names: Names) -> Iterator[tuple[Scheme, Target, str]]:
    """The right sides of all paths."""
    for (kind, ref, spelled), ports in _served(inventory, names):
        for port in (served.port for served in ports):
            scheme = Scheme(port.protocol.lower())
            yield scheme, Target(kind, ref, port.number), _at(spelled, port, scheme)


def _served(
    inventory: Inventory, names: Names
) -> Iterator[tuple[_Spelled, tuple[ServicePort, ...] | tuple[ContainerPort, ...]]]:
    services = [(names.spell_service(service.ref), service) for service in inventory.services.values()]
    for spelled, service in services:
        yield (TargetKind.SERVICE, service.ref, spelled), service.ports
    for spelled, service in services:
        if not service.headless:
            bare = spelled.removeprefix("service(").removesuffix(")")
            yield (TargetKind.CLUSTER_IP, service.ref, f"ip({bare})"), service.ports
    for workload in inventory.workloads.values():
        if workload.in_closed_world:
            yield (TargetKind.POD, workload.ref, names.spell_target(workload.ref)), workload.ports
    for host in inventory.externals.values():
        yield (TargetKind.EXTERNAL, NamespacedName("", host.name), host.name), host.ports


def _at(name: str, port: Port, scheme: Scheme) -> str:
    return f"{'' if scheme is Scheme.TCP else f'{scheme}://'}{name}:{port.number}"
