"""The order of sources and targets in a table: by namespace, each Service before the workloads behind it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from netpol_harness.model.names import NamespacedName
from netpol_harness.model.services import Service
from netpol_harness.paths.ends import (
    AddressTarget,
    ClusterIPTarget,
    ExternalSource,
    ExternalTarget,
    FqdnTarget,
    LoadBalancerTarget,
    NameServerTarget,
    NodePortTarget,
    NodeSource,
    PodSource,
    PodTarget,
    ServiceTarget,
    Source,
    Target,
)
from netpol_harness.paths.path import Inventory

OUTSIDE = "outside the cluster"
"""The group of external hosts and literal addresses."""


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """The place of an end: the rank and the name of its group, then its rank in the group."""

    group_rank: int
    group: str
    rank: int
    port: int = 0


class Arrangement:
    """The places of the ends of paths between the objects of one inventory."""

    def __init__(self, inventory: Inventory) -> None:
        self._groups = {name: rank for rank, name in enumerate(_namespaces(inventory))}
        self._workloads: dict[NamespacedName, int] = {}
        self._services: dict[NamespacedName, int] = {}
        for rank, (index, ref) in enumerate(self._ranked(inventory)):
            index[ref] = rank
        self._hosts = {name: rank for rank, name in enumerate(inventory.externals)}

    def of_source(self, source: Source) -> Slot:
        """Return the place of a source."""
        match source:
            case PodSource(ref) | NodeSource(ref):
                return self._inside(ref, self._workloads)
            case ExternalSource(host):
                return self._outside(host, 0)

    def of_target(self, target: Target) -> Slot:
        """Return the place of a target."""
        match target:
            case PodTarget(ref, port) | NodePortTarget(ref, port):
                return self._inside(ref, self._workloads, port)
            case (
                ServiceTarget(ref, port)
                | FqdnTarget(ref, port)
                | ClusterIPTarget(ref, port)
                | LoadBalancerTarget(ref, port)
            ):
                return self._inside(ref, self._services, port)
            case NameServerTarget(port):
                return self._outside("dns", port)
            case ExternalTarget(host, port) | AddressTarget(host, port):
                return self._outside(host, port)

    @property
    def groups(self) -> int:
        """The number of namespaces."""
        return len(self._groups)

    def _inside(self, ref: NamespacedName, ranks: dict[NamespacedName, int], port: int = 0) -> Slot:
        last = len(self._workloads) + len(self._services)
        return Slot(self._groups.get(ref.namespace, len(self._groups)), ref.namespace, ranks.get(ref, last), port)

    def _outside(self, host: str, port: int) -> Slot:
        return Slot(len(self._groups) + 1, OUTSIDE, self._hosts.get(host, len(self._hosts)), port)

    def _ranked(self, inventory: Inventory) -> Iterator[tuple[dict[NamespacedName, int], NamespacedName]]:
        """Yield each workload after the Services that select it, and after these all workloads that they select."""
        behind = {service.ref: [*_behind(service, inventory)] for service in inventory.services.values()}
        for workload in inventory.workloads:
            services = [ref for ref, members in behind.items() if workload in members and ref not in self._services]
            yield from ((self._services, ref) for ref in services)
            members = [workload, *(member for ref in services for member in behind[ref])]
            yield from ((self._workloads, ref) for ref in dict.fromkeys(members) if ref not in self._workloads)
        yield from ((self._services, ref) for ref in behind if ref not in self._services)


def _behind(service: Service, inventory: Inventory) -> Iterator[NamespacedName]:
    return (ref for ref, workload in inventory.workloads.items() if service.selects(ref.namespace, workload.labels))


def _namespaces(inventory: Inventory) -> dict[str, None]:
    """Return the namespaces that have objects, the default one first."""
    refs = [*inventory.workloads, *inventory.services]
    used = dict.fromkeys(ref.namespace for ref in refs)
    default = inventory.default_namespace
    return {**({default: None} if default in used else {}), **used}
