"""A scenario: the content of its files, read once, checked and frozen. All names are logical, as in the files.

Every ``where`` is ``file:line``, with the file relative to the scenario's directory, so that it does not depend on the
directory in which pytest was started.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from netpol_harness.model.kinds import GroupKind, KindClass, is_cluster_scoped, pod_template
from netpol_harness.model.name_server import NameServer
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.cells import cells
from netpol_harness.paths.diagnostics import Place
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.paths.expectations import cell_path, covered, outward_paths
from netpol_harness.paths.names import Names, ObjectName
from netpol_harness.paths.path import Expectation, ExternalHost, Inventory, PathWithoutVerdict
from netpol_harness.paths.path import Path as NetworkPath
from netpol_harness.paths.readiness import Readiness
from netpol_harness.scenario.family import ApiGroupFamily
from netpol_harness.scenario.node import YamlNode
from netpol_harness.wellknown import CALICO_ADDRESSES_ANNOTATION

SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})
"""Namespaces that every cluster has and that no scenario owns."""

EXTERNAL_NAMESPACE = "external-hosts"
"""The namespace of external hosts on backends that make them out of pods. It is placed like any other namespace."""

NODE_NAMESPACE = "node-network"
"""The namespace of the pods that probe for nodes. It is placed like any other namespace."""


class Others(StrEnum):
    """The verdict for all pod-to-pod paths of a step that no line mentions. ORACLE derives one for each path."""

    BLOCKED = "blocked"
    ALLOWED = "allowed"
    ORACLE = "oracle"
    UNCHECKED = "unchecked"


class Restart(StrEnum):
    """What is restarted on entering a step. AGENT is the network plugin's agent, which turns policies into rules."""

    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One API object as plain data, to be treated as immutable, and the place where it was written.

    ``node`` is the YAML node that it was read from, ``None`` if it was not read from a file. ``name`` has the kind, the
    namespace (``default`` if none is written, empty for cluster-scoped kinds) and the name. ``family`` is that of
    policies that it belongs to, ``None`` if it is not a policy.
    """

    data: Mapping[str, Any]
    where: str
    node: YamlNode | None = field(default=None, compare=False, repr=False)
    name: ObjectName = field(init=False, compare=False, repr=False)
    family: ApiGroupFamily | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Compute the name and the family once: readers of many manifests ask for them again and again."""
        object.__setattr__(self, "name", _object_name(self.data))
        object.__setattr__(self, "family", ApiGroupFamily.of(self.data["kind"], self.data["apiVersion"]))

    @property
    def kind_class(self) -> KindClass:
        """What its kind means for connectivity."""
        return KindClass.of(self.data)

    @property
    def group(self) -> str:
        """The API group, empty for the core group. Kinds of two groups may share a name."""
        return GroupKind.of(self.data).group

    @property
    def pod(self) -> Mapping[str, Any]:
        """The pod or a controller's pod template, with ``metadata`` and ``spec``; empty for other kinds."""
        return pod_template(self.data)

    @property
    def chosen_addresses(self) -> tuple[str, ...]:
        """The addresses that its pod requests by the annotation of Calico's address management."""
        text = ((self.pod.get("metadata") or {}).get("annotations") or {}).get(CALICO_ADDRESSES_ANNOTATION)
        try:
            addresses = json.loads(text) if text else []
        except ValueError:
            return ()
        return tuple(map(str, addresses)) if isinstance(addresses, list) else ()

    def at(self, *names: str | int) -> str:
        """Return ``file:line`` of a part, such as ``at("spec", "ingress", 0)``; of its parent if it is missing."""
        place = self.place(*names) if names else None
        return place.where if place else self.where

    def place(self, *names: str | int) -> Place | None:
        """Return the place of a part, as ``at`` does; ``None`` if the object was not read from a file."""
        node, place = self.node, self.node.place if self.node else None
        for name in names:
            if node is None:
                break
            node = node.get(name) if isinstance(name, str) else next(iter(node.items[name : name + 1]), None)
            place = node.place if node else place
        return place


def _object_name(data: Mapping[str, Any]) -> ObjectName:
    metadata, kind = data["metadata"], GroupKind.of(data)
    namespace = "" if is_cluster_scoped(kind) else metadata.get("namespace") or "default"
    return ObjectName(str(kind), NamespacedName(namespace, metadata["name"]))


@dataclass(frozen=True, slots=True)
class Relabel:
    """Labels that a workload's pods or a namespace have in a step, beyond those of the manifest.

    ``None`` removes a label.
    """

    name: ObjectName
    labels: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Step:
    """One complete state of the cluster and the verdicts that are expected in it.

    ``policies`` are all policies in force. ``readiness`` tells which pods must be Ready, or must not be. ``recreate``
    are workloads whose pods are deleted and created again on entering, ``relaunched`` controllers whose pods are
    replaced then because they get other labels. ``absent`` are objects that do not exist. ``inventory`` is what exists:
    pods are relabelled, absent objects left out. If ``repeat`` is above 1, the step before and this one are entered
    that many times in turn.

    The verdicts of a ``derived`` step come from the specification. ``paths_without_verdict`` are the paths that get
    one.
    """

    name: str
    where: str
    inventory: Inventory
    expectations: tuple[Expectation, ...] = ()
    others: Others = Others.UNCHECKED
    policies: tuple[Manifest, ...] = ()
    labels: tuple[Relabel, ...] = ()
    recreate: tuple[NamespacedName, ...] = ()
    relaunched: tuple[NamespacedName, ...] = ()
    readiness: tuple[Readiness, ...] = ()
    absent: tuple[ObjectName, ...] = ()
    description: str = ""
    repeat: int = 1
    restart: Restart | None = None
    derived: bool = False
    paths_without_verdict: tuple[PathWithoutVerdict, ...] = ()

    @property
    def paths(self) -> tuple[NetworkPath, ...]:
        """All paths that the step lists or derives, with a verdict or without, each once."""
        listed = [expectation.path for expectation in self.expectations]
        return tuple(dict.fromkeys([*listed, *(unjudged.path for unjudged in self.paths_without_verdict)]))

    def without_pods_of(self, workloads: Collection[NamespacedName]) -> "Step":
        """Return the same step, given that these workloads have no pods: its closed world leaves them out."""
        known = self.inventory.workloads
        gone = {ref: replace(known[ref], replicas=0) for ref in workloads}
        return replace(self, inventory=replace(self.inventory, workloads={**known, **gone})) if gone else self

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the capabilities that entering the step needs, in addition to those that the scenario requires.

        Policies that the oracle does not read are not among them: only what they may govern needs their capability.
        """
        families = dict.fromkeys(manifest.family for manifest in self.policies)
        restart = ("restart of the policy agent",) if self.restart is Restart.AGENT else ()
        return (*(f.value for f in families if f and f.needs_capability and not f.is_foreign), *restart)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A directory of manifests and its steps. ``name`` is the directory's, ``file`` the scenario.yaml.

    ``timeouts`` holds seconds for fields of ``timeouts.Timeouts``. ``requires`` holds names of capabilities: those that
    its author lists, and those that its workloads need. ``name_server`` is the one that its author expects, which a
    cluster may contradict. ``marks`` maps pytest's markers to where they are written.

    A ``derived`` scenario has no scenario.yaml: ``file`` names its manifests, or would be in their folder. Its
    manifests need not declare their namespaces: the labels of ``assumed_namespaces`` are not known. ``not_manifests``
    are the files in its folders that are not manifests.
    """

    name: str
    title: str
    file: Path
    workloads: tuple[Manifest, ...]
    steps: tuple[Step, ...]
    inventory: Inventory
    description: str = ""
    exclusive: bool = False
    requires: tuple[str, ...] = ()
    timeouts: Mapping[str, float] = field(default_factory=dict)
    name_server: NameServer = field(default_factory=NameServer)
    marks: Mapping[str, str] = field(default_factory=dict)
    derived: bool = False
    assumed_namespaces: frozenset[str] = frozenset()
    not_manifests: tuple[str, ...] = ()

    @property
    def externals(self) -> tuple[ExternalHost, ...]:
        """The hosts outside the cluster."""
        return tuple(self.inventory.externals.values())

    @property
    def has_domain_names(self) -> bool:
        """Whether the cluster's name server has to answer names of its own in some step."""
        return any(step.inventory.domain_records for step in self.steps)

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The logical namespaces that hold its objects or external hosts, and those that it defines, sorted.

        The cluster's own namespaces are not among them.
        """
        everything = [*self.workloads, *(policy for step in self.steps for policy in step.policies)]
        names = {m.name.ref.name if m.name.kind == "Namespace" else m.name.ref.namespace for m in everything}
        outside = {EXTERNAL_NAMESPACE} if self.inventory.externals or self.has_domain_names else set()
        return tuple(sorted((names | outside) - SYSTEM_NAMESPACES - {""}))


def closed_world(step: Step) -> tuple[NetworkPath, ...]:
    """Return every ordered pair of workloads, with every port that the target serves, as paths to the pod.

    Strangers include a host outside the cluster, as a source and as a target. Cells that an expectation of the step
    covers, directly or through a Service, are left out. Paths without a verdict cover nothing, since that depends on
    their verdicts.
    """
    endpoints = EndpointResolver(step.inventory.world(), step.inventory.host_addresses)
    covered_cells = covered(((e.path, e.expected) for e in step.expectations), endpoints)
    names = Names(step.inventory, frozenset(step.absent))
    inner = (cell_path(cell, names) for cell in cells(step.inventory) if cell not in covered_cells)
    listed = {expectation.path for expectation in step.expectations}
    return (*inner, *(path for path in outward_paths(step.inventory, names) if path not in listed))


def cluster_policies(step: Step) -> tuple[Manifest, ...]:
    """Return the ClusterNetworkPolicies."""
    return tuple(manifest for manifest in step.policies if manifest.family is ApiGroupFamily.CLUSTER)


def network_policies(step: Step) -> tuple[Manifest, ...]:
    """Return the policies of networking.k8s.io, without those of administrators' and network plugins' APIs."""
    return tuple(manifest for manifest in step.policies if manifest.family is ApiGroupFamily.KUBERNETES)
