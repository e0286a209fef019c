"""Why the oracle cannot know the outcome of a path, as sentences; empty if it can. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from netpol_harness.analysis.describe import natural_list
from netpol_harness.model.names import NamespacedName, Protocol
from netpol_harness.model.services import Service, TrafficPolicy
from netpol_harness.paths.endpoints import AddressEndpoint, Endpoint, PodEndpoint
from netpol_harness.paths.path import Inventory
from netpol_harness.scenario.family import ApiGroupFamily


def silence(endpoint: Endpoint) -> str:
    """Return a doubt if no port is declared at the endpoint, so that a missing answer proves nothing."""
    if not isinstance(endpoint, PodEndpoint) or endpoint.port.protocol is Protocol.ICMP:
        return ""
    if endpoint.port in {declared.port for declared in endpoint.pod.ports}:
        return ""
    return f"{endpoint.pod.ref} declares no port {endpoint.port}, so a missing answer proves nothing"


def unknown(endpoint: Endpoint) -> str:
    """Return a doubt if it is not known what has the address of the endpoint."""
    return what_has(endpoint.address) if isinstance(endpoint, AddressEndpoint) else ""


def what_has(address: str) -> str:
    """Return the doubt about an address."""
    return f"it is not known what has the address {address}"


def beyond(families: Sequence[ApiGroupFamily]) -> str:
    """Return a doubt if policies of these families are in force, which the oracle does not read."""
    return f"{natural_list(families)} in force, which the oracle does not read" if families else ""


def locality(
    source: NamespacedName,
    service: Service,
    endpoints: Iterable[Endpoint],
    inventory: Inventory,
    nodes: Mapping[NamespacedName, Sequence[str]],
) -> str:
    """Return a doubt if a Service sends only to pods on the node of the source, and there may be none.

    ``source`` is the workload. ``nodes`` are the known addresses of the nodes of workloads. A DaemonSet has a pod on
    every node.
    """
    if service.headless or service.internal_policy is TrafficPolicy.CLUSTER:
        return ""
    workloads = {endpoint.pod.workload for endpoint in endpoints if isinstance(endpoint, PodEndpoint)}
    known = [inventory.workloads[ref] for ref in workloads if ref in inventory.workloads]
    used = {address for ref in (source, *workloads) for address in nodes.get(ref, ("",))}
    is_everywhere = any(workload.kind == "DaemonSet" for workload in known)
    on_one_node = len(used) == 1 and "" not in used and bool(workloads)
    if is_everywhere or on_one_node:
        return ""
    return f"{service.ref} leads to pods on the source's own node only (internalTrafficPolicy), and it may have none"
