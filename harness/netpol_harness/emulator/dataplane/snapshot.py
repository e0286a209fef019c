"""The store's objects as one ``World``, kept up to date event by event.

Invariant: ``apply`` returns whether connectivity can have changed, which is so if a *parsed* object differs from its
predecessor. Fields that the model does not read (status, annotations, resource versions) never count, so no list of
fields is kept here. External hosts are pods of the API only: policies and Services do not apply to them. Their
names are kept, as those of the ConfigMaps with names outside the cluster. No I/O.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from netpol_harness.emulator.domain_records import domain_records, is_domain_names
from netpol_harness.emulator.pod import is_external_host, is_ready
from netpol_harness.emulator.store import Event, EventType, Key, Store
from netpol_harness.model.addresses import is_address
from netpol_harness.model.cluster_policy import ClusterNetworkPolicy
from netpol_harness.model.domain_names import DomainRecord
from netpol_harness.model.endpoint_slices import EndpointSlice
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.nodes import Node
from netpol_harness.model.objects import Namespace, Pod, World
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.model.services import Service

CLUSTER_NETWORK_POLICIES = "clusternetworkpolicies.policy.networking.k8s.io"
"""The name of the kind in the store."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A world, the pods in it that Services must not send traffic to, and the node that the rules are for.

    ``node`` is empty if it is the only one. ``aliases`` are the names outside the cluster that lead to other names.
    """

    world: World = field(default_factory=World)
    unready: frozenset[NamespacedName] = frozenset()
    node: str = ""
    aliases: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _PodReadiness:
    """A pod and its readiness."""

    pod: Pod
    ready: bool


class WorldView:
    """The objects of the store that decide connectivity. ``apply`` must see every event, in commit order."""

    def __init__(self) -> None:
        self._parsed: dict[str, dict[Key, Any]] = {resource: {} for resource in _PARSERS}

    @classmethod
    def of(cls, store: Store) -> "WorldView":
        """Return the view of the store's current state."""
        view = cls()
        for resource in _PARSERS:
            for data in store.list(resource):
                view._put(Key.of(resource, data), data)
        return view

    def apply(self, event: Event) -> bool:
        """Record an event. Return whether it can have changed connectivity."""
        if event.key.resource not in _PARSERS:
            return False
        return self._put(event.key, None if event.type is EventType.DELETED else event.object)

    def snapshot(self, node: str = "", domain_names: Mapping[str, tuple[str, ...]] | None = None) -> Snapshot:
        """Return the current world, as a node sees it, with these addresses of names. Later events do not change it."""
        pods = {key: entry for key, entry in self._parsed["pods"].items() if isinstance(entry, _PodReadiness)}
        namespaces: dict[Key, Namespace] = self._parsed["namespaces"]
        services: dict[Key, Service] = self._parsed["services"]
        policies: dict[Key, NetworkPolicy] = self._parsed["networkpolicies"]
        slices: dict[Key, EndpointSlice] = self._parsed["endpointslices"]
        cluster_policies: dict[Key, ClusterNetworkPolicy] = self._parsed[CLUSTER_NETWORK_POLICIES]
        nodes: dict[Key, Node] = self._parsed["nodes"]
        world = World(
            {namespace.name: namespace for namespace in namespaces.values()},
            {entry.pod.ref: entry.pod for entry in pods.values()},
            {service.ref: service for service in services.values()},
            tuple(policies.values()),
            tuple(slices.values()),
            tuple(cluster_policies.values()),
            {known.name: known for known in nodes.values()},
            domain_names or {},
        )
        unready = frozenset(entry.pod.ref for entry in pods.values() if not entry.ready)
        return Snapshot(world, unready, node, frozenset(record.name for record in self._records() if record.alias))

    @property
    def domain_names(self) -> frozenset[str]:
        """The names outside the cluster that its name server answers."""
        hosts = (entry.name for entry in self._parsed["pods"].values() if isinstance(entry, _OutsideHost))
        return frozenset([*(record.name for record in self._records()), *(name for name in hosts if "." in name)])

    def _records(self) -> Iterator[DomainRecord]:
        """Yield the records of the names outside the cluster."""
        for records in self._parsed["configmaps"].values():
            yield from records

    def _put(self, key: Key, data: Mapping[str, Any] | None) -> bool:
        parsed = self._parsed[key.resource]
        before = parsed.get(key)
        after = None if data is None else _PARSERS[key.resource](data)
        if after is None:
            parsed.pop(key, None)
        else:
            parsed[key] = after
        return after != before


@dataclass(frozen=True, slots=True)
class _OutsideHost:
    """An external host and its addresses, to which names may lead."""

    name: str
    addresses: tuple[str, ...]


def _domain_records(data: Mapping[str, Any]) -> tuple[DomainRecord, ...] | None:
    return domain_records(data) if is_domain_names(data) else None


def _pod_readiness(data: Mapping[str, Any]) -> _PodReadiness | _OutsideHost:
    if is_external_host(data):
        return _OutsideHost(data["metadata"]["name"], Pod.parse(data).addresses)
    pod = Pod.parse(data)
    return _PodReadiness(replace(pod, addresses=tuple(filter(is_address, pod.addresses))), is_ready(data))


_PARSERS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "namespaces": Namespace.parse,
    "pods": _pod_readiness,
    "configmaps": _domain_records,
    "services": Service.parse,
    "networkpolicies": NetworkPolicy.parse,
    "endpointslices": EndpointSlice.parse,
    "nodes": Node.parse,
    CLUSTER_NETWORK_POLICIES: ClusterNetworkPolicy.parse,
}
