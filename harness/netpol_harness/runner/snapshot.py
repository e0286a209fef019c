"""A snapshot of the live cluster: pods, Services and external hosts. Pure."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from netpol_harness.errors import WorkloadFailed
from netpol_harness.model.addresses import ip_version
from netpol_harness.model.cluster_services import API_PORT, API_SERVER
from netpol_harness.model.endpoint_slices import ready_endpoints, written_slices
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.name_server import NameServer
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.nodes import Node
from netpol_harness.model.objects import Pod, World, with_target_ports
from netpol_harness.model.services import Service
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.paths.endpoints import AddressEndpoint, Endpoint, HostEndpoint, PodEndpoint
from netpol_harness.paths.ends import (
    AddressTarget,
    AnyServiceTarget,
    ExternalTarget,
    NameServerTarget,
)
from netpol_harness.paths.path import KnownAddresses, Path, Workload
from netpol_harness.probe.plan.frames import canonical_address
from netpol_harness.probe.plan.question import UdpService
from netpol_harness.runner.udp_servers import udp_services
from netpol_harness.scenario.placement import Placement
from netpol_harness.wellknown import EXTERNAL_HOST_ANNOTATION, NODE_POD_ANNOTATION

DNS = Port(Protocol.UDP, 53)
"""Where resolvers ask."""


@dataclass(frozen=True, slots=True)
class ClusterSnapshot:
    """The live objects of a scenario. Its methods take logical names, and return objects with their real names.

    ``world`` holds the scenario's Services and pods, including pods that have ended. ``externals`` are the pods or
    machines that stand for hosts outside the cluster. ``name_servers`` are the pods of ``name_server``. ``uids`` are
    those of all objects, ``pod_uids`` those of pods by name. ``udp_services`` tells by pod what its UDP ports
    understand, as far as it is known. ``node_pods`` are the pods that probe for nodes, by the node's name.
    ``ready_endpoints`` tells of each Service with EndpointSlices whether one of its endpoints is ready. ``unready`` are
    the workloads, by real names, whose pods the author expects not to be Ready. The ``nodes`` of ``world`` are empty if
    no policy has peers of nodes, or if the user may not list them.
    """

    world: World
    externals: Mapping[str, Pod]
    name_server: NameServer
    name_servers: tuple[Pod, ...]
    placement: Placement
    uids: frozenset[str] = frozenset()
    pod_uids: Mapping[NamespacedName, str] = field(default_factory=dict)
    udp_services: Mapping[NamespacedName, Mapping[int, UdpService]] = field(default_factory=dict)
    node_pods: Mapping[str, Pod] = field(default_factory=dict)
    ready_endpoints: Mapping[NamespacedName, bool] = field(default_factory=dict)
    unready: frozenset[NamespacedName] = frozenset()
    endpoints: EndpointResolver = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Index the world once, because every path of a step is resolved in it."""
        hosts = {name: host.addresses for name, host in self.externals.items()}
        pods = {**self.world.pods, **{pod.ref: pod for pod in self.name_servers}}
        object.__setattr__(self, "endpoints", EndpointResolver(replace(self.world, pods=pods), hosts))

    @classmethod
    def of(
        cls, objects: Collection[JsonMapping], placement: Placement, name_server: NameServer | None = None
    ) -> "ClusterSnapshot":
        """Sort live API objects (Pods, Services and EndpointSlices, any namespace). Pods that end are ignored."""
        server = name_server or NameServer()
        pods, services, externals, node_pods, name_servers, slices = {}, {}, {}, {}, [], []
        nodes = {node.name: node for node in map(Node.parse, (data for data in objects if data["kind"] == "Node"))}
        understood: dict[NamespacedName, Mapping[int, UdpService]] = {}
        for data in objects:
            if data["kind"] == "Service":
                service = Service.parse(data)
                services[service.ref] = service
            elif data["kind"] == "EndpointSlice":
                slices.append(data)
            elif data["kind"] != "Node" and "deletionTimestamp" not in data["metadata"]:
                pod = Pod.parse(data)
                understood[pod.ref] = udp_services(data)
                if EXTERNAL_HOST_ANNOTATION in (data["metadata"].get("annotations") or {}):
                    externals[pod.ref.name] = pod
                elif NODE_POD_ANNOTATION in (data["metadata"].get("annotations") or {}):
                    node_pods[pod.node] = pod
                elif pod.ref.namespace == server.service.namespace and (
                    server.labels and server.labels.items() <= pod.labels.items()
                ):
                    name_servers.append(pod)
                else:
                    pods[pod.ref] = pod
        uids = frozenset(data["metadata"].get("uid", "") for data in objects)
        pod_uids = {Pod.parse(d).ref: d["metadata"].get("uid", "") for d in objects if d["kind"] == "Pod"}
        pods = {ref: with_target_ports(pod, services.values()) for ref, pod in pods.items()}
        written = written_slices(slices, (), services.values())
        world = World(pods=pods, services=services, endpoint_slices=written, nodes=nodes)
        return cls(
            world,
            externals,
            server,
            tuple(name_servers),
            placement,
            uids,
            pod_uids,
            understood,
            node_pods,
            ready_endpoints(slices),
        )

    @property
    def addresses(self) -> KnownAddresses:
        """The addresses of workloads with one pod, and of external hosts. Several pods have no address in common."""
        running = [pod for pod in self.world.pods.values() if pod.running]
        count = Counter(pod.workload for pod in running)
        pods = {self._logical(pod.workload): pod.addresses for pod in running if count[pod.workload] == 1}
        hosts = {name: host.addresses for name, host in self.externals.items()}
        nodes: dict[NamespacedName, dict[str, None]] = defaultdict(dict)
        names: dict[NamespacedName, dict[str, None]] = defaultdict(dict)
        for pod in running:
            nodes[self._logical(pod.workload)][pod.node_address] = None
            if pod.host_network:
                names[self._logical(pod.workload)][pod.node] = None
        return KnownAddresses(
            pods,
            hosts,
            self.name_server,
            nodes={workload: tuple(addresses) for workload, addresses in nodes.items()},
            api_addresses=api.cluster_ips if (api := self.world.services.get(API_SERVER)) else (),
            api_sockets=tuple(self._api_sockets()),
            node_objects=tuple(self.world.nodes.values()),
            node_names={workload: tuple(found) for workload, found in names.items()},
        )

    def _api_sockets(self) -> Iterator[tuple[str, int]]:
        service = self.world.services.get(API_SERVER)
        for end in self.endpoints.of_service(service, API_PORT) if service else ():
            if isinstance(end, AddressEndpoint):
                yield end.address, end.port.number

    def real(self, ref: NamespacedName) -> NamespacedName:
        """Return the real name of the object with this logical name. That of the API server's Service is always real.

        A scenario may make a Service of that name, which is in a namespace of its own.
        """
        real = NamespacedName(self.placement.real(ref.namespace), ref.name)
        return ref if ref == API_SERVER and real not in self.world.services else real

    @property
    def own_addresses(self) -> Mapping[NamespacedName, tuple[str, ...]]:
        """The addresses of every pod and external host that can be probed from, by real names."""
        pods = (*self.world.pods.values(), *self.externals.values(), *self.name_servers, *self.node_pods.values())
        return {pod.ref: pod.addresses for pod in pods}

    def has_pods(self, workload: NamespacedName) -> bool:
        """Return whether a workload has running pods."""
        return bool(self.endpoints.pods_of(self.real(workload)))

    def has_completed(self, workload: NamespacedName) -> bool:
        """Return whether a workload has done its work, as a Job does: a pod has succeeded, and none is running."""
        real = self.real(workload)
        succeeded = any(pod.succeeded for pod in self.world.pods.values() if pod.workload == real)
        return succeeded and not self.has_pods(workload)

    def without_pods(self, workloads: Collection[Workload]) -> frozenset[NamespacedName]:
        """Return the workloads that rightly have no pods now: they have completed, or nobody has run them."""
        idle = (w.ref for w in workloads if w.is_on_request and not self.has_pods(w.ref))
        return frozenset((*idle, *(w.ref for w in workloads if self.has_completed(w.ref))))

    def pods_of(self, workload: NamespacedName, replica: int | None = None) -> tuple[Pod, ...]:
        """Return the running pods of a workload, or one of them by its index.

        Raises ``WorkloadFailed`` if there is none.
        """
        if not (pods := self.endpoints.pods_of(self.real(workload), replica)):
            namespace, which = self.real(workload).namespace, "" if replica is None else f" {replica}"
            why = " any more, for it has completed" if self.has_completed(workload) else ""
            raise WorkloadFailed(f"{workload} has no running pod{which}{why}; see `kubectl -n {namespace} get pods`")
        return pods

    def nodes_of(self, workload: NamespacedName, replica: int | None) -> tuple[Pod, ...]:
        """Return the pods that probe for the nodes of a workload's pods; raises ``WorkloadFailed`` if one has none."""
        nodes = dict.fromkeys(pod.node for pod in self.pods_of(workload, replica))
        if missing := [node for node in nodes if node not in self.node_pods]:
            raise WorkloadFailed(f"no pod of the harness runs on the network of node {', '.join(missing)}")
        return tuple(self.node_pods[node] for node in nodes)

    def pods_ever_of(self, workload: NamespacedName) -> tuple[Pod, ...]:
        """Return its running and ended pods, at least one; raises ``WorkloadFailed`` if there is none."""
        real = self.real(workload)
        ended = [pod for pod in self.world.pods.values() if pod.workload == real and not pod.running]
        return (*self.endpoints.pods_of(real), *ended) or self.pods_of(workload)

    def has_service(self, ref: NamespacedName) -> bool:
        """Whether there is a Service of this name."""
        return self.real(ref) in self.world.services

    def service(self, ref: NamespacedName) -> Service:
        """Return a Service; raises ``WorkloadFailed`` if there is none of this name."""
        real = self.real(ref)
        if (service := self.world.services.get(real)) is None:
            raise WorkloadFailed(f"Service {ref} does not exist; see `kubectl -n {real.namespace} get services`")
        return service

    def addresses_of_name(self, ref: NamespacedName) -> frozenset[str]:
        """Return the addresses that a Service's name must resolve to, in their standard form; empty if not known.

        These are its ClusterIPs, or those of its endpoints if it is headless; for an ExternalName, those of the Service
        or the external host that it names.
        """
        named = self.world.services.get(self.real(ref))
        service = self.endpoints.alias(named) if named else None
        if named is None or service is None:
            host = self.externals.get(self.endpoints.named_host(named)) if named else None
            return frozenset(map(canonical_address, host.addresses if host else ()))
        return frozenset(map(canonical_address, service.cluster_ips or self.endpoints.addresses_behind(service)))

    def first_version_of_name(self, ref: NamespacedName) -> int:
        """Return the IP version of the first address of a Service's name; 0 if it is not known."""
        named = self.world.services.get(self.real(ref))
        service = self.endpoints.alias(named) if named else None
        if named is None or service is None:
            host = self.externals.get(self.endpoints.named_host(named)) if named else None
            addresses: Iterable[str] = host.addresses if host else ()
        else:
            addresses = service.cluster_ips
        first = next(map(ip_version, addresses), None)
        return first or next(iter(service.ip_versions if service else ()), 0)

    def name_server_sockets(self, source: Pod) -> tuple[tuple[Pod, str, int], ...]:
        """Return the pods of the name server that a pod asks, each with the address and the port at which it answers.

        A server on a node answers there at the address that pods ask, all others at their own.
        """
        server = self.name_server
        if not source.name_servers:
            host = server.address
            return tuple((p, host or p.addresses[0], server.own_port.number) for p in self.name_servers if p.addresses)
        found = self.endpoints.of_target(AddressTarget(source.name_servers[0], DNS.number), DNS)
        pods = [end for end in found if isinstance(end, PodEndpoint) and end.pod.addresses]
        return tuple((end.pod, end.pod.addresses[0], end.port.number) for end in pods)

    def name_server_address(self, source: Pod) -> str:
        """Return the address that a pod's look-ups go to, or that of the cluster's name server for a node.

        Raises ``WorkloadFailed`` if it is not known.
        """
        server = self.name_server
        addresses = (*source.name_servers, *filter(None, [server.address]), *server.cluster_ips)
        if not addresses:
            raise WorkloadFailed(f"the address of the name server {server.service} is not known")
        return addresses[0]

    def external_host(self, name: str) -> Pod:
        """Return the pod or machine of an external host; raises ``WorkloadFailed`` if there is none."""
        if (host := self.externals.get(name)) is None:
            raise WorkloadFailed(f"external host {name} does not exist")
        return host

    def listeners(self, path: Path) -> tuple[tuple[Pod, int], ...]:
        """Return the pods and hosts that are known to answer a path, with their own port numbers."""
        target = path.target
        if not isinstance(target, ExternalTarget | AddressTarget | NameServerTarget):
            target = replace(target, ref=self.real(target.ref))
        found = ((self._server(e), e.port.number) for e in self.endpoints.of_target(target, path.port))
        return tuple((server, number) for server, number in found if server is not None)

    def is_idle(self, path: Path) -> bool:
        """Return whether a path leads to a Service behind which nothing is ready, as the author means it.

        Such a Service refuses every connection. Pods that should be Ready and are not are broken, and prove nothing.
        """
        if not isinstance(path.target, AnyServiceTarget):
            return False
        service = self.world.services.get(self.real(path.target.ref))
        named = self.endpoints.alias(service) if service else None
        if named is None or not named.cluster_ips:
            return False
        ends = self.endpoints.of_service(named, path.port)
        meant = all(end.pod.workload in self.unready for end in ends if isinstance(end, PodEndpoint))
        return meant and not self.ready_endpoints.get(named.ref, bool(ends))

    def _server(self, endpoint: Endpoint) -> Pod | None:
        """Return the pod or host at an endpoint; ``None`` if only its address is known."""
        match endpoint:
            case PodEndpoint(pod):
                return pod
            case HostEndpoint(host):
                return self.external_host(host)
            case AddressEndpoint():
                return None

    def _logical(self, ref: NamespacedName) -> NamespacedName:
        return NamespacedName(self.placement.logical(ref.namespace), ref.name)
