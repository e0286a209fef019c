"""The name server of a cluster: the pods, or the host, that look-ups of pods arrive at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from netpol_harness.model.labels import Labels
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import ContainerPort, Namespace, Pod
from netpol_harness.model.services import Service, ServicePort
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL

_DNS = 53
"""The port at which pods ask."""

KUBE_DNS = NamespacedName("kube-system", "kube-dns")


def _kube_dns_labels() -> Labels:
    return {"k8s-app": "kube-dns"}


@dataclass(frozen=True, slots=True)
class NameServer:
    """Where pods look names up, as policies see it.

    Pods with ``labels`` answer at their own ``port``, behind the addresses ``cluster_ips`` of the Service ``service``,
    whose namespace has ``namespace_labels``. But if ``address`` is not empty, a host has it and answers at port 53; it
    is the pod's own node if the address is link-local, as with NodeLocal DNSCache.
    """

    service: NamespacedName = KUBE_DNS
    labels: Labels = field(default_factory=_kube_dns_labels, hash=False)
    port: int = _DNS
    namespace_labels: Labels = field(default_factory=dict, hash=False)
    address: str = ""
    cluster_ips: tuple[str, ...] = ()

    @property
    def on_node(self) -> bool:
        """Whether it is on the node of the pod that asks."""
        return bool(self.address) and ip_address(self.address).is_link_local

    @property
    def own_port(self) -> Port:
        """The port at which its pods, or the host, answer. Resolvers use TCP only for answers that are too large."""
        return Port(Protocol.UDP, _DNS if self.address else self.port)

    @property
    def namespace(self) -> Namespace:
        """The namespace of its pods."""
        name = self.service.namespace
        return Namespace(name, {**self.namespace_labels, NAMESPACE_NAME_LABEL: name})

    @property
    def pod(self) -> Pod:
        """The pod that stands for all of its pods, under the name of the Service."""
        ports = (ContainerPort(Port(p, self.port), name) for p, name in _PORT_NAMES.items())
        return Pod(self.service, self.labels, tuple(ports))

    @property
    def front(self) -> Service:
        """The Service in front of its pods."""
        ports = (ServicePort(Port(p, _DNS), self.port, name) for p, name in _PORT_NAMES.items())
        return Service(self.service, self.labels, tuple(ports), self.cluster_ips)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "namespace": self.service.namespace,
            "service": self.service.name,
            "labels": dict(self.labels),
            "port": self.port,
            "namespaceLabels": dict(self.namespace_labels),
            "address": self.address,
            "clusterIPs": list(self.cluster_ips),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "NameServer":
        """Read what ``as_json`` wrote, or a part of it: the rest is that of ``kube-system/kube-dns``."""
        ref = NamespacedName(data.get("namespace") or KUBE_DNS.namespace, data.get("service") or KUBE_DNS.name)
        return cls(
            ref,
            data["labels"] if "labels" in data else _kube_dns_labels(),
            data.get("port") or _DNS,
            data.get("namespaceLabels") or {},
            data.get("address") or "",
            tuple(data.get("clusterIPs") or ()),
        )


_PORT_NAMES = {Protocol.UDP: "dns", Protocol.TCP: "dns-tcp"}
