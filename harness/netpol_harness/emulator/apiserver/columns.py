"""The columns of each resource's table, in kubectl's order."""

from collections.abc import Mapping, Sequence

from netpol_harness.emulator.apiserver.cells import AGE, NAME, NONE, at, conditions, pairs, selector_text, shortened
from netpol_harness.emulator.apiserver.plain_columns import PLAIN_COLUMNS
from netpol_harness.emulator.apiserver.table import Cell, Column, age
from netpol_harness.emulator.apiserver.workload_columns import WORKLOAD_COLUMNS
from netpol_harness.model.json_object import JsonMapping


def columns_of(plural: str) -> Sequence[Column]:
    """Return the columns of a resource; name and age by default."""
    return _COLUMNS.get(plural, (NAME, AGE))


def _service_external(service: JsonMapping) -> str:
    spec = service["spec"]
    external_ips = list(spec.get("externalIPs", ()))
    match spec.get("type"):
        case "ExternalName":
            return str(spec.get("externalName", NONE))
        case "LoadBalancer":
            ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress", ())
            return (
                ",".join([*(entry.get("ip") or entry.get("hostname", "") for entry in ingress), *external_ips])
                or "<pending>"
            )
        case _:
            return ",".join(external_ips) or NONE


def _service_ports(service: JsonMapping) -> str:
    ports = service["spec"].get("ports", ())
    words = (
        f"{port['port']}" + (f":{port['nodePort']}" if port.get("nodePort") else "") + f"/{port.get('protocol', 'TCP')}"
        for port in ports
    )
    return ",".join(words) or NONE


def _service_selector(service: JsonMapping) -> str:
    return pairs(service["spec"].get("selector", {}))


def _policy_selector(policy: JsonMapping) -> str:
    return selector_text(policy.get("spec", {}).get("podSelector", {}))


def _node_status(node: JsonMapping) -> str:
    ready = conditions(node).get("Ready", "Unknown")
    words = "Ready" if ready == "True" else "NotReady"
    return f"{words},SchedulingDisabled" if node.get("spec", {}).get("unschedulable") else words


def _node_roles(node: JsonMapping) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = node["metadata"].get("labels", {})
    return ",".join(sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix))) or NONE


def _node_address(kind: str) -> Cell:
    """Return a cell with the node's first address of this type."""

    def cell(node: JsonMapping) -> str:
        addresses = node.get("status", {}).get("addresses", ())
        return next((str(each["address"]) for each in addresses if each["type"] == kind), NONE)

    return cell


def _data_count(obj: JsonMapping) -> int:
    return len(obj.get("data", {})) + len(obj.get("binaryData", {}))


def _slice_ports(endpoint_slice: JsonMapping) -> str:
    return shortened(str(port.get("port", "*")) for port in endpoint_slice.get("ports", ()))


def _slice_addresses(endpoint_slice: JsonMapping) -> str:
    return shortened(a for endpoint in endpoint_slice.get("endpoints", ()) for a in endpoint.get("addresses", ()))


def _endpoints(endpoints: JsonMapping) -> str:
    pairs = [
        f"{address['ip']}:{port['port']}"
        for subset in endpoints.get("subsets", ())
        for port in subset.get("ports", ())
        for address in subset.get("addresses", ())
    ]
    return NONE if not pairs else shortened(pairs)


def _event_object(event: JsonMapping) -> str:
    involved = event.get("involvedObject", {})
    return f"{involved.get('kind', '').lower()}/{involved.get('name', '')}"


def _event_seen(*fields: str) -> Cell:
    """Return a cell with the age of the first of these timestamps that is set."""

    def cell(event: JsonMapping) -> str:
        return age(next((event[field] for field in fields if event.get(field)), None))

    return cell


_COLUMNS: Mapping[str, Sequence[Column]] = {
    **WORKLOAD_COLUMNS,
    **PLAIN_COLUMNS,
    "services": (
        NAME,
        Column("Type", at("spec", "type")),
        Column("Cluster-IP", at("spec", "clusterIP")),
        Column("External-IP", _service_external),
        Column("Port(s)", _service_ports),
        AGE,
        Column("Selector", _service_selector, wide=True),
    ),
    "networkpolicies": (NAME, Column("Pod-Selector", _policy_selector), AGE),
    "namespaces": (NAME, Column("Status", at("status", "phase")), AGE),
    "nodes": (
        NAME,
        Column("Status", _node_status),
        Column("Roles", _node_roles),
        AGE,
        Column("Version", at("status", "nodeInfo", "kubeletVersion", default="")),
        Column("Internal-IP", _node_address("InternalIP"), wide=True),
        Column("External-IP", _node_address("ExternalIP"), wide=True),
        Column("OS-Image", at("status", "nodeInfo", "osImage", default="<unknown>"), wide=True),
        Column("Kernel-Version", at("status", "nodeInfo", "kernelVersion", default="<unknown>"), wide=True),
        Column(
            "Container-Runtime", at("status", "nodeInfo", "containerRuntimeVersion", default="<unknown>"), wide=True
        ),
    ),
    "configmaps": (NAME, Column("Data", _data_count, type="integer"), AGE),
    "secrets": (NAME, Column("Type", at("type")), Column("Data", _data_count, type="integer"), AGE),
    "endpoints": (NAME, Column("Endpoints", _endpoints), AGE),
    "endpointslices": (
        NAME,
        Column("AddressType", at("addressType")),
        Column("Ports", _slice_ports),
        Column("Endpoints", _slice_addresses),
        AGE,
    ),
    "events": (
        Column("Last Seen", _event_seen("lastTimestamp", "eventTime", "firstTimestamp")),
        Column("Type", at("type", default="")),
        Column("Reason", at("reason", default="")),
        Column("Object", _event_object),
        Column("Subobject", at("involvedObject", "fieldPath", default=""), wide=True),
        Column("Source", at("source", "component", default=""), wide=True),
        Column("Message", at("message", default="")),
        Column("First Seen", _event_seen("firstTimestamp", "eventTime"), wide=True),
        Column("Count", at("count", default=1), wide=True, type="integer"),
        Column("Name", at("metadata", "name"), wide=True),
    ),
}
