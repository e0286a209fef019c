"""Namespaces and pods, as far as connectivity depends on them, and ``World``, one snapshot of all.

They are parsed from plain API dicts (core/v1). Absent, null and empty values are unified here and nowhere else.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from netpol_harness.model.cluster_policy import ClusterNetworkPolicy
from netpol_harness.model.endpoint_slices import EndpointSlice, written_slices
from netpol_harness.model.labels import Labels
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.nodes import Node
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.model.served_ports import probed_ports, target_ports
from netpol_harness.model.services import Service
from netpol_harness.wellknown import DEPLOYMENT_CONFIG_LABEL, NAMESPACE_NAME_LABEL


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace and its labels. Every real namespace has ``kubernetes.io/metadata.name``.

    If not all ``labels_known``, it may have any other label too: nothing declares it.
    """

    name: str
    labels: Labels
    labels_known: bool = True

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "Namespace":
        """Read a core/v1 Namespace, and add the name label if the API server has not done so yet."""
        name = data["metadata"]["name"]
        return cls(name, {**(data["metadata"].get("labels") or {}), NAMESPACE_NAME_LABEL: name})


@dataclass(frozen=True, slots=True)
class ContainerPort:
    """A port on which a container listens; ``name`` is empty if it has none.

    ``host_port`` is the port of the node that leads to it, 0 if none; ``host_ip`` the only address of the node at which
    it does, empty for all.
    """

    port: Port
    name: str = ""
    host_port: int = 0
    host_ip: str = ""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod as the network sees it. ``addresses`` are its podIPs, empty while it has none.

    ``ports`` are those on which it listens (``model.served_ports``); names are those of declared ports.

    ``host_network`` pods share their node's address; a policy neither selects them nor knows them as peers.
    ``controller`` is the name of the pod's controller in its manifest, empty if it has none. ``node_address`` is the
    address of its node, empty while it is not known. ``name_servers`` are the addresses that it asks in place of the
    cluster's name server (``dnsPolicy: None``), if it has any. ``ready`` pods get the traffic of Services.
    """

    ref: NamespacedName
    labels: Labels
    ports: tuple[ContainerPort, ...] = ()
    addresses: tuple[str, ...] = ()
    node: str = ""
    host_network: bool = False
    running: bool = True
    succeeded: bool = False
    controller: str = ""
    node_address: str = ""
    name_servers: tuple[str, ...] = ()
    ready: bool = True

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "Pod":
        """Read a core/v1 Pod. Succeeded and Failed pods are not ``running``: they no longer own their addresses."""
        metadata, spec, status = data["metadata"], data["spec"], data.get("status") or {}
        return cls(
            ref=NamespacedName(metadata.get("namespace") or "default", metadata["name"]),
            labels=metadata.get("labels") or {},
            ports=container_ports(spec),
            addresses=tuple(entry["ip"] for entry in status.get("podIPs") or ()),
            node=spec.get("nodeName") or "",
            host_network=bool(spec.get("hostNetwork")),
            running=status.get("phase") not in ("Succeeded", "Failed"),
            succeeded=status.get("phase") == "Succeeded",
            controller=_controller(metadata),
            node_address=status.get("hostIP") or "",
            name_servers=name_servers(spec),
            ready=all(c["status"] == "True" for c in status.get("conditions") or () if c["type"] == "Ready"),
        )

    @property
    def workload(self) -> NamespacedName:
        """The name of the workload that the pod belongs to: its controller, or itself."""
        return NamespacedName(self.ref.namespace, self.controller or self.ref.name)

    def numbers(self, name: str, protocol: Protocol) -> frozenset[int]:
        """Return the port numbers that this pod declares under ``name`` with this protocol; empty if it has none."""
        return frozenset(p.port.number for p in self.ports if p.name and p.name == name and p.port.protocol is protocol)


def _controller(metadata: Mapping[str, Any]) -> str:
    """Return the name of a pod's controller.

    That of a Deployment's ReplicaSet is the Deployment's plus a hash. That of a DeploymentConfig's
    ReplicationController is the DeploymentConfig's plus a number.
    """
    labels = metadata.get("labels") or {}
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("controller"):
            name = str(owner["name"])
            if owner["kind"] == "ReplicationController":
                return str(labels.get(DEPLOYMENT_CONFIG_LABEL, name))
            return name.rpartition("-")[0] if owner["kind"] == "ReplicaSet" and "pod-template-hash" in labels else name
    return ""


def name_servers(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the addresses of the name servers that a pod spec chooses in place of the cluster's; none if it does not.

    Addresses that ``dnsConfig`` adds to the cluster's are asked only if that one does not answer.
    """
    config = spec.get("dnsConfig") or {}
    return tuple(config.get("nameservers") or ()) if spec.get("dnsPolicy") == "None" else ()


def container_ports(spec: Mapping[str, Any]) -> tuple[ContainerPort, ...]:
    """Return the declared and probed ports of the containers that run as long as the pod does."""
    containers = running_containers(spec)
    declared = tuple(_container_port(port) for container in containers for port in container.get("ports") or ())
    return with_ports(declared, (port for container in containers for port in probed_ports(container)))


def running_containers(spec: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the containers of a pod spec, and its restartable init containers (sidecars)."""
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    return [*(spec.get("containers") or ()), *sidecars]


def with_ports(known: tuple[ContainerPort, ...], more: Iterable[Port]) -> tuple[ContainerPort, ...]:
    """Return the known ports, and those of ``more`` that are not among them, without names."""
    numbers = {entry.port for entry in known}
    return (*known, *(ContainerPort(port) for port in dict.fromkeys(more) if port not in numbers))


def with_target_ports(pod: Pod, services: Iterable[Service]) -> Pod:
    """Return the pod with the ports to which the Services that select it send."""
    return replace(pod, ports=with_ports(pod.ports, target_ports(pod.ref.namespace, pod.labels, services)))


def _container_port(data: Mapping[str, Any]) -> ContainerPort:
    host_ip = data.get("hostIP") or ""
    return ContainerPort(
        Port(Protocol(data.get("protocol") or "TCP"), int(data["containerPort"])),
        data.get("name") or "",
        int(data.get("hostPort") or 0),
        "" if host_ip in _EVERY_ADDRESS else host_ip,
    )


_EVERY_ADDRESS = ("", "0.0.0.0", "::")
"""Values of ``hostIP`` that stand for all addresses of the node."""


@dataclass(frozen=True, slots=True)
class World:
    """One snapshot of everything that decides connectivity.

    ``endpoint_slices`` are those that are not derived from the pods of ``services``. ``nodes`` may be empty if they are
    not known. ``domain_names`` maps names in lower case, without the final dot, to the addresses that name servers
    answer.
    """

    namespaces: Mapping[str, Namespace] = field(default_factory=dict)
    pods: Mapping[NamespacedName, Pod] = field(default_factory=dict)
    services: Mapping[NamespacedName, Service] = field(default_factory=dict)
    policies: tuple[NetworkPolicy, ...] = ()
    endpoint_slices: tuple[EndpointSlice, ...] = ()
    cluster_policies: tuple[ClusterNetworkPolicy, ...] = ()
    nodes: Mapping[str, Node] = field(default_factory=dict)
    domain_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def parse(cls, objects: Sequence[Mapping[str, Any]]) -> "World":
        """Read a list of API objects of any kind. Kinds that do not affect connectivity are ignored."""
        by_kind: dict[str, list[Mapping[str, Any]]] = {}
        for data in objects:
            by_kind.setdefault(data.get("kind", ""), []).append(data)
        nodes = [Node.parse(d) for d in by_kind.get("Node", ())]
        namespaces = [Namespace.parse(d) for d in by_kind.get("Namespace", ())]
        pods = [Pod.parse(d) for d in by_kind.get("Pod", ())]
        services = [Service.parse(d) for d in by_kind.get("Service", ())]
        return cls(
            {n.name: n for n in namespaces},
            {p.ref: with_target_ports(p, services) for p in pods},
            {s.ref: s for s in services},
            tuple(NetworkPolicy.parse(d) for d in by_kind.get("NetworkPolicy", ())),
            written_slices(by_kind.get("EndpointSlice", ()), by_kind.get("Endpoints", ()), services),
            tuple(ClusterNetworkPolicy.parse(d) for d in by_kind.get("ClusterNetworkPolicy", ())),
            {node.name: node for node in nodes},
        )
