"""The columns of each resource's table, in kubectl's order."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from netpol_harness.emulator.apiserver.selectors import label_query
from netpol_harness.emulator.apiserver.table import Cell, Column, age
from netpol_harness.model.json_object import JsonMapping

_NONE = "<none>"


def columns_of(plural: str) -> Sequence[Column]:
    """Return the columns of a resource; name and age by default."""
    return _COLUMNS.get(plural, (_NAME, _AGE))


def _at(*path: str, default: object = _NONE) -> Cell:
    """Return a cell that shows the value at this path."""

    def cell(obj: JsonMapping) -> object:
        value: Any = obj
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return default if value in (None, "") else value

    return cell


def _age(obj: JsonMapping) -> str:
    return age(obj["metadata"].get("creationTimestamp"))


def _pairs(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={labels[key]}" for key in sorted(labels)) or _NONE


def _selector(selector: JsonMapping) -> str:
    return label_query(selector) or _NONE


def _statuses(pod: JsonMapping) -> Sequence[JsonMapping]:
    return list(pod.get("status", {}).get("containerStatuses", ()))


def _pod_ready(pod: JsonMapping) -> str:
    return f"{sum(bool(status.get('ready')) for status in _statuses(pod))}/{len(pod['spec'].get('containers', ()))}"


def _pod_status(pod: JsonMapping) -> str:
    status = pod.get("status", {})
    reason = status.get("reason") or status.get("phase", "Unknown")
    for container in reversed(_statuses(pod)):
        state = container.get("state", {})
        reason = state.get("waiting", {}).get("reason") or state.get("terminated", {}).get("reason") or reason
    return "Terminating" if "deletionTimestamp" in pod["metadata"] else reason


def _pod_restarts(pod: JsonMapping) -> str:
    return str(sum(status.get("restartCount", 0) for status in _statuses(pod)))


def _service_external(service: JsonMapping) -> str:
    spec = service["spec"]
    external_ips = list(spec.get("externalIPs", ()))
    match spec.get("type"):
        case "ExternalName":
            return str(spec.get("externalName", _NONE))
        case "LoadBalancer":
            ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress", ())
            return (
                ",".join([*(entry.get("ip") or entry.get("hostname", "") for entry in ingress), *external_ips])
                or "<pending>"
            )
        case _:
            return ",".join(external_ips) or _NONE


def _service_ports(service: JsonMapping) -> str:
    ports = service["spec"].get("ports", ())
    words = (
        f"{port['port']}" + (f":{port['nodePort']}" if port.get("nodePort") else "") + f"/{port.get('protocol', 'TCP')}"
        for port in ports
    )
    return ",".join(words) or _NONE


def _service_selector(service: JsonMapping) -> str:
    return _pairs(service["spec"].get("selector", {}))


def _containers(field: str) -> Cell:
    """Return a cell with the names or images of a workload's containers."""

    def cell(workload: JsonMapping) -> str:
        return ",".join(part.get(field, "") for part in workload["spec"]["template"]["spec"].get("containers", ()))

    return cell


def _workload_selector(workload: JsonMapping) -> str:
    return _selector(workload["spec"].get("selector", {}))


def _deployment_ready(deployment: JsonMapping) -> str:
    return f"{deployment.get('status', {}).get('readyReplicas', 0)}/{deployment['spec'].get('replicas', 0)}"


def _policy_selector(policy: JsonMapping) -> str:
    return _selector(policy.get("spec", {}).get("podSelector", {}))


def _node_status(node: JsonMapping) -> str:
    ready = {c["type"]: c["status"] for c in node.get("status", {}).get("conditions", ())}.get("Ready", "Unknown")
    words = "Ready" if ready == "True" else "NotReady"
    return f"{words},SchedulingDisabled" if node.get("spec", {}).get("unschedulable") else words


def _node_roles(node: JsonMapping) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = node["metadata"].get("labels", {})
    return ",".join(sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix))) or _NONE


def _node_address(kind: str) -> Cell:
    """Return a cell with the node's first address of this type."""

    def cell(node: JsonMapping) -> str:
        addresses = node.get("status", {}).get("addresses", ())
        return next((str(each["address"]) for each in addresses if each["type"] == kind), _NONE)

    return cell


def _data_count(obj: JsonMapping) -> int:
    return len(obj.get("data", {})) + len(obj.get("binaryData", {}))


def _shortened(words: Iterable[str], limit: int = 3) -> str:
    """Return the first few words, and how many are left out."""
    all_words = list(words)
    more = f" + {len(all_words) - limit} more..." if len(all_words) > limit else ""
    return (",".join(all_words[:limit]) + more) or "<unset>"


def _slice_ports(endpoint_slice: JsonMapping) -> str:
    return _shortened(str(port.get("port", "*")) for port in endpoint_slice.get("ports", ()))


def _slice_addresses(endpoint_slice: JsonMapping) -> str:
    return _shortened(a for endpoint in endpoint_slice.get("endpoints", ()) for a in endpoint.get("addresses", ()))


def _endpoints(endpoints: JsonMapping) -> str:
    pairs = [
        f"{address['ip']}:{port['port']}"
        for subset in endpoints.get("subsets", ())
        for port in subset.get("ports", ())
        for address in subset.get("addresses", ())
    ]
    return _NONE if not pairs else _shortened(pairs)


def _event_object(event: JsonMapping) -> str:
    involved = event.get("involvedObject", {})
    return f"{involved.get('kind', '').lower()}/{involved.get('name', '')}"


def _event_seen(*fields: str) -> Cell:
    """Return a cell with the age of the first of these timestamps that is set."""

    def cell(event: JsonMapping) -> str:
        return age(next((event[field] for field in fields if event.get(field)), None))

    return cell


_NAME = Column("Name", _at("metadata", "name"))
_AGE = Column("Age", _age)
_TEMPLATE_COLUMNS = (
    Column("Containers", _containers("name"), wide=True),
    Column("Images", _containers("image"), wide=True),
    Column("Selector", _workload_selector, wide=True),
)
_COLUMNS: Mapping[str, Sequence[Column]] = {
    "pods": (
        _NAME,
        Column("Ready", _pod_ready),
        Column("Status", _pod_status),
        Column("Restarts", _pod_restarts),
        _AGE,
        Column("IP", _at("status", "podIP"), wide=True),
        Column("Node", _at("spec", "nodeName"), wide=True),
        Column("Nominated Node", _at("status", "nominatedNodeName"), wide=True),
        Column("Readiness Gates", lambda pod: _NONE, wide=True),
    ),
    "services": (
        _NAME,
        Column("Type", _at("spec", "type")),
        Column("Cluster-IP", _at("spec", "clusterIP")),
        Column("External-IP", _service_external),
        Column("Port(s)", _service_ports),
        _AGE,
        Column("Selector", _service_selector, wide=True),
    ),
    "deployments": (
        _NAME,
        Column("Ready", _deployment_ready),
        Column("Up-to-date", _at("status", "updatedReplicas", default=0), type="integer"),
        Column("Available", _at("status", "availableReplicas", default=0), type="integer"),
        _AGE,
        *_TEMPLATE_COLUMNS,
    ),
    "replicasets": (
        _NAME,
        Column("Desired", _at("spec", "replicas", default=0), type="integer"),
        Column("Current", _at("status", "replicas", default=0), type="integer"),
        Column("Ready", _at("status", "readyReplicas", default=0), type="integer"),
        _AGE,
        *_TEMPLATE_COLUMNS,
    ),
    "networkpolicies": (_NAME, Column("Pod-Selector", _policy_selector), _AGE),
    "namespaces": (_NAME, Column("Status", _at("status", "phase")), _AGE),
    "nodes": (
        _NAME,
        Column("Status", _node_status),
        Column("Roles", _node_roles),
        _AGE,
        Column("Version", _at("status", "nodeInfo", "kubeletVersion", default="")),
        Column("Internal-IP", _node_address("InternalIP"), wide=True),
        Column("External-IP", _node_address("ExternalIP"), wide=True),
        Column("OS-Image", _at("status", "nodeInfo", "osImage", default="<unknown>"), wide=True),
        Column("Kernel-Version", _at("status", "nodeInfo", "kernelVersion", default="<unknown>"), wide=True),
        Column(
            "Container-Runtime", _at("status", "nodeInfo", "containerRuntimeVersion", default="<unknown>"), wide=True
        ),
    ),
    "configmaps": (_NAME, Column("Data", _data_count, type="integer"), _AGE),
    "secrets": (_NAME, Column("Type", _at("type")), Column("Data", _data_count, type="integer"), _AGE),
    "endpoints": (_NAME, Column("Endpoints", _endpoints), _AGE),
    "endpointslices": (
        _NAME,
        Column("AddressType", _at("addressType")),
        Column("Ports", _slice_ports),
        Column("Endpoints", _slice_addresses),
        _AGE,
    ),
    "events": (
        Column("Last Seen", _event_seen("lastTimestamp", "eventTime", "firstTimestamp")),
        Column("Type", _at("type", default="")),
        Column("Reason", _at("reason", default="")),
        Column("Object", _event_object),
        Column("Subobject", _at("involvedObject", "fieldPath", default=""), wide=True),
        Column("Source", _at("source", "component", default=""), wide=True),
        Column("Message", _at("message", default="")),
        Column("First Seen", _event_seen("firstTimestamp", "eventTime"), wide=True),
        Column("Count", _at("count", default=1), wide=True, type="integer"),
        Column("Name", _at("metadata", "name"), wide=True),
    ),
}
