"""Why the oracle cannot know the outcome of a path, and what would decide it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from netpol_harness.analysis.describe import natural_list
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.services import Service, TrafficPolicy
from netpol_harness.paths.endpoints import AddressEndpoint, Endpoint, PodEndpoint
from netpol_harness.paths.path import Inventory
from netpol_harness.scenario.family import ApiGroupFamily

_CLUSTER = "a run on a cluster tells"


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why the outcome cannot be known, and what would decide it: two clauses of a sentence."""

    reason: str
    decided_by: str

    def __str__(self) -> str:
        """Return the reason."""
        return self.reason


def silence(endpoint: Endpoint) -> Doubt | None:
    """Return a doubt if no port is declared at the endpoint, so that a missing answer proves nothing."""
    if not isinstance(endpoint, PodEndpoint) or endpoint.port.protocol is Protocol.ICMP:
        return None
    if endpoint.port in {declared.port for declared in endpoint.pod.ports}:
        return None
    reason = f"{endpoint.pod.ref} declares no port {endpoint.port}, so a missing answer proves nothing"
    return Doubt(reason, "declare it among the containerPorts")


def unknown(endpoint: Endpoint) -> Doubt | None:
    """Return a doubt if it is not known what has the address of the endpoint."""
    return what_has(endpoint.address) if isinstance(endpoint, AddressEndpoint) else None


def what_has(address: str) -> Doubt:
    """Return the doubt about an address."""
    reason = f"it is not known what has the address {address}"
    return Doubt(reason, "name a host with this address under 'external' in scenario.yaml")


def beyond(families: Sequence[ApiGroupFamily]) -> Doubt | None:
    """Return a doubt if policies of these families are in force, which the oracle does not read."""
    return Doubt(f"{natural_list(families)} in force, which the oracle does not read", _CLUSTER) if families else None


def no_pods(workload: NamespacedName) -> Doubt:
    """Return the doubt about a workload without pods."""
    return Doubt(f"{workload} has no pods in this step", "a step in which it has some decides it")


def one_pod(workload: NamespacedName) -> Doubt:
    """Return the doubt about a path from a workload to itself, if it has one pod."""
    return Doubt(f"{workload} has one pod, and a path to itself is one between two pods", "give it two replicas")


def itself(workload: NamespacedName) -> Doubt:
    """Return the doubt about a path to a target to which the source's own pods belong."""
    reason = f"a pod of {workload} may reach itself or another pod"
    return Doubt(reason, "ask a path to one of its pods, or from another workload")


def nothing_behind(service: NamespacedName) -> Doubt:
    """Return the doubt about a Service that leads nowhere, though not by design."""
    reason = f"nothing is behind Service {service}"
    return Doubt(reason, "add pods that its selector selects and that have its targetPort, or an EndpointSlice")


def absent(service: NamespacedName) -> Doubt:
    """Return the doubt about a Service that the step does not have."""
    return Doubt(f"Service {service} is absent in this step", "a step that has it decides it")


def leads_elsewhere(name: str, service: NamespacedName) -> Doubt:
    """Return the doubt about an ExternalName of which nothing is known."""
    reason = f"it is not known where {name} leads, the name that {service} stands for"
    return Doubt(reason, f"write {name} under 'names' in scenario.yaml, with a host under 'external'")


def pods_on(service: NamespacedName, node: str) -> Doubt:
    """Return the doubt about a Service that leads to pods on one node. ``node``: ``the node of shop/web``."""
    return Doubt(f"it is not known which pods of {service} are on {node}", _CLUSTER)


def at_port(port: Port, target: NamespacedName) -> Doubt:
    """Return the doubt about the port of a node."""
    reason = f"it is not known what answers at port {port} of the node of {target}"
    return Doubt(reason, "write a Service with this nodePort, or a hostPort of that pod")


def proxied(proxy: str, service: NamespacedName) -> Doubt:
    """Return the doubt about a load balancer that connects from addresses of its own."""
    return Doubt(f"it is not known from which address {proxy} connects to {service}", _CLUSTER)


def source_ranges(service: NamespacedName) -> Doubt:
    """Return the doubt about a Service whose load balancer filters."""
    return Doubt(f"it is not known whether loadBalancerSourceRanges of {service} admit the source", _CLUSTER)


def other_name_server(workload: NamespacedName, address: str) -> Doubt:
    """Return the doubt about a pod that asks a name server of its own."""
    return Doubt(f"{workload} asks {address}, which may not know the cluster's names (dnsConfig)", _CLUSTER)


def no_name_server(workload: NamespacedName) -> Doubt:
    """Return the doubt about a pod that asks the name server of its node."""
    reason = f"{workload} does not ask the cluster's name server (dnsPolicy, hostNetwork)"
    return Doubt(reason, "write dnsPolicy: ClusterFirstWithHostNet")


def locality(
    source: NamespacedName,
    service: Service,
    endpoints: Iterable[Endpoint],
    inventory: Inventory,
    nodes: Mapping[NamespacedName, Sequence[str]],
) -> Doubt | None:
    """Return a doubt if a Service sends only to pods on the node of the source, and there may be none.

    ``source`` is the workload. ``nodes`` are the known addresses of the nodes of workloads. A DaemonSet has a pod on
    every node.
    """
    if service.headless or service.internal_policy is TrafficPolicy.CLUSTER:
        return None
    workloads = {endpoint.pod.workload for endpoint in endpoints if isinstance(endpoint, PodEndpoint)}
    known = [inventory.workloads[ref] for ref in workloads if ref in inventory.workloads]
    used = {address for ref in (source, *workloads) for address in nodes.get(ref, ("",))}
    is_everywhere = any(workload.kind == "DaemonSet" for workload in known)
    on_one_node = len(used) == 1 and "" not in used and bool(workloads)
    if is_everywhere or on_one_node:
        return None
    reason = f"{service.ref} leads to pods on the source's own node only (internalTrafficPolicy), and it may have none"
    return Doubt(reason, _CLUSTER)
