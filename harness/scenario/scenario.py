"""A scenario: what its files say, read once, checked, frozen. All names are logical, as the files have them.

Every ``where`` is ``file:line`` with the file relative to the scenario's directory, so that it does not depend on where
pytest was started.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from harness.matrix.expect import cell_path, covered
from harness.matrix.names import Names, ObjectName
from harness.matrix.path import Expectation, ExternalHost, Inventory
from harness.matrix.path import Path as NetworkPath
from harness.matrix.reach import cells
from harness.model.flow import Direction, PodRef
from harness.model.policy import NetworkPolicy

SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})
"""Namespaces that every cluster has and no scenario owns."""

CLUSTER_SCOPED = frozenset(
    {
        "AdminNetworkPolicy",
        "APIService",
        "BaselineAdminNetworkPolicy",
        "ClusterNetworkPolicy",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "GlobalNetworkPolicy",
        "GlobalNetworkSet",
        "IngressClass",
        "IPPool",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "RuntimeClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    }
)
"""Kinds whose objects are in no namespace, as far as network scenarios use them."""


EXTERNAL_NAMESPACE = "external-hosts"
"""Where a backend that makes external hosts out of pods keeps them; placed like any other namespace."""


class Others(StrEnum):
    """The word for all pod-to-pod paths of a step that no line mentions."""

    BLOCKED = "blocked"
    ALLOWED = "allowed"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One API object as plain data, to be treated as immutable, and where it was written."""

    data: Mapping[str, Any]
    where: str

    @property
    def name(self) -> ObjectName:
        """Kind, namespace (completed, empty for cluster-scoped kinds) and name."""
        metadata = self.data["metadata"]
        kind = self.data["kind"]
        namespace = "" if kind in CLUSTER_SCOPED else metadata.get("namespace") or "default"
        return ObjectName(kind, PodRef(namespace, metadata["name"]))


@dataclass(frozen=True, slots=True)
class Relabel:
    """Labels that a pod or namespace has in a step beyond its manifest's; ``None`` takes a label away."""

    name: ObjectName
    labels: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Step:
    """One complete state of the cluster and what is expected of it.

    ``policies`` are all that are in force. ``recreate`` are pods deleted and made again on entering; ``absent`` are
    objects that do not exist. ``inventory`` is what exists: pods relabelled, without what is absent.
    """

    name: str
    where: str
    inventory: Inventory
    expectations: tuple[Expectation, ...] = ()
    others: Others = Others.UNCHECKED
    policies: tuple[Manifest, ...] = ()
    labels: tuple[Relabel, ...] = ()
    recreate: tuple[PodRef, ...] = ()
    absent: tuple[ObjectName, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A directory of manifests and its steps. ``name`` is the directory's, ``file`` the scenario.yaml.

    ``timeouts`` holds seconds for fields of ``settings.Timeouts``; ``requires`` holds capability names.
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

    @property
    def externals(self) -> tuple[ExternalHost, ...]:
        """The hosts outside the cluster."""
        return tuple(self.inventory.externals.values())

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The logical namespaces that hold the scenario's objects, its external hosts, or are made by it, sorted.

        The cluster's own namespaces are not among them.
        """
        everything = [*self.workloads, *(policy for step in self.steps for policy in step.policies)]
        names = {m.name.ref.name if m.name.kind == "Namespace" else m.name.ref.namespace for m in everything}
        outside = {EXTERNAL_NAMESPACE} if self.inventory.externals else set()
        return tuple(sorted((names | outside) - SYSTEM_NAMESPACES - {""}))


def closed_world(step: Step) -> tuple[NetworkPath, ...]:
    """Every ordered pair of different workloads with every port that the target serves, as paths to the pod's address.

    Left out are the cells that an expectation of the step asks already, be it through a Service.
    """
    said = covered(((e.path, e.expected) for e in step.expectations), step.inventory)
    names = Names(step.inventory, frozenset(step.absent))
    return tuple(cell_path(cell, names) for cell in cells(step.inventory) if cell not in said)


def selecting(step: Step, ref: PodRef, direction: Direction) -> tuple[Manifest, ...]:
    """The policies that isolate a workload's pods in one direction, by the labels that they have in this step."""
    workload = step.inventory.workloads.get(ref)
    if workload is None:
        return ()
    return tuple(
        manifest
        for manifest in step.policies
        if (policy := NetworkPolicy.parse(manifest.data)).ref.namespace == ref.namespace
        and direction in policy.directions
        and policy.subject.matches(workload.labels)
    )
