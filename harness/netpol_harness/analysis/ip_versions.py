"""The IP version of a path's flows: that of the address that its client connects to. Pure.

Clients that ask for a name may get addresses of both versions. Then probes use the one that the Service has first
(``runner.targets``), as its ClusterIP does. All is 0 if it is not known.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from netpol_harness.model.addresses import ip_version
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import Pod, World
from netpol_harness.model.services import Service
from netpol_harness.oracle.verdict import Flow
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.paths.ends import (
    AddressTarget,
    DnsTarget,
    ExternalTarget,
    InternalServiceTarget,
    LoadBalancerTarget,
    NameServerTarget,
    NodePortTarget,
    NodeSource,
    PodSource,
    PodTarget,
)
from netpol_harness.paths.path import KnownAddresses, Path


class IpVersions:
    """The IP versions of the paths of one world, of a cluster with these known addresses."""

    def __init__(self, world: World, endpoints: EndpointResolver, addresses: KnownAddresses) -> None:
        self._world = world
        self._endpoints = endpoints
        self._nodes: Mapping[NamespacedName, Sequence[str]] = addresses.nodes
        server = addresses.name_server
        services = _first((*addresses.api_addresses, *(server.cluster_ips if server else ())))
        pods = _first(own[0] for own in addresses.pods.values() if own)
        self._of_most_services, self._of_most_pods = services or pods, pods or services

    def of_path(self, path: Path) -> int:
        """Return the IP version of a path's connections. Look-ups of names have another one if the server has."""
        match path.target:
            case AddressTarget(address):
                return _first([address])
            case ExternalTarget(host):
                return _first(self._endpoints.addresses_of_host(host))
            case PodTarget(ref, _, replica):
                return self._of_pods(self._endpoints.pods_of(ref, replica))
            case NodePortTarget(ref):
                return _first(self._nodes.get(ref, ())) or self._of_most_pods
            case LoadBalancerTarget(ref):
                service = self._world.services.get(ref)
                return self._of_service(service, service.outside_addresses) if service else 0
            case NameServerTarget():
                return 0
            case _ as target:
                return self._of_service_path(path, target)

    def of_workload(self, ref: NamespacedName) -> int:
        """Return the IP version of connections to the pods of a workload by their own addresses."""
        return self._of_pods(self._endpoints.pods_of(ref))

    def over(self, flow: Flow, version: int) -> Flow:
        """Return a flow over an IP version, unless it has one, with the Service's address of this version."""
        version = flow.version or version
        if not flow.virtual or version in (0, ip_version(flow.virtual)) or flow.through is None:
            return replace(flow, version=version)
        addresses = self._world.services[flow.through].addresses
        virtual = next((address for address in addresses if ip_version(address) == version), "")
        return replace(flow, version=version, virtual=virtual)

    def _of_service_path(self, path: Path, target: InternalServiceTarget) -> int:
        """Return the version by which a Service is reached; hosts outside connect to its pods by its name."""
        named = self._world.services.get(target.ref)
        service = self._endpoints.alias(named) if named else None
        if named is None or service is None:
            return _first(self._endpoints.addresses_of_host(self._endpoints.named_host(named))) if named else 0
        is_direct = isinstance(target, DnsTarget) and not isinstance(path.source, PodSource | NodeSource)
        if is_direct:
            return self._of_pods(self._endpoints.backing(service))
        slices = self._endpoints.written_slices(service)
        written = {ip_version(address) for part in slices for end in part.endpoints for address in end.addresses}
        if service.headless and len(written) == 1 and not self._endpoints.backing(service):
            return written.pop() or 0
        return self._of_service(service, service.cluster_ips)

    def _of_service(self, service: Service, addresses: Iterable[str]) -> int:
        return _first(addresses) or next(iter(service.ip_versions), self._of_most_services)

    def _of_pods(self, pods: Iterable[Pod]) -> int:
        return next((_first(pod.addresses) for pod in pods if pod.addresses), self._of_most_pods)


def _first(addresses: Iterable[str]) -> int:
    """Return the IP version of the first address; 0 if there is none."""
    return next((ip_version(address) or 0 for address in addresses), 0)
