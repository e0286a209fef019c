"""A path and what it is made of, and the names that it may use. Pure.

Values hold resolved, logical names, as the scenario's files spell them. ``paths.grammar`` reads their text and
``paths.resolver`` looks its names up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from netpol_harness.model.labels import Labels
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import ContainerPort, Pod, Service, World
from netpol_harness.paths.ends import ExternalSource, ExternalTarget, Source, Target
from netpol_harness.paths.outcome import Expected


class Scheme(StrEnum):
    """How a path is asked. HTTP is TCP asked by an HTTP client."""

    TCP = "tcp"
    HTTP = "http"
    UDP = "udp"
    SCTP = "sctp"
    ICMP = "icmp"

    @property
    def protocol(self) -> Protocol:
        """The transport protocol that a policy sees."""
        return Protocol.TCP if self is Scheme.HTTP else Protocol(self.value.upper())


class ProbeMode(StrEnum):
    """When a path is asked, and by what connection; the value is the word before the source.

    NEW         by new connections, once the step is entered
    PERSISTENT    by one connection, opened in the first step that has the path and kept open through the last
    FIRST_PACKET  as a pod of the path starts: the first packets from it, or to it
    CONTINUOUS    by new connections one after another, from before the step is entered until it has settled
    """

    NEW = ""
    PERSISTENT = "held"
    FIRST_PACKET = "first"
    CONTINUOUS = "throughout"


@dataclass(frozen=True, slots=True)
class Path:
    """One path: what asks, how, and what is asked.

    ``source_text`` and ``target_text`` are the canonical spelling of its two sides, the probe mode with the source.
    They take no part in comparisons; equal paths of one step have equal text. ``source_port`` is 0 where any will do.
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
        """The port that is asked, as the target's side knows it: a Service's port for Services, 0 for ICMP."""
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
    """A path, the word for it, and where an author wrote it (``file:line``)."""

    path: Path
    expected: Expected
    where: str


@dataclass(frozen=True, slots=True)
class PathWithoutVerdict:
    """A path that an author asks without a word for it, and where (``file:line``): the word is to be derived."""

    path: Path
    where: str


@dataclass(frozen=True, slots=True)
class Workload:
    """Something that has pods: a Pod, or a controller such as a Deployment, under the name that its manifest gives it.

    ``replicas`` pods exist at run time; a path from or to the workload is asked of every one of them. Pods on their
    node's network (``host_network``) are asked where a line names them; ``any`` and the closed world leave them out,
    since what policies mean for them is undefined.
    """

    ref: NamespacedName
    kind: str
    labels: Labels
    ports: tuple[ContainerPort, ...]
    replicas: int = 1
    host_network: bool = False

    @property
    def in_closed_world(self) -> bool:
        """Whether ``any`` and the closed world speak of its pods: it has some, on the pod network."""
        return self.replicas > 0 and not self.host_network

    @property
    def is_one_pod(self) -> bool:
        """Whether it is surely a single pod; how many a DaemonSet has is for the nodes to say."""
        return self.replicas == 1 and self.kind != "DaemonSet"


@dataclass(frozen=True, slots=True)
class ExternalHost:
    """A host outside the cluster. ``address`` is empty where any will do; ``ports`` are those it serves."""

    name: str
    address: str = ""
    ports: tuple[ContainerPort, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownAddresses:
    """Addresses that are known of the ``pods`` of workloads, and of external ``hosts`` by their names."""

    pods: Mapping[NamespacedName, Sequence[str]] = field(default_factory=dict)
    hosts: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inventory:
    """All names that a path may use. ``default_namespace`` completes a bare name."""

    workloads: Mapping[NamespacedName, Workload]
    services: Mapping[NamespacedName, Service]
    externals: Mapping[str, ExternalHost]
    default_namespace: str = "default"

    def world(self, addresses: Mapping[NamespacedName, Sequence[str]] | None = None) -> World:
        """Its workloads and Services as a snapshot: one pod, named like the workload, stands for all of its pods.

        A pod has the addresses given here, or none. Namespaces and policies are for others to add.
        """
        known = addresses or {}
        pods = {
            w.ref: Pod(w.ref, w.labels, w.ports, tuple(known.get(w.ref, ())), host_network=w.host_network)
            for w in self.workloads.values()
            if w.replicas
        }
        return World(pods=pods, services=self.services)
