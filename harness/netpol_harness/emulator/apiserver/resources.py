"""The served resources, one row each. Routing, discovery, schema lookups and field selectors follow from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netpol_harness.emulator.apiserver.errors import ErrorSubject

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class ServedResource:
    """One kind of object.

    ``definition`` is its OpenAPI name. ``selectable`` maps the field labels that lists may select by to paths in the
    object, besides metadata.name and metadata.namespace. ``enforced`` tells whether the data plane reads the resource,
    so that a change waits for the data plane.
    """

    plural: str
    kind: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    selectable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    enforced: bool = False
    verbs: tuple[str, ...] = VERBS

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def definition(self) -> str:
        return f"io.k8s.api.{self.group.split('.')[0] or 'core'}.{self.version}.{self.kind}"

    @property
    def singular(self) -> str:
        return self.kind.lower()

    @property
    def has_status(self) -> bool:
        return "status" in self.subresources

    def kind_subject(self, name: str) -> ErrorSubject:
        """Return the subject of errors about an invalid object: its kind."""
        return ErrorSubject(self.group, self.kind, name)

    def plural_subject(self, name: str) -> ErrorSubject:
        """Return the subject of errors about a missing object: its plural."""
        return ErrorSubject(self.group, self.plural, name)


def _paths(*labels: str) -> dict[str, tuple[str, ...]]:
    return {label: tuple(label.split(".")) for label in labels}


_POD_FIELDS = _paths(
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
)
_EVENT_FIELDS = {
    **_paths(
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "type",
    ),
    "reportingComponent": ("reportingComponent",),
    "source": ("source", "component"),
}

RESOURCES = (
    ServedResource("configmaps", "ConfigMap", short_names=("cm",)),
    ServedResource("endpoints", "Endpoints", short_names=("ep",)),
    ServedResource("events", "Event", short_names=("ev",), selectable=_EVENT_FIELDS),
    ServedResource(
        "namespaces",
        "Namespace",
        namespaced=False,
        short_names=("ns",),
        subresources=("status", "finalize"),
        selectable=_paths("status.phase"),
        enforced=True,
    ),
    ServedResource(
        "nodes",
        "Node",
        namespaced=False,
        short_names=("no",),
        subresources=("status",),
        selectable=_paths("spec.unschedulable"),
    ),
    ServedResource(
        "pods",
        "Pod",
        short_names=("po",),
        subresources=("status", "log", "exec", "attach", "portforward", "ephemeralcontainers"),
        categories=("all",),
        selectable=_POD_FIELDS,
        enforced=True,
    ),
    ServedResource("secrets", "Secret", selectable=_paths("type")),
    ServedResource("serviceaccounts", "ServiceAccount", short_names=("sa",)),
    ServedResource(
        "services",
        "Service",
        short_names=("svc",),
        subresources=("status",),
        categories=("all",),
        selectable=_paths("spec.clusterIP", "spec.type"),
        enforced=True,
    ),
    ServedResource(
        "deployments",
        "Deployment",
        "apps",
        short_names=("deploy",),
        subresources=("status", "scale"),
        categories=("all",),
    ),
    ServedResource(
        "replicasets",
        "ReplicaSet",
        "apps",
        short_names=("rs",),
        subresources=("status", "scale"),
        categories=("all",),
        selectable=_paths("status.replicas"),
    ),
    ServedResource("endpointslices", "EndpointSlice", "discovery.k8s.io", enforced=True),
    ServedResource("networkpolicies", "NetworkPolicy", "networking.k8s.io", short_names=("netpol",), enforced=True),
)

_AUTHORIZATION = "authorization.k8s.io"
REVIEWS = (
    ServedResource(
        "selfsubjectreviews", "SelfSubjectReview", "authentication.k8s.io", namespaced=False, verbs=("create",)
    ),
    ServedResource("localsubjectaccessreviews", "LocalSubjectAccessReview", _AUTHORIZATION, verbs=("create",)),
    ServedResource(
        "selfsubjectaccessreviews", "SelfSubjectAccessReview", _AUTHORIZATION, namespaced=False, verbs=("create",)
    ),
    ServedResource(
        "selfsubjectrulesreviews", "SelfSubjectRulesReview", _AUTHORIZATION, namespaced=False, verbs=("create",)
    ),
    ServedResource("subjectaccessreviews", "SubjectAccessReview", _AUTHORIZATION, namespaced=False, verbs=("create",)),
)
"""Resources that are answered and never stored (``reviews``)."""

BY_PLURAL = {resource.plural: resource for resource in RESOURCES}
BY_PATH = {(resource.group, resource.version, resource.plural): resource for resource in RESOURCES}
GROUP_OF = {resource.plural: resource.group for resource in RESOURCES}
GROUPS = tuple(dict.fromkeys((resource.group, resource.version) for resource in (*RESOURCES, *REVIEWS)))


def with_type_meta(resource: ServedResource, obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object with its kind and apiVersion first, as on the wire."""
    return {"kind": resource.kind, "apiVersion": resource.api_version, **without(obj, "kind", "apiVersion")}


def without(obj: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return a shallow copy without these fields."""
    return {name: value for name, value in obj.items() if name not in names}
