"""EndpointSlices (discovery.k8s.io/v1) and Endpoints (core/v1) that the endpoints controllers do not write.

The controllers write the slices of a Service's selected pods. All others are written by hand, or mirrored from
Endpoints of a Service without a selector, and may lead anywhere.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from netpol_harness.model.addresses import ip_version
from netpol_harness.model.names import NamespacedName, Protocol
from netpol_harness.model.services import Service
from netpol_harness.wellknown import SERVICE_NAME_LABEL

MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by"
SLICE_CONTROLLER = "endpointslice-controller.k8s.io"
"""The value of ``MANAGED_BY_LABEL`` on slices of selected pods."""

SKIP_MIRROR_LABEL = "endpointslice.kubernetes.io/skip-mirror"
LEADER_ANNOTATION = "control-plane.alpha.kubernetes.io/leader"
"""Endpoints with this annotation are locks of a leader election, and are not mirrored."""


@dataclass(frozen=True, slots=True)
class SlicePort:
    """A port of the endpoints of a slice. ``name`` is that of a Service's port, empty for its only one."""

    name: str
    protocol: Protocol
    number: int


@dataclass(frozen=True, slots=True)
class SliceEndpoint:
    """One endpoint: its ``addresses`` are interchangeable. ``draining``: it ends, and still serves."""

    addresses: tuple[str, ...]
    ready: bool = True
    draining: bool = False
    hostname: str = ""
    node: str = ""


@dataclass(frozen=True, slots=True)
class EndpointSlice:
    """Some endpoints of a Service. They have one address family, and serve the same ports.

    ``mirrored``: its ``ref`` is that of the Endpoints which it mirrors.
    """

    ref: NamespacedName
    service: NamespacedName
    ports: tuple[SlicePort, ...]
    endpoints: tuple[SliceEndpoint, ...]
    mirrored: bool = False

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "EndpointSlice | None":
        """Read an EndpointSlice; ``None`` if a controller derives it from pods, if it has no Service, or no addresses.

        Slices of type FQDN have no defined meaning, and kube-proxy ignores them.
        """
        metadata = data["metadata"]
        labels = metadata.get("labels") or {}
        service = labels.get(SERVICE_NAME_LABEL)
        if not service or labels.get(MANAGED_BY_LABEL) == SLICE_CONTROLLER or data.get("addressType") == "FQDN":
            return None
        namespace = metadata.get("namespace") or "default"
        return cls(
            NamespacedName(namespace, metadata["name"]),
            NamespacedName(namespace, service),
            tuple(_slice_ports(data)),
            tuple(_slice_endpoints(data)),
        )


def written_slices(
    slices: Iterable[Mapping[str, Any]], endpoints: Iterable[Mapping[str, Any]], services: Iterable[Service]
) -> tuple[EndpointSlice, ...]:
    """Return the slices that no controller derives from pods, and those that mirror Endpoints.

    Endpoints are mirrored if there is a Service of their name without a selector.
    """
    parsed = filter(None, map(EndpointSlice.parse, slices))
    manual = {service.ref for service in services if service.selector is None and not service.external_name}
    mirrored = (slice_ for data in endpoints for slice_ in mirrored_slices(data) if slice_.service in manual)
    return (*parsed, *mirrored)


def ready_endpoints(slices: Iterable[Mapping[str, Any]]) -> dict[NamespacedName, bool]:
    """Return for each Service with slices, of any controller, whether one of its endpoints is ready."""
    found: dict[NamespacedName, bool] = {}
    for data in slices:
        metadata = data["metadata"]
        name = (metadata.get("labels") or {}).get(SERVICE_NAME_LABEL)
        if name:
            service = NamespacedName(metadata.get("namespace") or "default", name)
            found[service] = found.get(service, False) or any(endpoint.ready for endpoint in _slice_endpoints(data))
    return found


def mirrored_slices(data: Mapping[str, Any]) -> tuple[EndpointSlice, ...]:
    """Return a slice for each subset of Endpoints, if they ask to be mirrored."""
    metadata = data["metadata"]
    ref = NamespacedName(metadata.get("namespace") or "default", metadata["name"])
    return tuple(_mirrored(ref, subset) for subset in data.get("subsets") or () if is_mirrored(data))


def _mirrored(ref: NamespacedName, subset: Mapping[str, Any]) -> EndpointSlice:
    ready = [_subset_endpoint(address, ready=True) for address in subset.get("addresses") or ()]
    unready = [_subset_endpoint(address, ready=False) for address in subset.get("notReadyAddresses") or ()]
    return EndpointSlice(ref, ref, tuple(_slice_ports(subset)), (*ready, *unready), mirrored=True)


def is_mirrored(endpoints: Mapping[str, Any]) -> bool:
    """Return whether Endpoints ask to be mirrored, as far as it depends on them alone."""
    metadata = endpoints["metadata"]
    skipped = (metadata.get("labels") or {}).get(SKIP_MIRROR_LABEL) == "true"
    return not skipped and LEADER_ANNOTATION not in (metadata.get("annotations") or {})


def _slice_ports(data: Mapping[str, Any]) -> Iterator[SlicePort]:
    """Yield the ports that have a number; kube-proxy ignores others."""
    for port in data.get("ports") or ():
        if port.get("port"):
            yield SlicePort(port.get("name") or "", Protocol(port.get("protocol") or "TCP"), int(port["port"]))


def _slice_endpoints(data: Mapping[str, Any]) -> Iterator[SliceEndpoint]:
    for entry in data.get("endpoints") or ():
        addresses = tuple(address for address in entry.get("addresses") or () if ip_version(address))
        conditions = entry.get("conditions") or {}
        ready = conditions.get("ready") is not False
        draining = bool(conditions.get("terminating")) and conditions.get("serving", ready) is not False
        if addresses:
            hostname, node = entry.get("hostname") or "", entry.get("nodeName") or ""
            yield SliceEndpoint(addresses, ready, draining, hostname, node)


def _subset_endpoint(address: Mapping[str, Any], *, ready: bool) -> SliceEndpoint:
    hostname, node = address.get("hostname") or "", address.get("nodeName") or ""
    return SliceEndpoint((address["ip"],), ready, hostname=hostname, node=node)
