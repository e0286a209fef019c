"""Mirrors Endpoints of Services without a selector as EndpointSlices (KEP-1672), which kube-proxy reads."""

from collections.abc import Iterator, Mapping
from typing import Any

from netpol_harness.emulator.controllers.desired_objects import replace_objects, slices_of
from netpol_harness.emulator.controllers.ownership import fingerprint, owner_reference
from netpol_harness.emulator.store import Event, Key, Store
from netpol_harness.model.addresses import ip_version
from netpol_harness.model.endpoint_slices import MANAGED_BY_LABEL, is_mirrored
from netpol_harness.model.json_object import JsonMapping, JsonObject
from netpol_harness.wellknown import SERVICE_NAME_LABEL

MANAGER = "endpointslicemirroring-controller.k8s.io"
_FAMILIES = {4: "IPv4", 6: "IPv6"}
_SUFFIX_LENGTH = 5
_NOT_COPIED = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "endpoints.kubernetes.io/last-change-trigger-time",
)


class EndpointsMirror:
    """Keeps a slice for each subset and address family of Endpoints. The slices are owned by the Endpoints."""

    resources = ("endpoints", "services")

    def __init__(self, store: Store) -> None:
        self._store = store

    def affected_keys(self, event: Event) -> Iterator[Key]:
        yield Key("endpoints", event.key.namespace, event.key.name)

    def reconcile(self, key: Key) -> None:
        service = Key("services", key.namespace, key.name)
        endpoints = self._store.find(key)
        mirrors = endpoints is not None and is_mirrored(endpoints) and _is_manual(self._store.find(service))
        desired = mirrored(endpoints) if endpoints is not None and mirrors else ()
        replace_objects(self._store, "endpointslices", slices_of(self._store, service, MANAGER), desired)


def _is_manual(service: JsonMapping | None) -> bool:
    """Return whether there is a Service, and it does not say itself what it leads to."""
    spec = service["spec"] if service else {}
    return service is not None and not spec.get("selector") and spec.get("type") != "ExternalName"


def mirrored(endpoints: JsonMapping) -> Iterator[JsonObject]:
    """Yield the slices that mirror stored Endpoints."""
    for subset in endpoints.get("subsets") or ():
        members = [_endpoint(address, ready=True) for address in subset.get("addresses") or ()]
        members += [_endpoint(address, ready=False) for address in subset.get("notReadyAddresses") or ()]
        ports = subset.get("ports") or []
        for version, family in _FAMILIES.items():
            if of_family := [member for member in members if ip_version(member["addresses"][0]) == version]:
                yield _slice(endpoints, family, of_family, ports)


def _slice(endpoints: JsonMapping, family: str, members: list[JsonObject], ports: list[JsonObject]) -> JsonObject:
    metadata = endpoints["metadata"]
    name = metadata["name"]
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k not in _NOT_COPIED}
    return {
        "metadata": {
            "name": f"{name}-{fingerprint([family, ports], _SUFFIX_LENGTH)}",
            "namespace": metadata["namespace"],
            "labels": {**(metadata.get("labels") or {}), SERVICE_NAME_LABEL: name, MANAGED_BY_LABEL: MANAGER},
            **({"annotations": annotations} if annotations else {}),
            "ownerReferences": [owner_reference(endpoints)],
        },
        "addressType": family,
        "endpoints": members,
        "ports": ports,
    }


def _endpoint(address: Mapping[str, Any], *, ready: bool) -> JsonObject:
    copied = {key: address[key] for key in ("hostname", "nodeName", "targetRef") if address.get(key)}
    return {"addresses": [address["ip"]], "conditions": {"ready": ready}, **copied}
