"""Resolves the targets of paths to endpoints, in one snapshot of the cluster. Pure.

Prediction and probing both use it, each with its own snapshot: the one that a step describes, in which one pod stands
for all pods of a workload, and the live one. As in the API, an endpoint is a pod and one of the pod's own ports.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from netpol_harness.model.names import NamespacedName, Port
from netpol_harness.model.objects import Pod, Service, ServicePort, World
from netpol_harness.paths.ends import (
    AddressTarget,
    ClusterIPTarget,
    ExternalTarget,
    FqdnTarget,
    NodePortTarget,
    PodTarget,
    ServiceTarget,
    Target,
)


@dataclass(frozen=True, slots=True)
class PodEndpoint:
    """A pod, and its own port at which a connection arrives; port 0 for ICMP."""

    pod: Pod
    port: Port


@dataclass(frozen=True, slots=True)
class HostEndpoint:
    """An external host by its name, and the port at which a connection arrives; port 0 for ICMP."""

    host: str
    port: Port


Endpoint = PodEndpoint | HostEndpoint


class EndpointResolver:
    """Resolves targets to endpoints. ``hosts`` are the known addresses of external hosts, by name.

    Targets use the names of the world: logical names in a predicted one, real names in a live one. Pods that have ended
    are not endpoints.
    """

    def __init__(self, world: World, hosts: Mapping[str, Sequence[str]] | None = None) -> None:
        self._world = world
        self._hosts = hosts or {}
        self._pods: dict[NamespacedName, list[Pod]] = defaultdict(list)
        for pod in world.pods.values():
            if pod.running:
                self._pods[pod.workload].append(pod)
        self._of_services: dict[tuple[NamespacedName, Port], tuple[PodEndpoint, ...]] = {}

    def of_target(self, target: Target, port: Port) -> tuple[Endpoint, ...]:
        """Return the endpoints of a target that is probed at ``port``; none if nothing is known to answer."""
        match target:
            case PodTarget(ref):
                return tuple(PodEndpoint(pod, port) for pod in self.pods_of(ref))
            case ServiceTarget(ref) | FqdnTarget(ref) | ClusterIPTarget(ref):
                service = self._world.services.get(ref)
                return self.of_service(service, port) if service else ()
            case NodePortTarget():
                offers = self.offers_on_nodes(port)
                return tuple(endpoint for service, own in offers for endpoint in self.of_service(service, own.port))
            case ExternalTarget(host):
                return (HostEndpoint(host, port),)
            case AddressTarget(address):
                return self._of_address(address, port)

    def of_service(self, service: Service, port: Port) -> tuple[PodEndpoint, ...]:
        """Return the endpoints of a Service's port: its pods, at their own ports. Named target ports are looked up.

        A headless Service does not translate ports: its name stands for its pods, at any port.
        """
        key = service.ref, port
        if key not in self._of_services:
            targets = {port.number} if service.headless else {own.target for own in service.ports if own.port == port}
            self._of_services[key] = tuple(
                PodEndpoint(pod, Port(port.protocol, number))
                for pod in self.backing(service)
                for number in sorted({n for target in targets for n in _numbers(pod, target, port)})
            )
        return self._of_services[key]

    def workloads_behind(self, target: Target, port: Port) -> frozenset[NamespacedName]:
        """Return the workloads that may answer a target, at any port of a Service. From these, it may lead back."""
        match target:
            case PodTarget(ref):
                return frozenset({ref})
            case NodePortTarget(ref):
                services = [service for service, _ in self.offers_on_nodes(port)]
                return frozenset({ref, *(pod.workload for service in services for pod in self.backing(service))})
            case ServiceTarget(ref) | FqdnTarget(ref) | ClusterIPTarget(ref):
                named = self._world.services.get(ref)
                return frozenset(pod.workload for pod in self.backing(named)) if named else frozenset()
            case ExternalTarget() | AddressTarget():
                return frozenset()

    def offers_on_nodes(self, port: Port) -> Iterator[tuple[Service, ServicePort]]:
        """Yield the Services that every node offers at this node port, each with the port that it stands for."""
        for service in self._world.services.values():
            for own in service.ports:
                if Port(own.port.protocol, own.node_port) == port:
                    yield service, own

    def backing(self, service: Service) -> tuple[Pod, ...]:
        """Return the pods that a Service selects."""
        return tuple(pod for pods in self._pods.values() for pod in pods if service.backs(pod))

    def pods_of(self, workload: NamespacedName) -> tuple[Pod, ...]:
        """Return the running pods of a workload; none if the world does not have it."""
        return tuple(self._pods.get(workload, ()))

    def _of_address(self, address: str, port: Port) -> tuple[Endpoint, ...]:
        """Return what has an address: pods (several on a node's network), external hosts, Services by ClusterIP."""
        pods = [pod for pods in self._pods.values() for pod in pods if address in pod.addresses]
        hosts = [host for host, addresses in self._hosts.items() if address in addresses]
        services = [service for service in self._world.services.values() if address in service.cluster_ips]
        return (
            *(PodEndpoint(pod, port) for pod in pods),
            *(HostEndpoint(host, port) for host in hosts),
            *(endpoint for service in services for endpoint in self.of_service(service, port)),
        )


def _numbers(pod: Pod, target: int | str, port: Port) -> frozenset[int]:
    return frozenset({target}) if isinstance(target, int) else pod.numbers(target, port.protocol)
