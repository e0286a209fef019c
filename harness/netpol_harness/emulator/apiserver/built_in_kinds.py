"""The kinds that every cluster serves, one row each: those of Kubernetes, and OpenShift's DeploymentConfig.

Kinds in ``_PLAIN_KINDS`` are stored and served, and nothing in this cluster acts on them.
"""

from dataclasses import replace

from netpol_harness.emulator.apiserver.resources import ServedResource


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

_CORE_KINDS = (
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
        enforced=True,
    ),
    ServedResource(
        "pods",
        "Pod",
        short_names=("po",),
        subresources=("status", "log", "exec", "attach", "portforward", "ephemeralcontainers"),
        categories=("all",),
        selectable=_POD_FIELDS,
        enforced=True,
        counts_generation=True,
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
    ServedResource("endpointslices", "EndpointSlice", "discovery.k8s.io", enforced=True, counts_generation=True),
    ServedResource(
        "networkpolicies",
        "NetworkPolicy",
        "networking.k8s.io",
        short_names=("netpol",),
        enforced=True,
        counts_generation=True,
    ),
)


def _workload(plural: str, kind: str, group: str, short: str = "", *more: str, orphans: bool = False) -> ServedResource:
    """Return the row of a kind that makes pods. ``more`` are its subresources besides status."""
    return ServedResource(
        plural,
        kind,
        group,
        short_names=(short,) if short else (),
        subresources=("status", *more),
        categories=("all",),
        selectable={"replicasets": _paths("status.replicas"), "jobs": _paths("status.successful")}.get(plural, {}),
        counts_generation=True,
        orphans=orphans,
    )


_WORKLOAD_KINDS = (
    _workload("replicationcontrollers", "ReplicationController", "", "rc", "scale", orphans=True),
    _workload("deployments", "Deployment", "apps", "deploy", "scale"),
    _workload("replicasets", "ReplicaSet", "apps", "rs", "scale"),
    _workload("statefulsets", "StatefulSet", "apps", "sts", "scale"),
    _workload("daemonsets", "DaemonSet", "apps", "ds"),
    _workload("jobs", "Job", "batch", orphans=True),
    _workload("cronjobs", "CronJob", "batch", "cj"),
    _workload("deploymentconfigs", "DeploymentConfig", "apps.openshift.io", "dc", "scale"),
)


def _plain(group: str, plural: str, kind: str, short: str = "", *, status: bool = False) -> ServedResource:
    """Return the row of a namespaced kind without a meaning here. ``group`` may have a version other than v1."""
    name, _, version = group.partition("/")
    return ServedResource(
        plural,
        kind,
        name,
        version or "v1",
        short_names=(short,) if short else (),
        subresources=("status",) if status else (),
        categories=("all",) if plural == "horizontalpodautoscalers" else (),
        counts_generation=plural in _COUNTED,
    )


def _shared(group: str, plural: str, kind: str, short: str = "", *, status: bool = False) -> ServedResource:
    """Return the row of a cluster-scoped kind without a meaning here."""
    return replace(_plain(group, plural, kind, short, status=status), namespaced=False)


_COUNTED = frozenset(
    {
        "flowschemas", "ingressclasses", "ingresses", "mutatingwebhookconfigurations", "poddisruptionbudgets",
        "prioritylevelconfigurations", "validatingadmissionpolicies", "validatingadmissionpolicybindings",
        "validatingwebhookconfigurations"
    }
)  # fmt: skip
"""Plain kinds whose changes metadata.generation counts."""
_ADMISSION, _RBAC, _STORAGE = "admissionregistration.k8s.io", "rbac.authorization.k8s.io", "storage.k8s.io"
_PLAIN_KINDS = (
    _plain("", "limitranges", "LimitRange", "limits"),
    _plain("", "persistentvolumeclaims", "PersistentVolumeClaim", "pvc", status=True),
    _shared("", "persistentvolumes", "PersistentVolume", "pv", status=True),
    _plain("", "podtemplates", "PodTemplate"),
    _plain("", "resourcequotas", "ResourceQuota", "quota", status=True),
    _shared(_ADMISSION, "mutatingadmissionpolicies", "MutatingAdmissionPolicy"),
    _shared(_ADMISSION, "mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding"),
    _shared(_ADMISSION, "mutatingwebhookconfigurations", "MutatingWebhookConfiguration"),
    _shared(_ADMISSION, "validatingadmissionpolicies", "ValidatingAdmissionPolicy", status=True),
    _shared(_ADMISSION, "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding"),
    _shared(_ADMISSION, "validatingwebhookconfigurations", "ValidatingWebhookConfiguration"),
    ServedResource(
        "customresourcedefinitions",
        "CustomResourceDefinition",
        "apiextensions.k8s.io",
        namespaced=False,
        short_names=("crd", "crds"),
        subresources=("status",),
        categories=("api-extensions",),
        counts_generation=True,
    ),
    _shared("apiregistration.k8s.io", "apiservices", "APIService", status=True),
    _plain("apps", "controllerrevisions", "ControllerRevision"),
    _plain("autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "hpa", status=True),
    _shared("certificates.k8s.io", "certificatesigningrequests", "CertificateSigningRequest", "csr", status=True),
    _plain("coordination.k8s.io", "leases", "Lease"),
    _shared("flowcontrol.apiserver.k8s.io", "flowschemas", "FlowSchema", status=True),
    _shared("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations", "PriorityLevelConfiguration", status=True),
    _plain("networking.k8s.io", "ingresses", "Ingress", "ing", status=True),
    _shared("networking.k8s.io", "ingressclasses", "IngressClass"),
    _shared("networking.k8s.io", "ipaddresses", "IPAddress", "ip"),
    _shared("networking.k8s.io", "servicecidrs", "ServiceCIDR", status=True),
    _shared("node.k8s.io", "runtimeclasses", "RuntimeClass"),
    _plain("policy", "poddisruptionbudgets", "PodDisruptionBudget", "pdb", status=True),
    _shared(_RBAC, "clusterrolebindings", "ClusterRoleBinding"),
    _shared(_RBAC, "clusterroles", "ClusterRole"),
    _plain(_RBAC, "rolebindings", "RoleBinding"),
    _plain(_RBAC, "roles", "Role"),
    _shared("resource.k8s.io", "deviceclasses", "DeviceClass"),
    _plain("resource.k8s.io", "resourceclaims", "ResourceClaim", status=True),
    _plain("resource.k8s.io", "resourceclaimtemplates", "ResourceClaimTemplate"),
    _shared("resource.k8s.io", "resourceslices", "ResourceSlice"),
    _shared("scheduling.k8s.io", "priorityclasses", "PriorityClass", "pc"),
    _shared(_STORAGE, "csidrivers", "CSIDriver"),
    _shared(_STORAGE, "csinodes", "CSINode"),
    _plain(_STORAGE, "csistoragecapacities", "CSIStorageCapacity"),
    _shared(_STORAGE, "storageclasses", "StorageClass", "sc"),
    _shared(_STORAGE, "volumeattachments", "VolumeAttachment", status=True),
    _shared(_STORAGE, "volumeattributesclasses", "VolumeAttributesClass", "vac"),
)

RESOURCES = (*_CORE_KINDS, *_WORKLOAD_KINDS, *_PLAIN_KINDS)

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
