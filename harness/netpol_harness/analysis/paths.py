"""Every path that the names of a step allow: all sources and all targets. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import attrgetter

from netpol_harness.model.names import NamespacedName, Port
from netpol_harness.paths.ends import (
    AnyServiceTarget,
    ClusterIPTarget,
    ExternalSource,
    ExternalTarget,
    PodSource,
    PodTarget,
    ServiceTarget,
    Source,
    Target,
)
from netpol_harness.paths.names import Names
from netpol_harness.paths.path import Inventory, Path, Scheme
from netpol_harness.scenario.scenario import Step

SourcesByTarget = Mapping[tuple[NamespacedName, Port], Collection[NamespacedName]]
"""Workloads as sources, by target: a workload and one of its ports."""


def every_path(step: Step, only: SourcesByTarget | None = None) -> tuple[Path, ...]:
    """Return the paths from every workload and external host to every port of every target, in short spelling.

    The targets are, in this order: Services by name, Services by ClusterIP, pods, external hosts. There is no path from
    a workload to the Service of its own name, and none to itself unless it has two pods. To the targets in ``only``,
    the workloads given there are the only ones with a path.
    """
    names = Names(step.inventory)
    sources = _Sources(list(_sources(step.inventory, names)), only or {})
    paths = (
        Path(source, scheme, target, left, right)
        for scheme, target, right in _targets(step.inventory, names)
        for source, left in sources.of(scheme, target)
        if not (_is_same(source, target, step.inventory) or _are_strangers(source, target, step.inventory))
    )
    return tuple(dict.fromkeys(paths))


class _Sources:
    """The sources of paths, in order, and the only ones to some targets."""

    def __init__(self, every: Sequence[tuple[Source, str]], only: SourcesByTarget) -> None:
        self._every = every
        self._only = only
        self._workloads = {
            source.ref: number for number, (source, _) in enumerate(every) if isinstance(source, PodSource)
        }

    def of(self, scheme: Scheme, target: Target) -> Sequence[tuple[Source, str]]:
        """Return the sources of a target. Takes time by their number, not by that of all."""
        if not isinstance(target, PodTarget):
            return self._every
        only = self._only.get((target.ref, Port(scheme.protocol, target.port)))
        if only is None:
            return self._every
        numbers = sorted(self._workloads[ref] for ref in only if ref in self._workloads)
        return [*(self._every[number] for number in numbers), *self._every[len(self._workloads) :]]


def _is_same(source: Source, target: Target, inventory: Inventory) -> bool:
    """Whether the target is the source, which has no second pod, or the Service of the source's name."""
    if isinstance(source, ExternalSource):
        return isinstance(target, ExternalTarget) and source.host == target.host
    if isinstance(target, PodTarget) and source.ref == target.ref:
        return not inventory.workloads[source.ref].has_peers
    return isinstance(target, AnyServiceTarget) and source.ref == target.ref


def _are_strangers(source: Source, target: Target, inventory: Inventory) -> bool:
    """Whether both ends are strangers, whose connections with each other say nothing about the scenario."""
    from_stranger = (
        inventory.externals[source.host].is_stranger
        if isinstance(source, ExternalSource)
        else inventory.workloads[source.ref].is_stranger
    )
    if isinstance(target, ExternalTarget):
        return from_stranger and inventory.externals[target.host].is_stranger
    return from_stranger and isinstance(target, PodTarget) and inventory.workloads[target.ref].is_stranger


def _sources(inventory: Inventory, names: Names) -> Iterator[tuple[Source, str]]:
    for workload in inventory.workloads.values():
        if workload.in_closed_world:
            yield PodSource(workload.ref), names.spell_source(workload.ref)
    yield from ((ExternalSource(name), name) for name in inventory.externals)


def _targets(inventory: Inventory, names: Names) -> Iterator[tuple[Scheme, Target, str]]:
    """Yield the targets of all paths, with their text."""
    services = [(names.spell_service(service.ref), service) for service in inventory.services.values()]
    for spelled, service in services:
        for port in service.ports:
            yield _spelled(ServiceTarget(service.ref, port.port.number), spelled, port.port)
    for spelled, service in services:
        bare = spelled.removeprefix("service(").removesuffix(")")
        for port in () if service.headless else service.ports:
            yield _spelled(ClusterIPTarget(service.ref, port.port.number), f"ip({bare})", port.port)
    yield from _hosts(inventory, names)


def _hosts(inventory: Inventory, names: Names) -> Iterator[tuple[Scheme, Target, str]]:
    """Yield the targets that are workloads or external hosts."""
    for workload in filter(attrgetter("in_closed_world"), inventory.workloads.values()):
        for served in workload.ports:
            target = PodTarget(workload.ref, served.port.number)
            yield _spelled(target, names.spell_target(workload.ref), served.port)
    for host in inventory.externals.values():
        for served in host.ports:
            yield _spelled(ExternalTarget(host.name, served.port.number), host.name, served.port)


def _spelled(target: Target, name: str, port: Port) -> tuple[Scheme, Target, str]:
    scheme = Scheme(port.protocol.lower())
    return scheme, target, f"{'' if scheme is Scheme.TCP else f'{scheme}://'}{name}:{port.number}"
