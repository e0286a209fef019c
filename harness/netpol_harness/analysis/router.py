"""Routes paths to flows as policies see them: after the translation of Services, with separate flows for DNS. Pure.

``runner.targets`` resolves the same path to probes; both use ``paths.endpoint_resolver``. An external host connects to
a Service's pods at their own ports, as a load balancer in front of the Service would.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace

from netpol_harness.analysis import doubts
from netpol_harness.analysis.doubts import Doubt, beyond, silence, unknown, what_has
from netpol_harness.analysis.ip_versions import IpVersions
from netpol_harness.analysis.lookups import Lookups, flow_end
from netpol_harness.analysis.replicas import Replicas
from netpol_harness.analysis.route import Route
from netpol_harness.analysis.world import name_server_of
from netpol_harness.model.cluster_services import API_SERVER
from netpol_harness.model.names import NamespacedName, Port
from netpol_harness.model.objects import Pod, World
from netpol_harness.model.services import Service, TrafficPolicy
from netpol_harness.oracle.blocks import of_version
from netpol_harness.oracle.verdict import Flow, FlowEnd, Host
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.paths.endpoints import Endpoint, PodEndpoint
from netpol_harness.paths.ends import (
    AddressTarget,
    ClusterIPTarget,
    DnsTarget,
    ExternalSource,
    ExternalTarget,
    FqdnTarget,
    InternalServiceTarget,
    LoadBalancerTarget,
    NameServerTarget,
    NodePortTarget,
    NodeSource,
    PodSource,
    PodTarget,
    ServiceTarget,
    Target,
)
from netpol_harness.paths.path import Inventory, KnownAddresses, Path
from netpol_harness.scenario.governance import Governance
from netpol_harness.scenario.scenario import Scenario, Step

_CLUSTER_DOMAINS = (".cluster.local", ".svc")


class Router:
    """Routes the paths of one step. ``governance`` knows the policies that the oracle does not read."""

    def __init__(self, scenario: Scenario, step: Step, world: World, addresses: KnownAddresses) -> None:
        self._world = world
        self._inventory: Inventory = step.inventory
        known = {name: own for name, own in addresses.hosts.items() if own}
        self._hosts: Mapping[str, Sequence[str]] = {**self._inventory.host_addresses, **known}
        self._nodes = addresses.nodes
        self._endpoints = EndpointResolver(world, self._hosts)
        self.ip_versions = IpVersions(world, self._endpoints, addresses)
        self.governance = Governance.of(step.policies)
        self.replicas = Replicas(world, self._endpoints)
        specs = {m.name.ref: m.pod.get("spec") or {} for m in scenario.workloads if m.pod}
        self._lookups = Lookups(world, self._endpoints, name_server_of(scenario, addresses), specs)

    def route(self, path: Path) -> Route:
        """Return the route of a path between names of the step, from all pods of its source."""
        if doubt := beyond(self.governance.families_of(path)):
            return Route(doubt=doubt)
        version = self.ip_versions.of_path(path)
        route = self._of_all_pods(path, version)
        route = replace(route, connections=tuple(self.ip_versions.over(flow, version) for flow in route.connections))
        doubt = beyond(self.governance.families(_namespaces_of(route)))
        return Route(doubt=doubt) if doubt else route

    def _of_all_pods(self, path: Path, version: int) -> Route:
        """Return the routes from all pods of the source as one; a host outside uses its address of ``version``."""
        if isinstance(path.source, ExternalSource):
            return self._route(Host(next(of_version(self._hosts.get(path.source.host, ()), version), "")), path)
        sources = tuple(self.replicas.unlike(self._source_pods(path.source, path.target)))
        if not sources:
            return Route(doubt=doubts.no_pods(path.source.ref))
        from_nodes = isinstance(path.source, NodeSource)
        ends = (Host(pod.node_address, node=True, runs=pod.ref) if from_nodes else pod.ref for pod in sources)
        return self._joined([self._route(end, path) for end in ends])

    def _source_pods(self, source: PodSource | NodeSource, target: Target) -> tuple[Pod, ...]:
        """Return the pods of a source, without the one replica that is the target if there are others."""
        pods = self._endpoints.pods_of(source.ref, source.replica)
        if not isinstance(target, PodTarget) or target.replica is None or isinstance(source, NodeSource):
            return pods
        probed = self._endpoints.pods_of(target.ref, target.replica)
        return tuple(pod for pod in pods if pod not in probed) or pods

    def with_policies(self, world: World) -> "Router":
        """Return the router of the same world under other policies."""
        other = copy(self)
        other._world, other.replicas = world, Replicas(world, self._endpoints)
        return other

    def _joined(self, routes: Sequence[Route]) -> Route:
        """Return the routes from all pods of a workload as one, without flows that are alike."""
        return replace(
            routes[0],
            lookups=self.replicas.unlike_flows(flow for route in routes for flow in route.lookups),
            connections=self.replicas.unlike_flows(flow for route in routes for flow in route.connections),
        )

    def _route(self, source: FlowEnd, path: Path) -> Route:
        match path.target:
            case PodTarget(ref) if self._is_lone(source, ref):
                return Route(doubt=doubts.one_pod(ref))
            case PodTarget(ref):
                endpoints = self._endpoints.of_target(path.target, path.port)
                return self._direct(source, endpoints) if endpoints else Route(doubt=doubts.no_pods(ref))
            case ServiceTarget() | FqdnTarget() | ClusterIPTarget():
                return self._to_service(source, path.target, path.port)
            case ExternalTarget(_, _, name):
                direct = self._direct(source, self._endpoints.of_target(path.target, path.port))
                return self._named(source, direct, name) if name else direct
            case NameServerTarget():
                flows = self._lookups.to_server(source)
                at = (replace(flow, port=Port(path.port.protocol, flow.port.number)) for flow in flows)
                return Route(connections=tuple(at), balanced=True)
            case AddressTarget():
                return self._to_address(source, path.target, path.port)
            case LoadBalancerTarget(ref):
                return self._to_load_balancer(source, ref, path.port)
            case NodePortTarget(ref):
                return self._through_node(source, ref, path.port)

    def _is_lone(self, source: FlowEnd, target: NamespacedName) -> bool:
        """Whether the source is the only pod of a controller, and the target is that controller."""
        workload = self._inventory.workloads.get(target)
        return source == target and workload is not None and workload.kind != "Pod"

    def _named(self, source: FlowEnd, direct: Route, name: str) -> Route:
        """Return the same route, given that the source has looked its target up."""
        connections = tuple(replace(flow, name=name) for flow in direct.connections)
        doubt = direct.doubt or self._lookups.doubt(source)
        return replace(direct, lookups=self._lookups.flows(source), connections=connections, doubt=doubt)

    def _direct(self, source: FlowEnd, endpoints: Sequence[Endpoint]) -> Route:
        """Return the route to the own addresses of pods or external hosts, without the source if it has a peer."""
        endpoints = [e for e in endpoints if flow_end(e) != source] or endpoints
        connections = tuple(Flow(source, flow_end(endpoint), endpoint.port) for endpoint in endpoints)
        found = (*map(silence, endpoints), self._itself(source, *(flow.destination for flow in connections)))
        return Route(connections=connections, doubt=next(filter(None, found), None))

    def _to_service(self, source: FlowEnd, target: InternalServiceTarget, port: Port) -> Route:
        by_name, outside = isinstance(target, DnsTarget), _is_outside(source)
        lookups = self._lookups.flows(source) if by_name else ()
        named = self._world.services.get(target.ref)
        service = self._endpoints.alias(named) if named else None
        if named is None or service is None:
            return self._to_alias_outside(source, lookups, named, port) if named else Route(lookups, nameless=True)
        endpoints = self._endpoints.of_service(service, port)
        if not endpoints:
            if self._inventory.empty_by_design(service) and not outside:
                doubt = self._lookups.doubt(source) if by_name else None
                attempt = Flow(source, Host(), port, service.ref, next(iter(service.cluster_ips), ""))
                return Route(lookups, (attempt,), doubt=doubt, rejected=f"Service {service.ref} has no endpoints")
            nameless = by_name and service.headless and not outside
            return Route(lookups, nameless=nameless, doubt=doubts.nothing_behind(service.ref))
        if outside and not by_name:
            return self._forwarded(source, service, endpoints, next(iter(service.cluster_ips), ""))
        connections = tuple(self._connections(source, service, endpoints, direct=outside or service.headless))
        if outside:
            return Route(connections=connections)
        found = (
            self._lookups.doubt(source) if by_name else None,
            self._locality(source, service, endpoints),
            *(map(unknown, endpoints) if service.ref != API_SERVER else ()),
            self._itself(source, *(flow.destination for flow in connections)),
        )
        return Route(lookups, connections, balanced=True, doubt=next(filter(None, found), None))

    def _locality(self, source: FlowEnd, service: Service, endpoints: Sequence[Endpoint]) -> Doubt | None:
        pod = self._world.pods.get(source) if isinstance(source, NamespacedName) else None
        return doubts.locality(pod.workload, service, endpoints, self._inventory, self._nodes) if pod else None

    def _to_alias_outside(self, source: FlowEnd, lookups: tuple[Flow, ...], service: Service, port: Port) -> Route:
        """Return the route to an ExternalName that names no Service, but a host, or what nothing is known of.

        Of the latter only names of the cluster certainly do not exist. ``svc`` is not a domain of the internet either:
        an alias must write the cluster's domain too.
        """
        name = self._endpoints.outside_name(service)
        if self._endpoints.named_host(service):
            direct = self._direct(source, self._endpoints.of_service(service, port))
            connections = tuple(replace(flow, name=name) for flow in direct.connections)
            return replace(direct, lookups=lookups, connections=connections)
        if name.endswith(_CLUSTER_DOMAINS):
            return Route(lookups, nameless=True)
        return Route(lookups, doubt=doubts.leads_elsewhere(name, service.ref))

    def _through_node(self, source: FlowEnd, target: NamespacedName, port: Port) -> Route:
        """Return the route by a node's port. ``externalTrafficPolicy: Local`` keeps an external host's address."""
        for service, own in self._endpoints.offers_on_nodes(port):
            endpoints = self._endpoints.of_service(service, own.port)
            if service.external_policy is TrafficPolicy.CLUSTER:
                return self._forwarded(source, service, endpoints)
            workload = self._inventory.workloads[target]
            alone = tuple(map(flow_end, endpoints)) == workload.replica_names and workload.is_one_pod
            if alone and _is_outside(source):
                return Route(connections=tuple(Flow(source, flow_end(e), e.port) for e in endpoints))
            return Route(doubt=doubts.pods_on(service.ref, f"the node of {target}"))
        return self._to_host_port(source, target, port)

    def _to_host_port(self, source: FlowEnd, target: NamespacedName, port: Port) -> Route:
        """Return the route to the pods that have a port of their node; two of them cannot be on one node."""
        endpoints = self._endpoints.host_ports(target, port)
        if {endpoint.pod.workload for endpoint in endpoints} != {target}:
            return Route(doubt=doubts.at_port(port, target))
        forwarded = not _is_outside(source)
        flows = tuple(Flow(source, endpoint.pod.ref, endpoint.port, forwarded=forwarded) for endpoint in endpoints)
        return Route(connections=flows, doubt=self._itself(source, *(flow.destination for flow in flows)))

    def _forwarded(
        self, source: FlowEnd, service: Service, endpoints: Sequence[Endpoint], virtual: str = "", *, kept: bool = False
    ) -> Route:
        """Return the route through a node to endpoints of a Service; ``kept``: the node keeps the client's address."""
        if not endpoints:
            return Route(doubt=doubts.nothing_behind(service.ref))
        flows = tuple(Flow(source, flow_end(e), e.port, service.ref, virtual, not kept) for e in endpoints)
        found = (*map(unknown, endpoints), self._itself(source, *(flow.destination for flow in flows)))
        return Route(connections=flows, balanced=True, doubt=next(filter(None, found), None))

    def _to_address(self, source: FlowEnd, target: AddressTarget, port: Port) -> Route:
        """Return the route to a literal address, which may be that of a Service, or shared by all pods on a node."""
        for service in self._world.services.values():
            if target.address in service.cluster_ips:
                return self._to_service(source, ClusterIPTarget(service.ref, target.port), port)
            if target.address in service.outside_addresses and port in [own.port for own in service.ports]:
                return self._to_outside_address(source, service, target.address, port)
        endpoints = self._endpoints.of_target(target, port)
        shared = any(isinstance(e, PodEndpoint) and e.pod.host_network for e in endpoints)
        if shared or not endpoints:
            return Route(doubt=what_has(target.address))
        return self._direct(source, endpoints)

    def _to_load_balancer(self, source: FlowEnd, ref: NamespacedName, port: Port) -> Route:
        """Return the route by an outside address of a Service; a predicted load balancer may not have it yet."""
        service = self._world.services.get(ref)
        if service is None:
            return Route(doubt=doubts.absent(ref))
        if service.load_balancer_proxies and not service.load_balancer_ips:
            return Route(doubt=doubts.proxied(service.load_balancer_proxies[0], ref))
        return self._to_outside_address(source, service, next(iter(service.outside_addresses), ""), port)

    def _to_outside_address(self, source: FlowEnd, service: Service, address: str, port: Port) -> Route:
        """Return the route to a Service by an external IP, or by the address of its load balancer."""
        endpoints = self._endpoints.of_service(service, port)
        is_local = service.external_policy is TrafficPolicy.LOCAL
        balanced = service.balanced and address not in service.external_ips
        if balanced and service.source_ranges:
            return Route(doubt=doubts.source_ranges(service.ref))
        if is_local and not balanced:
            return Route(doubt=doubts.pods_on(service.ref, f"the node that has {address}"))
        return self._forwarded(source, service, endpoints, address, kept=is_local and _is_outside(source))

    def _connections(
        self, source: FlowEnd, service: Service, endpoints: Sequence[Endpoint], *, direct: bool
    ) -> Iterator[Flow]:
        """Yield the connections to endpoints; ``direct`` if the client connects to their own addresses."""
        through, virtual = (None, "") if direct else (service.ref, next(iter(service.cluster_ips), ""))
        for endpoint in endpoints:
            yield Flow(source, self._own_node(source, flow_end(endpoint)), endpoint.port, through, virtual)

    def _own_node(self, source: FlowEnd, end: FlowEnd) -> FlowEnd:
        """Return the other end, as the node of the source if it has its address: an API server may run there."""
        pod = self._world.pods.get(source) if isinstance(source, NamespacedName) else None
        nodes = self._nodes.get(pod.workload, ()) if pod else ()
        if pod is None or not isinstance(end, Host) or end.address not in nodes:
            return end
        return Host(end.address, node=True, runs=pod.ref if len(nodes) == 1 else None)

    def _itself(self, source: FlowEnd, *targets: FlowEnd) -> Doubt | None:
        """Return a doubt if the source is a workload of several pods, and a target too: a pod may reach itself."""
        pod = self._world.pods.get(source) if isinstance(source, NamespacedName) else None
        workload = self._inventory.workloads.get(pod.workload) if pod else None
        if workload is None or workload.is_one_pod or source not in targets:
            return None
        return doubts.itself(workload.ref)


def _is_outside(source: FlowEnd) -> bool:
    return isinstance(source, Host) and not source.node


def _namespaces_of(route: Route) -> frozenset[str]:
    """Return the namespaces of the pods at the ends of a route's flows."""
    ends = (end for flow in (*route.lookups, *route.connections) for end in (flow.source, flow.destination))
    return frozenset(end.namespace for end in ends if isinstance(end, NamespacedName))
