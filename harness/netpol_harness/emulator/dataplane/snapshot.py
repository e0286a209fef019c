"""The store's objects as one ``World``, kept up to date event by event.

Invariant: ``apply`` tells whether connectivity can have changed, which is when a *parsed* object differs from the one
before; what the model does not read (status, annotations, resource versions) never counts, without a list of fields
here. External hosts are pods of the API only: the world of policies and Services does not know them. No I/O.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from netpol_harness.emulator.pod import is_external_host, is_ready
from netpol_harness.emulator.store import Event, EventType, Key, Store
from netpol_harness.model.addresses import is_address
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import Namespace, Pod, Service, World
from netpol_harness.model.policy import NetworkPolicy


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A world, and the pods in it that Services must not send traffic to."""

    world: World = field(default_factory=World)
    unready: frozenset[NamespacedName] = frozenset()


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """A pod with its readiness."""

    pod: Pod
    ready: bool


class WorldView:
    """What of the store decides connectivity. ``apply`` wants every event, in commit order."""

    def __init__(self) -> None:
        self._parsed: dict[str, dict[Key, Any]] = {resource: {} for resource in _PARSERS}

    @classmethod
    def of(cls, store: Store) -> "WorldView":
        """The view of a store as it is now."""
        view = cls()
        for resource in _PARSERS:
            for data in store.list(resource):
                view._put(Key.of(resource, data), data)
        return view

    def apply(self, event: Event) -> bool:
        """Take note of an event; whether connectivity can have changed by it."""
        if event.key.resource not in _PARSERS:
            return False
        return self._put(event.key, None if event.type is EventType.DELETED else event.object)

    def snapshot(self) -> Snapshot:
        """The world as it is now; later events do not change it."""
        endpoints: dict[Key, _Endpoint] = self._parsed["pods"]
        namespaces: dict[Key, Namespace] = self._parsed["namespaces"]
        services: dict[Key, Service] = self._parsed["services"]
        policies: dict[Key, NetworkPolicy] = self._parsed["networkpolicies"]
        world = World(
            {namespace.name: namespace for namespace in namespaces.values()},
            {endpoint.pod.ref: endpoint.pod for endpoint in endpoints.values()},
            {service.ref: service for service in services.values()},
            tuple(policies.values()),
        )
        return Snapshot(world, frozenset(e.pod.ref for e in endpoints.values() if not e.ready))

    def _put(self, key: Key, data: Mapping[str, Any] | None) -> bool:
        held = self._parsed[key.resource]
        before = held.get(key)
        after = None if data is None else _PARSERS[key.resource](data)
        if after is None:
            held.pop(key, None)
        else:
            held[key] = after
        return after != before


def _endpoint(data: Mapping[str, Any]) -> _Endpoint | None:
    if is_external_host(data):
        return None
    pod = Pod.parse(data)
    return _Endpoint(replace(pod, addresses=tuple(filter(is_address, pod.addresses))), is_ready(data))


_PARSERS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "namespaces": Namespace.parse,
    "pods": _endpoint,
    "services": Service.parse,
    "networkpolicies": NetworkPolicy.parse,
}
