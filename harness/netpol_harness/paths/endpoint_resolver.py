"""Resolves the targets of paths to endpoints, in one snapshot of the cluster. Pure.

Prediction and probing both use it, each with its own snapshot: the one that a step describes, in which one pod stands
for all pods of a workload, and the live one. As in the API, an endpoint is a pod and one of the pod's own ports. Where
EndpointSlices are written by hand, it is whatever has their address.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter

from netpol_harness.model.endpoint_slices import EndpointSlice
from netpol_harness.model.names import NamespacedName, Port
from netpol_harness.model.objects import Pod, World
from netpol_harness.model.services import Service, ServicePort
from netpol_harness.paths.aliases import followed
from netpol_harness.paths.endpoints import AddressEndpoint, Endpoint, HostEndpoint, PodEndpoint
from netpol_harness.paths.ends import (
    AddressTarget,
    ClusterIPTarget,
    ExternalTarget,
    FqdnTarget,
    LoadBalancerTarget,
    NameServerTarget,
    NodePortTarget,
    PodTarget,
    ServiceTarget,
    Target,
)
from netpol_harness.wellknown import POD_NAME_LABEL


class EndpointResolver:
    """Resolves targets to endpoints. ``hosts`` are the known addresses of external hosts, by name.

    Targets use the names of the world: logical names in a predicted one, real names in a live one. Pods that have ended
    are not endpoints.
    """

    def __init__(self, world: World, hosts: Mapping[str, Sequence[str]] | None = None) -> None:
        self._world = world
        self._hosts = hosts or {}
        self._pods: dict[NamespacedName, list[Pod]] = defaultdict(list)
        self._owners: dict[str, list[Pod]] = defaultdict(list)
        for pod in world.pods.values():
            if pod.running:
                self._pods[pod.workload].append(pod)
                for address in pod.addresses:
                    self._owners[address].append(pod)
        self._slices: dict[NamespacedName, list[EndpointSlice]] = defaultdict(list)
        for endpoint_slice in world.endpoint_slices:
            self._slices[endpoint_slice.service].append(endpoint_slice)
        self._of_services: dict[tuple[NamespacedName, Port], tuple[Endpoint, ...]] = {}

    def addresses_of_host(self, name: str) -> Sequence[str]:
        """Return the known addresses of an external host."""
        return self._hosts.get(name, ())

    def of_target(self, target: Target, port: Port) -> tuple[Endpoint, ...]:
        """Return the endpoints of a target that is probed at ``port``; none if nothing is known to answer."""
        match target:
            case PodTarget(ref, _, replica):
                return tuple(PodEndpoint(pod, port) for pod in self.pods_of(ref, replica))
            case ServiceTarget(ref) | FqdnTarget(ref) | ClusterIPTarget(ref) | LoadBalancerTarget(ref):
                service = self._world.services.get(ref)
                return self.of_service(service, port) if service else ()
            case NodePortTarget(ref, _, replica):
                offers = self.offers_on_nodes(port)
                through = [endpoint for service, own in offers for endpoint in self.of_service(service, own.port)]
                return (*through, *self.host_ports(ref, port, replica))
            case NameServerTarget():
                return ()
            case ExternalTarget(host):
                return (HostEndpoint(host, port, next(iter(self._hosts.get(host, ())), "")),)
            case AddressTarget(address):
                return self._of_address(address, port)

    def of_service(self, service: Service, port: Port) -> tuple[Endpoint, ...]:
        """Return the endpoints of a Service's port: its pods, at their own ports, and those of written EndpointSlices.

        Named target ports are looked up. A headless Service does not translate ports: its name stands for its
        endpoints, at any port. An ExternalName stands for the Service or the external host that it names.
        """
        key = service.ref, port
        if key not in self._of_services:
            if service.external_name:
                self._of_services[key] = self._of_alias(service, port)
            else:
                self._of_services[key] = tuple({(e.name, e.port): e for e in self._endpoints(service, port)}.values())
        return self._of_services[key]

    def addresses_of(self, service: Service) -> tuple[str, ...]:
        """Return the ClusterIPs of a Service, or of the one that an ExternalName names; none if it is headless."""
        named = self.alias(service)
        return named.cluster_ips if named else ()

    def _of_alias(self, service: Service, port: Port) -> tuple[Endpoint, ...]:
        if alias := self.alias(service):
            return self.of_service(alias, port)
        host = self.named_host(service)
        return self.of_target(ExternalTarget(host, port.number), port) if host else ()

    def alias(self, service: Service) -> Service | None:
        """Return the Service that an ExternalName finally names, or itself; ``None`` if it names no Service."""
        last = followed(service, self._world.services)
        return last if last and not last.external_name else None

    def is_alias(self, service: NamespacedName) -> bool:
        """Whether a Service is an ExternalName."""
        known = self._world.services.get(service)
        return bool(known and known.external_name)

    def needs_load_balancer(self, service: NamespacedName) -> bool:
        """Whether a Service has no address for clients outside the cluster before a controller gives it one."""
        known = self._world.services.get(service)
        return bool(known and known.balanced and not known.external_ips)

    def external_address(self, service: NamespacedName) -> str:
        """Return the first external IP of a Service; empty if it has none."""
        known = self._world.services.get(service)
        return next(iter(known.external_ips), "") if known else ""

    def named_host(self, service: Service) -> str:
        """Return the external host that an ExternalName finally names; empty if it names none.

        The name is the host's own, or one that resolves to the addresses of this host alone.
        """
        last = followed(service, self._world.services)
        name = last.external_name if last else ""
        if name in self._hosts:
            return name
        known = set(self._world.domain_names.get(name, ()))
        having = [host for host, addresses in self._hosts.items() if known & set(addresses)]
        return having[0] if len(having) == 1 else ""

    def outside_name(self, service: Service) -> str:
        """Return the name that an ExternalName finally stands for; empty if that is a Service's, or none."""
        last = followed(service, self._world.services)
        return last.external_name if last else ""

    def _endpoints(self, service: Service, port: Port) -> Iterator[Endpoint]:
        serving = (pod for pod in self.backing(service) if pod.ready or service.publish_not_ready)
        pods = [endpoint for pod in serving for endpoint in _of_pod(pod, service, port)]
        yield from pods
        for address, number in self._written_sockets(service, port, has_pods=bool(pods)):
            yield from self.at(address, Port(port.protocol, number))

    def _written_sockets(self, service: Service, port: Port, *, has_pods: bool) -> Iterator[tuple[str, int]]:
        """Yield the addresses and ports of written slices that get connections to this port of the Service.

        Proxies use one address of an endpoint, and endpoints that end only if no other is ready. Names stand for all
        addresses of the ready endpoints.
        """
        slices = self.written_slices(service)
        if service.headless:
            ready = (endpoint for part in slices for endpoint in part.endpoints if endpoint.ready)
            yield from ((address, port.number) for endpoint in ready for address in endpoint.addresses)
            return
        names = {own.name for own in service.ports if own.port == port}
        found = [
            (endpoint, own.number)
            for part in slices
            for own in part.ports
            if own.protocol is port.protocol and own.name in names
            for endpoint in part.endpoints
        ]
        is_served = has_pods or any(endpoint.ready for endpoint, _ in found)
        for endpoint, number in found:
            if endpoint.ready if is_served else endpoint.draining:
                yield endpoint.addresses[0], number

    def workloads_behind(self, target: Target, port: Port) -> frozenset[NamespacedName]:
        """Return the workloads that may answer a target, at any port of a Service. From these, it may lead back."""
        match target:
            case PodTarget(ref):
                return frozenset({ref})
            case NodePortTarget(ref):
                services = [service for service, _ in self.offers_on_nodes(port)]
                own = (endpoint.pod.workload for endpoint in self.host_ports(ref, port))
                return frozenset({ref, *own}.union(*map(self._workloads, services)))
            case ServiceTarget(ref) | FqdnTarget(ref) | ClusterIPTarget(ref) | LoadBalancerTarget(ref):
                named = self._world.services.get(ref)
                return self._workloads(named) if named else frozenset()
            case NameServerTarget() | ExternalTarget() | AddressTarget():
                return frozenset()

    def offers_on_nodes(self, port: Port) -> Iterator[tuple[Service, ServicePort]]:
        """Yield the Services that every node offers at this node port, each with the port that it stands for."""
        for service in self._world.services.values():
            for own in service.ports:
                if Port(own.port.protocol, own.node_port) == port:
                    yield service, own

    def host_ports(self, workload: NamespacedName, port: Port, replica: int | None = None) -> tuple[PodEndpoint, ...]:
        """Return the pods that may answer at a port of a node on which the workload runs, by their ``hostPort``.

        Where a node is not known, any pod may be on it.
        """
        nodes = {pod.node for pod in self.pods_of(workload, replica)}
        return tuple(
            PodEndpoint(pod, declared.port)
            for pods in self._pods.values()
            for pod in pods
            if not pod.host_network and (pod.node in nodes or not pod.node or "" in nodes)
            for declared in pod.ports
            if Port(declared.port.protocol, declared.host_port) == port
        )

    def backing(self, service: Service) -> tuple[Pod, ...]:
        """Return the pods that a Service selects."""
        return tuple(
            pod for pods in self._pods.values() for pod in pods if service.selects(pod.ref.namespace, pod.labels)
        )

    def addresses_behind(self, service: Service) -> frozenset[str]:
        """Return the addresses of the pods that a Service selects, and those of its written EndpointSlices."""
        own = (address for pod in self.backing(service) for address in pod.addresses)
        slices = self.written_slices(service)
        return frozenset([*own, *(address for part in slices for end in part.endpoints for address in end.addresses)])

    def written_slices(self, service: Service) -> Sequence[EndpointSlice]:
        """Return the EndpointSlices of a Service that are not derived from its pods."""
        return self._slices.get(service.ref, ())

    def _workloads(self, service: Service) -> frozenset[NamespacedName]:
        """Return the workloads behind a Service, at any of its ports."""
        named = self.alias(service) or service
        written = (pod for address in self.addresses_behind(named) for pod in self._owners.get(address, ()))
        return frozenset(pod.workload for pod in (*self.backing(named), *written))

    def pods_of(self, workload: NamespacedName, replica: int | None = None) -> tuple[Pod, ...]:
        """Return the running pods of a workload, or one of them by its index; none if the world does not have it.

        A StatefulSet names its pods by their index, and so does a predicted world. The pods of other workloads have
        random names, and are counted in the order of these.
        """
        pods = tuple(self._pods.get(workload, ()))
        if replica is None:
            return pods
        if any(POD_NAME_LABEL in pod.labels for pod in pods):
            name = f"{workload.name}-{replica}"
            return tuple(pod for pod in pods if pod.labels.get(POD_NAME_LABEL) == name)
        named = tuple(pod for pod in pods if pod.ref.name == f"{workload.name}/{replica}")
        return named or tuple(sorted(pods, key=attrgetter("ref")))[replica : replica + 1]

    def _of_address(self, address: str, port: Port) -> tuple[Endpoint, ...]:
        """Return what has an address: pods (several on a node's network), external hosts, Services by an address.

        A ClusterIP has no meaning but the Service's; of its other addresses only the Service's ports are translated.
        """
        services = [service for service in self._world.services.values() if address in service.addresses]
        taken = any(address in s.cluster_ips or port in [own.port for own in s.ports] for s in services)
        own = () if taken else self.at(address, port)
        through = (endpoint for service in services for endpoint in self.of_service(service, port))
        return (*(e for e in own if not isinstance(e, AddressEndpoint)), *through)

    def at(self, address: str, port: Port) -> tuple[Endpoint, ...]:
        """Return the pods and external hosts that have an address of their own, or else the address alone."""
        pods = (PodEndpoint(pod, port) for pod in self._owners.get(address, ()))
        hosts = (HostEndpoint(host, port, address) for host, addresses in self._hosts.items() if address in addresses)
        return (*pods, *hosts) or (AddressEndpoint(address, port),)


def _of_pod(pod: Pod, service: Service, port: Port) -> Iterator[PodEndpoint]:
    """Yield the endpoints of a Service's port in one of its pods."""
    targets = {port.number} if service.headless else {own.target for own in service.ports if own.port == port}
    for number in sorted({number for target in targets for number in _numbers(pod, target, port)}):
        yield PodEndpoint(pod, Port(port.protocol, number))


def _numbers(pod: Pod, target: int | str, port: Port) -> tuple[int, ...]:
    """Return the number to which a Service sends: of ports with one name, that of the first; empty if there is none."""
    if isinstance(target, int):
        return (target,)
    return tuple(p.port.number for p in pod.ports if p.name == target and p.port.protocol is port.protocol)[:1]
