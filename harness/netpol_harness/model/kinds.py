"""What each kind of API object means for connectivity. Every kind has a class, also one that nobody has heard of.

The rules are open. An object that holds a pod template makes pods, whatever its kind is called. A kind whose name ends
in ``Policy``, in a group that is not Kubernetes' own, may decide about connections.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.labels import LabelSelector


class KindClass(StrEnum):
    """What objects of a kind mean for connectivity."""

    WORKLOAD = "makes pods"
    CONNECTIVITY = "names or groups what connects"
    NETWORK_POLICY = "NetworkPolicy of networking.k8s.io"
    CLUSTER_POLICY = "ClusterNetworkPolicy of policy.networking.k8s.io"
    FOREIGN_POLICY = "policy of another API"
    OTHER = "no meaning for connectivity"

    @classmethod
    def of(cls, data: JsonMapping) -> "KindClass":
        """Return the class of an object's kind. The content decides only whether an unknown kind makes pods."""
        kind = GroupKind.of(data)
        if kind == _NETWORK_POLICY:
            return cls.NETWORK_POLICY
        if kind == CLUSTER_NETWORK_POLICY:
            return cls.CLUSTER_POLICY
        if is_foreign_policy(kind):
            return cls.FOREIGN_POLICY
        if kind in CONNECTIVITY_KINDS:
            return cls.CONNECTIVITY
        return cls.WORKLOAD if makes_pods(data) else cls.OTHER


@dataclass(frozen=True, slots=True, order=True)
class GroupKind:
    """A kind and its API group, which is empty for the core group. Kinds of two groups may have one name."""

    group: str
    kind: str

    @classmethod
    def of(cls, data: JsonMapping) -> "GroupKind":
        """Return the kind of an object of a manifest or of the API."""
        return cls.in_version(data["apiVersion"], data["kind"])

    @classmethod
    def in_version(cls, api_version: str, kind: str) -> "GroupKind":
        """Return the kind in the group of an API version, which is ``v1`` or ``group/version``."""
        return cls(api_version.rpartition("/")[0], kind)

    @property
    def is_kubernetes(self) -> bool:
        """Whether the group is Kubernetes' own: ``apps``, or one below ``k8s.io``, which is reserved for it."""
        return "." not in self.group or self.group.endswith(".k8s.io")

    def __str__(self) -> str:
        """Return the kind, with the group where the bare kind means another one: ``Service.serving.knative.dev``."""
        return f"{self.kind}.{self.group}" if self._is_namesake else self.kind

    @property
    def _is_namesake(self) -> bool:
        return self not in _MEANINGFUL and self.kind in _MEANINGFUL_NAMES and not self.is_kubernetes


NAMESPACE = GroupKind("", "Namespace")
SERVICE = GroupKind("", "Service")
CLUSTER_NETWORK_POLICY = GroupKind("policy.networking.k8s.io", "ClusterNetworkPolicy")
_NETWORK_POLICY = GroupKind("networking.k8s.io", "NetworkPolicy")

CONNECTIVITY_KINDS = frozenset(
    {
        NAMESPACE,
        SERVICE,
        GroupKind("", "Endpoints"),
        GroupKind("discovery.k8s.io", "EndpointSlice"),
    }
)
"""Kinds other than workloads and policies that decide about connectivity."""

_TEMPLATE = ("spec", "template")
WORKLOADS: Mapping[GroupKind, tuple[str, ...]] = {
    GroupKind("", "Pod"): (),
    GroupKind("", "ReplicationController"): _TEMPLATE,
    GroupKind("apps", "Deployment"): _TEMPLATE,
    GroupKind("apps", "StatefulSet"): _TEMPLATE,
    GroupKind("apps", "DaemonSet"): _TEMPLATE,
    GroupKind("apps", "ReplicaSet"): _TEMPLATE,
    GroupKind("batch", "Job"): _TEMPLATE,
    GroupKind("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
    GroupKind("apps.openshift.io", "DeploymentConfig"): _TEMPLATE,
}
"""The known kinds that make pods, and where in their objects the pod template is."""

WORKLOAD_NAMES = frozenset(kind.kind for kind in WORKLOADS)
"""The names of these kinds. No two objects of them share a name in a namespace of one scenario."""

_ROLLING = frozenset(GroupKind("apps", kind) for kind in ("Deployment", "StatefulSet", "DaemonSet"))
_SELECTING = frozenset({*_ROLLING, GroupKind("apps", "ReplicaSet")})
_SELECTING_BY_MAP = frozenset(
    {GroupKind("", "ReplicationController"), GroupKind("apps.openshift.io", "DeploymentConfig")}
)

_MEANINGFUL = frozenset({*WORKLOADS, *CONNECTIVITY_KINDS, _NETWORK_POLICY, CLUSTER_NETWORK_POLICY})
_MEANINGFUL_NAMES = frozenset(kind.kind for kind in _MEANINGFUL)

_POLICY_GROUPS = frozenset({"policy.networking.k8s.io", "security.istio.io", "policy.linkerd.io"})
"""Groups in which every kind decides about connections, whatever it is called."""


def is_foreign_policy(kind: GroupKind) -> bool:
    """Return whether a kind is a policy that only its own API explains: not NetworkPolicy or ClusterNetworkPolicy."""
    if kind == CLUSTER_NETWORK_POLICY:
        return False
    return kind.group in _POLICY_GROUPS or (kind.kind.endswith("Policy") and not kind.is_kubernetes)


def makes_pods(data: JsonMapping) -> bool:
    """Return whether the object is a pod, or makes pods from a template."""
    kind = GroupKind.of(data)
    return kind in WORKLOADS or (not is_foreign_policy(kind) and bool(pod_template(data)))


def pod_template(data: JsonMapping) -> JsonMapping:
    """Return the pod or the pod template of an object, with ``metadata`` and ``spec``; empty if it has none.

    Of kinds that are not known, and not Kubernetes' own, ``spec.template`` is a pod template if it lists containers.
    """
    kind = GroupKind.of(data)
    if kind in WORKLOADS:
        return _mapping(data, *WORKLOADS[kind])
    template = {} if kind.is_kubernetes else _mapping(data, *_TEMPLATE)
    return template if isinstance(_mapping(template, "spec").get("containers"), list) else {}


def with_pod_labels(data: JsonMapping, labels: Mapping[str, str]) -> JsonMapping:
    """Return the object with these labels on the pod that it is, or in its pod template."""
    kind = GroupKind.of(data)
    return _with_labels(data, WORKLOADS.get(kind, _TEMPLATE), labels)


def _with_labels(data: JsonMapping, path: tuple[str, ...], labels: Mapping[str, str]) -> JsonMapping:
    if path:
        return {**data, path[0]: _with_labels(_mapping(data, path[0]), path[1:], labels)}
    return {**data, "metadata": {**_mapping(data, "metadata"), "labels": dict(labels)}}


def pod_selector(data: JsonMapping) -> LabelSelector | None:
    """Return the selector by which a controller finds its pods; ``None`` if it has none, or if the API server makes it.

    Its pod template must match it, and no controller's can be changed.
    """
    kind, selector = GroupKind.of(data), _mapping(data, "spec", "selector")
    if kind in _SELECTING_BY_MAP:
        return LabelSelector.equal(selector)
    return LabelSelector.parse(selector) if kind in _SELECTING else None


def replaces_pods(data: JsonMapping) -> bool:
    """Return whether a controller replaces its pods by new ones when its pod template is changed."""
    kind, spec = GroupKind.of(data), _mapping(data, "spec")
    strategy = _mapping(spec, "updateStrategy")
    by_itself = strategy.get("type") != "OnDelete" and not _mapping(strategy, "rollingUpdate").get("partition")
    return kind in _ROLLING and by_itself and not spec.get("paused")


def wanted_pods(data: JsonMapping) -> int:
    """Return how many pods a workload asks for, 1 if it does not say: of a CronJob, those of each run."""
    kind, spec = GroupKind.of(data), _mapping(data, "spec")
    if kind == GroupKind("batch", "CronJob"):
        kind, spec = GroupKind("batch", "Job"), _mapping(spec, "jobTemplate", "spec")
    field = "parallelism" if kind == GroupKind("batch", "Job") else "replicas"
    written = None if kind == GroupKind("", "Pod") else spec.get(field)
    return written if isinstance(written, int) else 1


def _mapping(data: JsonMapping, *keys: str) -> JsonMapping:
    """Return a nested mapping, an empty one if there is something else or nothing."""
    value: Any = data
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


_CLUSTER_SCOPED = frozenset(
    {
        "APIService",
        "AdminNetworkPolicy",
        "BaselineAdminNetworkPolicy",
        "CSIDriver",
        "CSINode",
        "CertificateSigningRequest",
        "ClusterNetworkPolicy",
        "ClusterRole",
        "ClusterRoleBinding",
        "ClusterTrustBundle",
        "ComponentStatus",
        "CustomResourceDefinition",
        "DeviceClass",
        "FlowSchema",
        "GatewayClass",
        "IPAddress",
        "IngressClass",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PodSecurityPolicy",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "ResourceSlice",
        "RuntimeClass",
        "ServiceCIDR",
        "StorageClass",
        "StorageVersion",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
        "VolumeAttributesClass",
    }
)
"""Cluster-scoped kinds of Kubernetes' own groups."""

_FOREIGN_CLUSTER_SCOPED = frozenset(
    {
        GroupKind(group, kind)
        for group in ("projectcalico.org", "crd.projectcalico.org")
        for kind in ("BGPConfiguration", "BGPPeer", "FelixConfiguration", "HostEndpoint", "IPPool", "Tier")
    }
)
_CLUSTER_WIDE = ("Cluster", "Global")
"""How the names of cluster-scoped kinds begin in APIs of others, by convention: ClusterIssuer, GlobalNetworkPolicy."""
_NAMESPACED_ALL_THE_SAME = frozenset({"Cluster", "ClusterServiceVersion"})


def is_cluster_scoped(kind: GroupKind) -> bool:
    """Return whether objects of a kind live outside of namespaces, as far as its name tells; only a cluster knows."""
    if kind.is_kubernetes:
        return kind.kind in _CLUSTER_SCOPED
    by_name = kind.kind.startswith(_CLUSTER_WIDE) and kind.kind not in _NAMESPACED_ALL_THE_SAME
    return by_name or kind in _FOREIGN_CLUSTER_SCOPED
