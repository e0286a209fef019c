"""A path and its parts, and the names that paths may use. Pure.

Values hold resolved, logical names, as the scenario's files spell them. ``paths.grammar`` reads their text and
``paths.resolver`` looks its names up.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from netpol_harness.model.cluster_services import cluster_services
from netpol_harness.model.domain_names import Records, followed, resolved
from netpol_harness.model.endpoint_slices import EndpointSlice
from netpol_harness.model.labels import Labels
from netpol_harness.model.name_server import NameServer
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.nodes import Node
from netpol_harness.model.objects import ContainerPort, Pod, World
from netpol_harness.model.services import Service
from netpol_harness.paths.ends import ExternalSource, ExternalTarget, Source, Target
from netpol_harness.paths.outcome import Expected
from netpol_harness.wellknown import POD_INDEX_LABEL, POD_NAME_LABEL

MOST_REPLICAS = 100
"""How many pods of one workload a predicted snapshot has at most."""


class Scheme(StrEnum):
    """The protocol of a probe. HTTP and HTTPS are TCP, probed with an HTTP client."""

    TCP = "tcp"
    HTTP = "http"
    HTTPS = "https"
    UDP = "udp"
    SCTP = "sctp"
    ICMP = "icmp"

    @property
    def protocol(self) -> Protocol:
        """The transport protocol that a policy sees."""
        return Protocol.TCP if self in (Scheme.HTTP, Scheme.HTTPS) else Protocol(self.value.upper())


class ProbeMode(StrEnum):
    """When a path is probed, and by which connections. The value is the word before the source.

    NEW           new connections, once the step is entered
    PERSISTENT    one connection, opened in the first step that has the path and kept open through the last
    FIRST_PACKET  the first packets from or to a pod of the path, while it starts
    CONTINUOUS    new connections one after another, from before the step is entered until it has settled
    """

    NEW = ""
    PERSISTENT = "held"
    FIRST_PACKET = "first"
    CONTINUOUS = "throughout"


@dataclass(frozen=True, slots=True)
class Path:
    """One path: its source, the protocol, and its target.

    ``source_text`` and ``target_text`` are the canonical spelling of its two sides, the first with the probe mode. They
    are ignored in comparisons, but equal paths of one step have equal texts. ``source_port`` is 0 for any port.
    """

    source: Source
    scheme: Scheme
    target: Target
    source_text: str = field(compare=False)
    target_text: str = field(compare=False)
    mode: ProbeMode = ProbeMode.NEW
    source_port: int = 0

    @property
    def text(self) -> str:
        """The canonical spelling, which is also the name of the path's test."""
        return f"{self.source_text} -> {self.target_text}"

    @property
    def port(self) -> Port:
        """The port of the target as it is typed: a Service's own port for Services, 0 for ICMP."""
        return Port(self.scheme.protocol, self.target.port)

    @property
    def external_hosts(self) -> tuple[str, ...]:
        """The names of the external hosts at its ends, the source first."""
        ends = (self.source, self.target)
        return tuple(end.host for end in ends if isinstance(end, ExternalSource | ExternalTarget))

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Expectation:
    """A path, the expected verdict, and the place where an author wrote it (``file:line``)."""

    path: Path
    expected: Expected
    where: str


@dataclass(frozen=True, slots=True)
class PathWithoutVerdict:
    """A path that an author wrote without a verdict, which is to be derived, and the place (``file:line``)."""

    path: Path
    where: str


@dataclass(frozen=True, slots=True)
class Workload:
    """A Pod, or a controller of pods such as a Deployment, under the name in its manifest.

    ``replicas`` pods exist at run time; a path from or to the workload is probed for every one of them. Pods on their
    node's network (``host_network``) are probed if a line names them. ``any`` and the closed world leave them out,
    because the effect of policies on them is undefined.

    ``containers`` are the names of those that run as long as a pod does, ``init_containers`` those that end before. A
    stranger is a pod that no manifest names (``scenario.strangers``). ``first_index`` is the index of its first pod,
    which a StatefulSet may choose. ``is_ready`` tells whether its pods should become Ready.
    """

    ref: NamespacedName
    kind: str
    labels: Labels
    ports: tuple[ContainerPort, ...]
    replicas: int = 1
    host_network: bool = False
    containers: tuple[str, ...] = ()
    init_containers: tuple[str, ...] = ()
    is_stranger: bool = False
    first_index: int = 0
    is_ready: bool = True

    @property
    def in_closed_world(self) -> bool:
        """Whether ``any`` and the closed world include it: it has pods, on the pod network, that become Ready."""
        return self.replicas > 0 and not self.host_network and self.is_ready

    @property
    def is_on_request(self) -> bool:
        """Whether it has no pods before it is run. Predictions are about the pods that it then has."""
        return self.kind == "CronJob"

    @property
    def replica_names(self) -> tuple[NamespacedName, ...]:
        """The names of its pods in a predicted snapshot: its own, or ``NAME/0``, ``NAME/1``, ... if it has several.

        A slash is in no name of the API, so that none of them is also that of another pod.
        """
        if self.replicas < 2 or self.kind == "DaemonSet":
            return (self.ref,) if self.replicas else ()
        return tuple(NamespacedName(self.ref.namespace, f"{self.ref.name}/{index}") for index in self.replica_indexes)

    @property
    def replica_indexes(self) -> range:
        """The indexes by which paths name its pods: those of a StatefulSet's pod names, else from 0."""
        count = min(self.replicas, 1 if self.kind == "DaemonSet" else MOST_REPLICAS)
        return range(self.first_index, self.first_index + count)

    @property
    def has_peers(self) -> bool:
        """Whether its pods can be asked from each other: it certainly has two of them, on the pod network."""
        return self.in_closed_world and len(self.replica_names) > 1

    @property
    def is_one_pod(self) -> bool:
        """Whether it certainly is a single pod; the number of a DaemonSet's pods depends on the nodes."""
        return self.replicas == 1 and self.kind != "DaemonSet"


@dataclass(frozen=True, slots=True)
class ExternalHost:
    """A host outside the cluster. ``address`` is empty if the harness may choose it; ``ports`` are those it serves.

    A stranger is one that no scenario names (``scenario.strangers``).
    """

    name: str
    address: str = ""
    ports: tuple[ContainerPort, ...] = ()
    is_stranger: bool = False


@dataclass(frozen=True, slots=True)
class KnownAddresses:
    """The known addresses of ``pods`` and of their ``nodes``, by workload, and of external ``hosts``, by name.

    ``name_server`` is the cluster's. ``api_addresses`` are those of the API server's Service, and ``api_sockets`` the
    addresses and ports behind it. ``node_objects`` are the nodes of the cluster, empty if they are not known, and
    ``node_names`` the names of those that run pods of a workload on their network.
    """

    pods: Mapping[NamespacedName, Sequence[str]] = field(default_factory=dict)
    hosts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    name_server: NameServer | None = None
    nodes: Mapping[NamespacedName, Sequence[str]] = field(default_factory=dict)
    api_addresses: tuple[str, ...] = ()
    api_sockets: tuple[tuple[str, int], ...] = ()
    node_objects: tuple[Node, ...] = ()
    node_names: Mapping[NamespacedName, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inventory:
    """All names that a path may use. ``default_namespace`` is that of a bare name.

    ``endpoint_slices`` are those that say what Services without a selector lead to. ``cluster_services`` are those that
    no scenario makes. ``domain_records`` are the names outside the cluster that its name server answers.
    """

    workloads: Mapping[NamespacedName, Workload]
    services: Mapping[NamespacedName, Service]
    externals: Mapping[str, ExternalHost]
    default_namespace: str = "default"
    endpoint_slices: tuple[EndpointSlice, ...] = ()
    cluster_services: tuple[Service, ...] = cluster_services(NameServer())
    domain_records: Records = field(default_factory=dict)

    def empty_by_design(self, service: Service) -> tuple[Workload, ...]:
        """Return the workloads that a Service selects, if none of them has Ready pods; none if it may have endpoints.

        Pods that nobody declares, such as those of an operator, may be behind a Service that selects no workload.
        """
        behind = tuple(w for w in self.workloads.values() if service.selects(w.ref.namespace, w.labels))
        written = any(part.service == service.ref for part in self.endpoint_slices)
        may_answer = any(w.replicas and w.is_ready for w in behind) or service.publish_not_ready
        return () if written or service.headless or may_answer else behind

    @property
    def host_addresses(self) -> Mapping[str, Sequence[str]]:
        """The chosen addresses of all external hosts, by name; the harness chooses that of a host that has none."""
        return {host.name: tuple(filter(None, (host.address,))) for host in self.externals.values()}

    def host_named(self, name: str) -> str:
        """Return the external host whose address is the only one of a domain name; empty if there is none."""
        record = followed(name, self.domain_records)
        entries = record.addresses if record else ()
        return entries[0] if len(entries) == 1 and entries[0] in self.externals else ""

    def domain_names(self, hosts: Mapping[str, Sequence[str]] | None = None) -> Mapping[str, tuple[str, ...]]:
        """Return the addresses of each domain name, given the known addresses of external hosts beside chosen ones."""
        return resolved(self.domain_records, {**self.host_addresses, **(hosts or {})})

    def world(self, addresses: Mapping[NamespacedName, Sequence[str]] | None = None) -> World:
        """Return the snapshot of its workloads, Services, EndpointSlices and domain names.

        Its pods are named by ``Workload.replica_names``, and have the addresses that are passed for their workload, or
        none. There are no namespaces and no policies.
        """
        known = addresses or {}
        pods = (pod for w in self.workloads.values() for pod in _pods(w, known.get(w.ref, ())))
        return World(
            pods={pod.ref: pod for pod in pods},
            services=self.services,
            endpoint_slices=self.endpoint_slices,
            domain_names=self.domain_names(),
        )


def _pods(workload: Workload, addresses: Sequence[str]) -> Iterator[Pod]:
    for index, name in zip(workload.replica_indexes, workload.replica_names, strict=True):
        yield Pod(
            name,
            {**workload.labels, **_ordinal_labels(workload, index)},
            workload.ports,
            tuple(addresses),
            host_network=workload.host_network,
            controller="" if name == workload.ref else workload.ref.name,
            ready=workload.is_ready,
        )


def _ordinal_labels(workload: Workload, index: int) -> Labels:
    """Return the labels that tell the pods of a StatefulSet apart (kubernetes.io/docs/concepts: StatefulSets)."""
    if workload.kind != "StatefulSet":
        return {}
    return {POD_NAME_LABEL: f"{workload.ref.name}-{index}", POD_INDEX_LABEL: str(index)}
