"""EndpointSlices (discovery.k8s.io/v1) and core Endpoints of Services with a selector. Endpoints have the Service's
primary family only.

The function that computes the data plane's translation also decides which pods back a Service, and on which port
numbers. Pods that resolve the target ports differently are in separate slices.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from netpol_harness.emulator.address_plan import FAMILIES, FamilyPlan
from netpol_harness.emulator.controllers.desired_objects import replace_objects, slices_of
from netpol_harness.emulator.controllers.ownership import fingerprint, owner_reference
from netpol_harness.emulator.dataplane.selection import PodIndex
from netpol_harness.emulator.dataplane.service_endpoints import backing_pods, pod_sockets
from netpol_harness.emulator.pod import is_external_host, is_ready, is_serving
from netpol_harness.emulator.store import Event, Key, Store
from netpol_harness.model.addresses import ip_version
from netpol_harness.model.endpoint_slices import MANAGED_BY_LABEL, SLICE_CONTROLLER
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import Pod, World
from netpol_harness.model.services import Service
from netpol_harness.wellknown import SERVICE_NAME_LABEL

_SUFFIX_LENGTH = 5

Ports = tuple[tuple[str, str, int], ...]
"""Name, protocol and number of each port that a pod serves for the Service."""


class EndpointsController:
    """Keeps the slices and the Endpoints object of each Service. The slices are owned by the Service and deleted with
    it.
    """

    resources = ("services", "pods")

    def __init__(self, store: Store) -> None:
        self._store = store

    def affected_keys(self, event: Event) -> Iterator[Key]:
        if event.key.resource == "services":
            yield event.key
        else:
            yield from (Key.of("services", service) for service in self._store.list("services", event.key.namespace))

    def reconcile(self, key: Key) -> None:
        service, endpoints = self._store.find(key), {Key("endpoints", key.namespace, key.name)}
        if service is None:
            replace_objects(self._store, "endpoints", endpoints, [])
        elif service["spec"].get("selector") and service["spec"].get("type") != "ExternalName":
            families = [plan for name in service["spec"]["ipFamilies"] for plan in FAMILIES if plan.api_name == name]
            groups = {family: self._groups(service, family.version) for family in families}
            slices = [_slice(service, family, *group) for family in families for group in groups[family].items()]
            replace_objects(self._store, "endpointslices", slices_of(self._store, key, SLICE_CONTROLLER), slices)
            replace_objects(self._store, "endpoints", endpoints, [_endpoints(service, groups[families[0]])])

    def _groups(self, service: JsonObject, version: int) -> dict[Ports, list[JsonObject]]:
        """Return endpoints of one IP version, in the form of slices, by the ports that they serve."""
        namespace = service["metadata"]["namespace"]
        data = {NamespacedName(namespace, d["metadata"]["name"]): d for d in self._store.list("pods", namespace)}
        pods = [Pod.parse(d) for d in data.values() if not is_external_host(d)]
        index = PodIndex(World(), [pod for pod in pods if pod.running])
        always = bool(service["spec"].get("publishNotReadyAddresses"))
        groups: dict[Ports, list[JsonObject]] = {}
        for ref, ports in sorted(_ports_by_pod(Service.parse(service), index).items()):
            for address in index.addresses({ref}):
                if ip_version(address) == version:
                    endpoint = _endpoint(data[ref], address, always=always)
                    groups.setdefault(ports, []).append({**endpoint, **_hostname(data[ref], service)})
        return groups


def _ports_by_pod(service: Service, index: PodIndex) -> dict[NamespacedName, Ports]:
    """Return the ports of every backing pod, including pods that serve none of them."""
    ports_by_pod: dict[NamespacedName, list[tuple[str, str, int]]] = {ref: [] for ref in backing_pods(service, index)}
    for port in service.ports:
        for endpoint in pod_sockets(service, port, index):
            ports_by_pod[endpoint.pod].append((port.name, str(port.port.protocol), endpoint.number))
    return {ref: tuple(sorted(set(ports))) for ref, ports in ports_by_pod.items() if ports or not service.ports}


def _endpoint(pod: JsonObject, address: str, *, always: bool) -> JsonObject:
    ready = is_ready(pod)
    metadata = pod["metadata"]
    target = {"kind": "Pod", "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"]}
    return {
        "addresses": [address],
        "conditions": {
            "ready": always or ready,
            "serving": always or is_serving(pod),
            "terminating": "deletionTimestamp" in metadata,
        },
        "targetRef": target,
        **({"nodeName": pod["spec"]["nodeName"]} if pod["spec"].get("nodeName") else {}),
    }


def _hostname(pod: JsonObject, service: JsonObject) -> dict[str, str]:
    """Return the pod's hostname if the Service publishes it: the Service has the name of the pod's subdomain."""
    spec = pod["spec"]
    is_published = spec.get("hostname") and spec.get("subdomain") == service["metadata"]["name"]
    return {"hostname": spec["hostname"]} if is_published else {}


def _slice(service: JsonObject, family: FamilyPlan, ports: Ports, members: list[JsonObject]) -> JsonObject:
    name = service["metadata"]["name"]
    return {
        "metadata": {
            "name": f"{name}-{fingerprint([family.version, ports], _SUFFIX_LENGTH)}",
            "namespace": service["metadata"]["namespace"],
            "labels": {SERVICE_NAME_LABEL: name, MANAGED_BY_LABEL: SLICE_CONTROLLER},
            "ownerReferences": [owner_reference(service)],
        },
        "addressType": family.api_name,
        "endpoints": members,
        "ports": _port_entries(ports),
    }


def _endpoints(service: JsonObject, groups: Mapping[Ports, list[JsonObject]]) -> JsonObject:
    metadata = service["metadata"]
    return {
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "labels": metadata.get("labels") or {},
        },
        "subsets": [
            {
                **_addresses("addresses", [m for m in members if m["conditions"]["ready"]]),
                **_addresses("notReadyAddresses", [m for m in members if not m["conditions"]["ready"]]),
                "ports": _port_entries(ports),
            }
            for ports, members in groups.items()
        ],
    }


def _addresses(field: str, members: list[JsonObject]) -> dict[str, list[dict[str, Any]]]:
    entries = [
        {"ip": m["addresses"][0], **{k: m[k] for k in ("nodeName", "targetRef", "hostname") if k in m}} for m in members
    ]
    return {field: entries} if entries else {}


def _port_entries(ports: Ports) -> list[JsonObject]:
    return [{"name": name, "protocol": protocol, "port": number} for name, protocol, number in ports]
