"""Services (core/v1), as far as connectivity depends on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_network
from typing import Any

from netpol_harness.model.labels import Labels
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.policy import Network


class TrafficPolicy(StrEnum):
    """Which endpoints a Service sends traffic to: those of the whole cluster, or of the node that it arrives at."""

    CLUSTER = "Cluster"
    LOCAL = "Local"


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of a Service. ``target`` is a number or the name of a container port; ``node_port`` is 0 if none."""

    port: Port
    target: int | str
    name: str = ""
    node_port: int = 0


@dataclass(frozen=True, slots=True)
class Service:
    """A Service. ``selector`` is ``None`` if the Service selects nothing: EndpointSlices alone say what it leads to.

    ``cluster_ips`` is empty for a headless Service and for one that the API server has not seen yet. ``external_name``
    is the name that the Service's own is an alias of; such a Service has no address. ``external_ips`` and
    ``load_balancer_ips`` are further addresses of its ports. ``balanced``: it is to have some of the latter, and
    ``source_ranges`` limits their clients, unless it is empty. ``load_balancer_proxies`` are the names and addresses
    of load balancers outside the cluster, which open connections of their own (a status with ``hostname``, or with
    ``ipMode: Proxy``). ``affinity_seconds`` is the time for which a client keeps its endpoint, 0 if it does not.
    ``ip_versions`` are those of its ``ipFamilies``, in order.
    """

    ref: NamespacedName
    selector: Labels | None
    ports: tuple[ServicePort, ...]
    cluster_ips: tuple[str, ...] = ()
    headless: bool = False
    external_policy: TrafficPolicy = TrafficPolicy.CLUSTER
    internal_policy: TrafficPolicy = TrafficPolicy.CLUSTER
    external_name: str = ""
    external_ips: tuple[str, ...] = ()
    balanced: bool = False
    load_balancer_ips: tuple[str, ...] = ()
    load_balancer_proxies: tuple[str, ...] = ()
    source_ranges: tuple[Network, ...] = ()
    publish_not_ready: bool = False
    affinity_seconds: int = 0
    ip_versions: tuple[int, ...] = ()

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "Service":
        """Read a core/v1 Service."""
        metadata, spec = data["metadata"], data["spec"]
        kind = spec.get("type") or "ClusterIP"
        is_alias = kind == "ExternalName"
        addresses = () if is_alias else tuple(spec.get("clusterIPs") or filter(None, [spec.get("clusterIP")]))
        is_balanced, has_more = kind == "LoadBalancer", not is_alias and "None" not in addresses
        return cls(
            ref=NamespacedName(metadata.get("namespace") or "default", metadata["name"]),
            selector=None if is_alias else spec.get("selector") or None,
            ports=tuple(_service_port(p) for p in spec.get("ports") or ()),
            cluster_ips=tuple(a for a in addresses if a != "None"),
            headless="None" in addresses,
            external_policy=TrafficPolicy(spec.get("externalTrafficPolicy") or "Cluster"),
            internal_policy=TrafficPolicy(spec.get("internalTrafficPolicy") or "Cluster"),
            external_name=str(spec.get("externalName") or "").rstrip(".").lower() if is_alias else "",
            external_ips=tuple(spec.get("externalIPs") or ()) if has_more else (),
            balanced=is_balanced,
            load_balancer_ips=_load_balancer_ips(data) if is_balanced else (),
            load_balancer_proxies=_load_balancer_proxies(data) if is_balanced else (),
            source_ranges=_networks(spec.get("loadBalancerSourceRanges")) if is_balanced else (),
            publish_not_ready=bool(spec.get("publishNotReadyAddresses")),
            affinity_seconds=_affinity_seconds(spec),
            ip_versions=tuple(4 if family == "IPv4" else 6 for family in spec.get("ipFamilies") or ()),
        )

    def selects(self, namespace: str, labels: Labels) -> bool:
        """Return whether it selects the pods of this namespace that have these labels."""
        return (
            self.selector is not None
            and self.ref.namespace == namespace
            and all(labels.get(key) == value for key, value in self.selector.items())
        )

    @property
    def outside_addresses(self) -> tuple[str, ...]:
        """The addresses at which clients outside the cluster reach its ports."""
        return (*self.load_balancer_ips, *self.external_ips)

    @property
    def addresses(self) -> tuple[str, ...]:
        """All addresses that lead to its endpoints."""
        return (*self.cluster_ips, *self.outside_addresses)


def _service_port(data: Mapping[str, Any]) -> ServicePort:
    number = int(data["port"])
    return ServicePort(
        port=Port(Protocol(data.get("protocol") or "TCP"), number),
        target=data.get("targetPort") or number,
        name=data.get("name") or "",
        node_port=int(data.get("nodePort") or 0),
    )


def _load_balancer_ips(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the addresses that the load balancer reports, except those of proxies, which kube-proxy leaves alone."""
    return tuple(entry["ip"] for entry in _ingress(data) if entry.get("ip") and not _is_proxy(entry))


def _load_balancer_proxies(data: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(entry.get("hostname") or entry["ip"] for entry in _ingress(data) if _is_proxy(entry))


def _ingress(data: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    status = (data.get("status") or {}).get("loadBalancer") or {}
    return status.get("ingress") or ()


def _is_proxy(entry: Mapping[str, Any]) -> bool:
    """Return whether an entry of ``status.loadBalancer.ingress`` is no address that nodes answer themselves."""
    return bool(entry.get("ip") and entry.get("ipMode") == "Proxy") or bool(
        entry.get("hostname") and not entry.get("ip")
    )


def _networks(ranges: Sequence[str] | None) -> tuple[Network, ...]:
    return tuple(ip_network(text.strip(), strict=False) for text in ranges or ())


_AFFINITY_SECONDS = 10_800
"""``sessionAffinityConfig.clientIP.timeoutSeconds`` by default."""


def _affinity_seconds(spec: Mapping[str, Any]) -> int:
    if spec.get("sessionAffinity") != "ClientIP":
        return 0
    config = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
    return int(config.get("timeoutSeconds") or _AFFINITY_SECONDS)
