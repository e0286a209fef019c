"""The two ends of a path: a source, which probes, and a target, which is probed. Pure.

Every kind of end has its own type, so that mypy finds the cases that a ``match`` forgets. Names are logical, as in the
scenario's files.
"""

from dataclasses import dataclass

from netpol_harness.model.names import NamespacedName


@dataclass(frozen=True, slots=True)
class PodSource:
    """The pods of the workload ``ref``: all, or one ``replica`` by its index.

    ``container`` is the one to probe from, empty if any will do. All containers of a pod share its network, and
    policies cannot tell them apart. Their tools and users differ.
    """

    ref: NamespacedName
    container: str = ""
    replica: int | None = None


@dataclass(frozen=True, slots=True)
class NodeSource:
    """The nodes on which the pods of the workload ``ref`` run, or one ``replica``, by a process on the node's network.

    So do the kubelet and, on its node, the API server connect to pods.
    """

    ref: NamespacedName
    replica: int | None = None


@dataclass(frozen=True, slots=True)
class ExternalSource:
    """A host outside the cluster, by its name under ``external``."""

    host: str


Source = PodSource | NodeSource | ExternalSource


@dataclass(frozen=True, slots=True)
class PodTarget:
    """The pods of the workload ``ref``, or one ``replica``, by their addresses. ``port`` is 0 for ICMP."""

    ref: NamespacedName
    port: int
    replica: int | None = None


@dataclass(frozen=True, slots=True)
class ServiceTarget:
    """A Service by its short DNS name. ``port`` is the Service's own."""

    ref: NamespacedName
    port: int


@dataclass(frozen=True, slots=True)
class FqdnTarget:
    """A Service by its name within the cluster's domain (``name.namespace.svc[.cluster.local]``)."""

    ref: NamespacedName
    port: int


@dataclass(frozen=True, slots=True)
class ClusterIPTarget:
    """A Service by its ClusterIP. ``port`` is the Service's own."""

    ref: NamespacedName
    port: int


@dataclass(frozen=True, slots=True)
class LoadBalancerTarget:
    """A Service by the address of its load balancer, else by its first ``externalIPs``. ``port`` is the Service's own.

    Nodes may replace the source's address by their own on the way.
    """

    ref: NamespacedName
    port: int


@dataclass(frozen=True, slots=True)
class NodePortTarget:
    """The address of the node on which the pod ``ref`` runs, or one ``replica`` of it.

    ``port`` is a Service's ``nodePort`` or a container's ``hostPort``.
    """

    ref: NamespacedName
    port: int
    replica: int | None = None


@dataclass(frozen=True, slots=True)
class ExternalTarget:
    """A host outside the cluster; ``host`` is its name under ``external``. ``port`` is 0 for ICMP.

    It is reached by its address, or if ``name`` is not empty by this domain name, which has the same address.
    """

    host: str
    port: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class AddressTarget:
    """A literal address that belongs to no external host of the scenario. ``port`` is 0 for ICMP."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class NameServerTarget:
    """The name server that the look-ups of the source go to, by the address in its resolv.conf."""

    port: int


DnsTarget = ServiceTarget | FqdnTarget
"""Targets whose name must be resolved before a connection is opened."""

InternalServiceTarget = DnsTarget | ClusterIPTarget
"""Targets behind a Service. Policies see the probing pod as the source of the connection."""

AnyServiceTarget = InternalServiceTarget | LoadBalancerTarget
"""Targets behind a Service, at any of its addresses."""

Target = PodTarget | AnyServiceTarget | NodePortTarget | NameServerTarget | ExternalTarget | AddressTarget
