"""EndpointSlices (discovery.k8s.io/v1) and core Endpoints of Services with a selector.

Which pods back a Service, and on which numbers, is asked of the same function that writes the dataplane's
translation. Pods that resolve the target ports differently are in slices of their own.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from netpol_harness.emulator.apiserver.admission import admit
from netpol_harness.emulator.controllers.ownership import fingerprint, reference_to
from netpol_harness.emulator.dataplane.selection import PodIndex
from netpol_harness.emulator.dataplane.services import backing_pods, endpoints
from netpol_harness.emulator.pod import is_external_host, is_ready
from netpol_harness.emulator.store import Event, Key, Store
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import Pod, Service, World
from netpol_harness.wellknown import SERVICE_NAME_LABEL

_MANAGER_LABEL = "endpointslice.kubernetes.io/managed-by"
_MANAGER = "endpointslice-controller.k8s.io"
_SUFFIX_LENGTH = 5

Ports = tuple[tuple[str, str, int], ...]
"""Name, protocol and number of each port that a pod serves for the Service."""


class ServiceEndpoints:
    """Keeps the slices and the Endpoints object of each Service. The slices are the Service's own and go with it."""

    resources = ("services", "pods")

    def __init__(self, store: Store) -> None:
        self._store = store

    def concerned(self, event: Event) -> Iterator[Key]:
        if event.key.resource == "services":
            yield event.key
        else:
            yield from (Key.of("services", service) for service in self._store.list("services", event.key.namespace))

    def reconcile(self, key: Key) -> None:
        service = self._store.find(key)
        if service is None:
            self._replace("endpoints", {Key("endpoints", key.namespace, key.name)}, [])
        elif service["spec"].get("selector") and service["spec"].get("type") != "ExternalName":
            groups = self._groups(service)
            self._replace(
                "endpointslices", self._own_slices(key), [_slice(service, *group) for group in groups.items()]
            )
            self._replace("endpoints", {Key("endpoints", key.namespace, key.name)}, [_endpoints(service, groups)])

    def _groups(self, service: JsonObject) -> dict[Ports, list[JsonObject]]:
        """Ready-made endpoints, as slices hold them, by the ports that they serve."""
        namespace = service["metadata"]["namespace"]
        data = {NamespacedName(namespace, d["metadata"]["name"]): d for d in self._store.list("pods", namespace)}
        pods = [Pod.parse(d) for d in data.values() if not is_external_host(d)]
        index = PodIndex(World(), [pod for pod in pods if pod.running])
        always = bool(service["spec"].get("publishNotReadyAddresses"))
        groups: dict[Ports, list[JsonObject]] = {}
        for ref, ports in sorted(_ports_by_pod(Service.parse(service), index).items()):
            groups.setdefault(ports, []).append(_endpoint(data[ref], sorted(index.addresses({ref})), always=always))
        return groups

    def _own_slices(self, service: Key) -> set[Key]:
        return {
            Key.of("endpointslices", one)
            for one in self._store.list("endpointslices", service.namespace)
            if (one["metadata"].get("labels") or {}).get(SERVICE_NAME_LABEL) == service.name
            and one["metadata"]["labels"].get(_MANAGER_LABEL) == _MANAGER
        }

    def _replace(self, resource: str, present: set[Key], wanted: Iterable[JsonObject]) -> None:
        """Have exactly the wanted objects where the present ones are."""
        kept = set()
        for obj in wanted:
            key = Key.of(resource, obj)
            kept.add(key)
            previous = self._store.find(key)
            if previous is None:
                self._store.create(resource, admit(self._store, resource, obj))
            else:
                self._store.update(resource, admit(self._store, resource, obj, previous))
        for key in present - kept:
            if self._store.find(key):
                self._store.remove(key)


def _ports_by_pod(service: Service, index: PodIndex) -> dict[NamespacedName, Ports]:
    """The ports of every backing pod, with or without any that it serves."""
    served: dict[NamespacedName, list[tuple[str, str, int]]] = {ref: [] for ref in backing_pods(service, index)}
    for port in service.ports:
        for endpoint in endpoints(service, port, index):
            served[endpoint.pod].append((port.name, str(port.port.protocol), endpoint.number))
    return {ref: tuple(sorted(set(ports))) for ref, ports in served.items() if ports or not service.ports}


def _endpoint(pod: JsonObject, addresses: list[str], *, always: bool) -> JsonObject:
    ready = is_ready(pod)
    metadata = pod["metadata"]
    target = {"kind": "Pod", "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"]}
    return {
        "addresses": addresses[:1],
        "conditions": {
            "ready": always or ready,
            "serving": always or ready,
            "terminating": "deletionTimestamp" in metadata,
        },
        "targetRef": target,
        **({"nodeName": pod["spec"]["nodeName"]} if pod["spec"].get("nodeName") else {}),
        **({"hostname": pod["spec"]["hostname"]} if pod["spec"].get("hostname") else {}),
    }


def _slice(service: JsonObject, ports: Ports, members: list[JsonObject]) -> JsonObject:
    name = service["metadata"]["name"]
    return {
        "metadata": {
            "name": f"{name}-{fingerprint(ports, _SUFFIX_LENGTH)}",
            "namespace": service["metadata"]["namespace"],
            "labels": {SERVICE_NAME_LABEL: name, _MANAGER_LABEL: _MANAGER},
            "ownerReferences": [reference_to(service)],
        },
        "addressType": "IPv4",
        "endpoints": members,
        "ports": _written(ports),
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
                "ports": _written(ports),
            }
            for ports, members in groups.items()
        ],
    }


def _addresses(field: str, members: list[JsonObject]) -> dict[str, list[dict[str, Any]]]:
    picked = [
        {"ip": m["addresses"][0], **{k: m[k] for k in ("nodeName", "targetRef", "hostname") if k in m}} for m in members
    ]
    return {field: picked} if picked else {}


def _written(ports: Ports) -> list[JsonObject]:
    return [{"name": name, "protocol": protocol, "port": number} for name, protocol, number in ports]
