"""The flows of name look-ups: from a pod to the name server that it asks. Pure."""

from collections.abc import Iterable, Mapping

from netpol_harness.analysis.doubts import Doubt, no_name_server, other_name_server
from netpol_harness.model.addresses import ip_version
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.name_server import NameServer
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import Pod, World, name_servers
from netpol_harness.oracle.verdict import Flow, FlowEnd, Host
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.paths.endpoints import Endpoint, PodEndpoint

_CLUSTER_FIRST = (None, "", "ClusterFirst")
_PORT = Port(Protocol.UDP, 53)


class Lookups:
    """The look-ups of the pods of one world. ``specs`` are the pod specs by workload."""

    def __init__(
        self, world: World, endpoints: EndpointResolver, server: NameServer, specs: Mapping[NamespacedName, JsonMapping]
    ) -> None:
        self._world = world
        self._endpoints = endpoints
        self._server = server
        self._specs = specs

    def flows(self, source: FlowEnd) -> tuple[Flow, ...]:
        """Return the flows to the name server that a pod asks first; none for a host, which does not ask."""
        return () if isinstance(source, Host) else self.to_server(source)

    def to_server(self, source: FlowEnd) -> tuple[Flow, ...]:
        """Return the flows to the name server that a pod asks first; for a host, to the cluster's own."""
        chosen = () if isinstance(source, Host) else self._chosen(self._world.pods[source])
        if chosen:
            return tuple(self._to_address(source, chosen[0]))
        server = self._server
        if server.address:
            version = ip_version(server.address) or 0
            return (Flow(source, Host(server.address, node=server.on_node), server.own_port, version=version),)
        version = next(filter(None, map(ip_version, server.cluster_ips)), 0)
        return (Flow(source, server.service, server.own_port, server.service, version=version),)

    def doubt(self, source: FlowEnd) -> Doubt | None:
        """Return why it is not known whether the name server of a pod knows the cluster's names, if it is not.

        A host outside does not ask it.
        """
        if isinstance(source, Host):
            return None
        pod = self._world.pods[source]
        chosen = self._chosen(pod)
        if chosen:
            return other_name_server(pod.workload, chosen[0])
        policy = self._specs.get(pod.workload, {}).get("dnsPolicy")
        if policy == "ClusterFirstWithHostNet" or (policy in _CLUSTER_FIRST and not pod.host_network):
            return None
        return no_name_server(pod.workload)

    def _chosen(self, pod: Pod) -> tuple[str, ...]:
        return name_servers(self._specs.get(pod.workload, {}))

    def _to_address(self, source: FlowEnd, address: str) -> Iterable[Flow]:
        services = [service for service in self._world.services.values() if address in service.cluster_ips]
        version = ip_version(address) or 0
        for service in services:
            for endpoint in self._endpoints.of_service(service, _PORT):
                yield Flow(source, flow_end(endpoint), endpoint.port, service.ref, address, version=version)
        if not services:
            for endpoint in self._endpoints.at(address, _PORT):
                yield Flow(source, flow_end(endpoint), endpoint.port, version=version)


def flow_end(endpoint: Endpoint) -> FlowEnd:
    """Return an endpoint as the oracle knows it: a pod by its name, or a host by its address."""
    return endpoint.pod.ref if isinstance(endpoint, PodEndpoint) else Host(endpoint.address)
