"""The flows of a path as policies see them: after the translation of Services, with separate flows for DNS. Pure.

``runner.targets`` resolves the same path to probes; both use ``paths.endpoints``. An external host connects to a
Service's pods at their own ports, as a load balancer in front of the Service would.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netpol_harness.analysis.describe import natural_list
from netpol_harness.analysis.world import DNS_PORT, NAME_SERVER
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import Service, World
from netpol_harness.oracle.verdict import Flow, FlowEnd, Host
from netpol_harness.paths.endpoints import Endpoint, EndpointResolver, HostEndpoint, PodEndpoint
from netpol_harness.paths.ends import (
    AddressTarget,
    AnyServiceTarget,
    ClusterIPTarget,
    DnsTarget,
    ExternalTarget,
    FqdnTarget,
    NodePortTarget,
    PodSource,
    PodTarget,
    ServiceTarget,
)
from netpol_harness.paths.path import Inventory, KnownAddresses, Path
from netpol_harness.scenario.scenario import Scenario, Step

_CLUSTER_DNS = (None, "", "ClusterFirst")
_THROUGH_A_NODE = "external hosts reach a ClusterIP through a node, which may replace their address by its own"


@dataclass(frozen=True, slots=True)
class Route:
    """The flows of a path.

    ``lookups`` go to the name servers, ``connections`` to the endpoints; ``balanced`` if one of these is random.
    ``nameless`` says that the name does not exist; ``doubt`` why the oracle cannot know the outcome, empty if it can.
    """

    lookups: tuple[Flow, ...] = ()
    connections: tuple[Flow, ...] = ()
    balanced: bool = False
    nameless: bool = False
    doubt: str = ""


class Router:
    """Routes the paths of one step. ``beyond`` tells why no route of the step can be known, empty if they can."""

    def __init__(self, scenario: Scenario, step: Step, world: World, addresses: KnownAddresses) -> None:
        self._world = world
        self._inventory: Inventory = step.inventory
        declared = {host.name: (host.address,) for host in self._inventory.externals.values()}
        self._hosts = declared | {name: known for name, known in addresses.hosts.items() if known}
        self._endpoints = EndpointResolver(world, self._hosts)
        self.beyond = _beyond(step)
        self._specs = {m.name.ref: m.pod.get("spec") or {} for m in scenario.workloads if m.pod}

    def route(self, path: Path) -> Route:
        """Return the route of a path between names of the step."""
        if self.beyond:
            return Route(doubt=self.beyond)
        source = path.source.ref if isinstance(path.source, PodSource) else self._host(path.source.host)
        if isinstance(source, NamespacedName) and source not in self._world.pods:
            return Route(doubt=f"{source} has no pods in this step")
        match path.target:
            case PodTarget(ref):
                endpoints = self._endpoints.of_target(path.target, path.port)
                return self._direct(source, endpoints) if endpoints else Route(doubt=f"{ref} has no pods in this step")
            case ServiceTarget() | FqdnTarget() | ClusterIPTarget():
                return self._to_service(source, path.target, path.port)
            case ExternalTarget():
                return self._direct(source, self._endpoints.of_target(path.target, path.port))
            case AddressTarget():
                return self._to_address(source, path.target, path.port)
            case NodePortTarget(ref):
                return self._through_node(source, ref, path.port)

    def _host(self, name: str) -> Host:
        return Host(self._hosts[name][0])

    def _direct(self, source: FlowEnd, endpoints: Sequence[Endpoint]) -> Route:
        """Return the route to the own addresses of pods or external hosts."""
        ends = [e.pod.ref if isinstance(e, PodEndpoint) else self._host(e.host) for e in endpoints]
        connections = tuple(Flow(source, end, e.port) for end, e in zip(ends, endpoints, strict=True))
        doubts = (*map(_silence, endpoints), self._itself(source, *ends))
        return Route(connections=connections, doubt=next(filter(None, doubts), ""))

    def _to_service(self, source: FlowEnd, target: AnyServiceTarget, port: Port) -> Route:
        by_name, outside = isinstance(target, DnsTarget), isinstance(source, Host)
        lookups = (self._lookup(source),) if by_name and not outside else ()
        service = self._world.services.get(target.ref)
        if service is None:
            return Route(lookups, nameless=True)
        connections = tuple(self._connections(source, service, port, direct=outside or service.headless))
        if not connections:
            nameless = by_name and service.headless and not outside
            return Route(lookups, nameless=nameless, doubt=f"no pod is behind Service {service.ref}")
        if isinstance(source, Host):
            return Route(connections=connections, doubt="" if by_name else _THROUGH_A_NODE)
        doubt = self._resolver(source) if by_name else ""
        doubt = doubt or self._itself(source, *(flow.destination for flow in connections))
        return Route(lookups, connections, balanced=True, doubt=doubt)

    def _through_node(self, source: FlowEnd, target: NamespacedName, port: Port) -> Route:
        """Return the route by a node's port. Only ``externalTrafficPolicy: Local`` keeps an external host's address."""
        for service, own in self._endpoints.offers_on_nodes(port):
            endpoints = self._endpoints.of_service(service, own.port)
            alone = [e.pod.ref for e in endpoints] == [target] and self._inventory.workloads[target].is_one_pod
            if service.local and alone and isinstance(source, Host):
                return Route(connections=tuple(Flow(source, e.pod.ref, e.port) for e in endpoints))
        return Route(doubt="a node may replace the source address of connections through it by its own")

    def _to_address(self, source: FlowEnd, target: AddressTarget, port: Port) -> Route:
        """Return the route to a literal address. It may be a ClusterIP, or shared by all pods on a node's network."""
        for service in self._world.services.values():
            if target.address in service.cluster_ips:
                return self._to_service(source, ClusterIPTarget(service.ref, target.port), port)
        endpoints = self._endpoints.of_target(target, port)
        shared = any(isinstance(e, PodEndpoint) and e.pod.host_network for e in endpoints)
        if shared or not endpoints:
            return Route(doubt=f"it is not known what has the address {target.address}")
        return self._direct(source, endpoints)

    def _connections(self, source: FlowEnd, service: Service, port: Port, *, direct: bool) -> Iterator[Flow]:
        """Yield the connections to a Service's pods; ``direct`` if the client connects to the pods' own addresses."""
        through, virtual = (None, "") if direct else (service.ref, next(iter(service.cluster_ips), ""))
        for endpoint in self._endpoints.of_service(service, port):
            yield Flow(source, endpoint.pod.ref, endpoint.port, through, virtual)

    def _lookup(self, source: FlowEnd) -> Flow:
        return Flow(source, NAME_SERVER, DNS_PORT, NAME_SERVER)

    def _itself(self, source: FlowEnd, *targets: FlowEnd) -> str:
        """Return a doubt if the source is a workload of several pods, and a target too: a pod may reach itself."""
        workload = self._inventory.workloads.get(source) if isinstance(source, NamespacedName) else None
        if workload is None or workload.is_one_pod or source not in targets:
            return ""
        return f"a pod of {source} may reach itself or another pod"

    def _resolver(self, source: NamespacedName) -> str:
        """Return a doubt if the pods of a workload do not use the cluster's name server."""
        policy, workload = self._specs.get(source, {}).get("dnsPolicy"), self._inventory.workloads[source]
        if policy == "ClusterFirstWithHostNet" or (policy in _CLUSTER_DNS and not workload.host_network):
            return ""
        return f"{source} does not ask the cluster's name server (dnsPolicy, hostNetwork)"


def _silence(endpoint: Endpoint) -> str:
    """Return a doubt if no port is declared at the endpoint, so that a missing answer proves nothing."""
    if isinstance(endpoint, HostEndpoint) or endpoint.port.protocol is Protocol.ICMP:
        return ""
    if endpoint.port in {declared.port for declared in endpoint.pod.ports}:
        return ""
    return f"{endpoint.pod.ref} declares no port {endpoint.port}, so a missing answer proves nothing"


def _beyond(step: Step) -> str:
    foreign = [policy.family for policy in step.policies if policy.family and policy.family.is_foreign]
    return f"{natural_list(foreign)} in force, which the oracle does not read" if foreign else ""
