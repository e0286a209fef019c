"""Shapes of the specs of pods, controllers, Services and policies, and the API versions of their kinds.

They report what a server would refuse, without a server. Of all but policies only what the harness reads is
checked; the rest is left to the server.
"""

from netpol_harness.model.labels import LabelSelector
from netpol_harness.scenario.cluster_network_policy import CLUSTER_NETWORK_POLICY
from netpol_harness.scenario.metadata import DNS_NAME, LABELS, PORT, PORT_NAME, PORT_NUMBER, PROTOCOL, SELECTOR
from netpol_harness.scenario.network_policy import NETWORK_POLICY
from netpol_harness.scenario.node import YamlNode
from netpol_harness.scenario.shape import (
    Report,
    Shape,
    all_of,
    anything,
    flag,
    integer,
    mapping,
    nullable,
    sequence,
    string,
)

API_VERSIONS = {
    "Namespace": "v1",
    "Pod": "v1",
    "Service": "v1",
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "ReplicationController": "v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
    "DeploymentConfig": "apps.openshift.io/v1",
    "Endpoints": "v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "ClusterNetworkPolicy": "policy.networking.k8s.io/v1alpha2",
}
"""The kinds that are checked, and the version in which they are."""

EQUAL_VERSIONS = {"ClusterNetworkPolicy": ("policy.networking.k8s.io/v1beta1",)}
"""Other versions of these kinds that have the same fields and the same meaning."""

_CONTAINER_PORT = mapping(
    {
        "containerPort": PORT_NUMBER,
        "name": nullable(PORT_NAME),
        "protocol": nullable(PROTOCOL),
        "hostPort": nullable(integer("a port", 0, 65535)),
        "hostIP": nullable(string("an address")),
    },
    required=("containerPort",),
    what="a port (a mapping with containerPort)",
)
_CONTAINER = mapping(
    {
        "name": DNS_NAME,
        "image": string("an image", ".+", "name an image"),
        "ports": nullable(sequence(_CONTAINER_PORT, "a list of ports")),
    },
    required=("name", "image"),
    what="a container",
    rest=anything,
)
_POD = mapping(
    {
        "containers": sequence(_CONTAINER, "a list of containers", least=1),
        "initContainers": nullable(sequence(_CONTAINER, "a list of containers")),
        "hostNetwork": nullable(flag),
        "nodeName": nullable(string("a node's name")),
    },
    required=("containers",),
    rest=anything,
)


def _selects_its_template(node: YamlNode, report: Report) -> None:
    selector, labels = node.at("selector"), node.at("template", "metadata", "labels").plain() or {}
    scratch = Report()
    SELECTOR(selector, scratch)
    if scratch.problems or not isinstance(labels, dict):
        return
    if not any(selector.at(key).entries or selector.at(key).items for key in ("matchLabels", "matchExpressions")):
        report.add(selector.place, "the selector is empty", "add matchLabels")
    elif not LabelSelector.parse(selector.plain()).matches(labels):
        report.add(selector.place, "the selector does not match the template's labels", "write the same labels in both")


_METADATA = nullable(mapping({"labels": LABELS}, rest=anything))
_POD_TEMPLATE = mapping({"metadata": _METADATA, "spec": _POD}, required=("spec",), rest=anything)
_REPLICAS = nullable(integer("a number of pods", 0, 10_000))
_CONTROLLER = all_of(
    mapping(
        {"replicas": _REPLICAS, "selector": SELECTOR, "template": _POD_TEMPLATE},
        required=("selector", "template"),
        rest=anything,
    ),
    _selects_its_template,
)
_OLDER_CONTROLLER = mapping(
    {"replicas": _REPLICAS, "selector": LABELS, "template": _POD_TEMPLATE}, required=("template",), rest=anything
)
_JOB = mapping({"parallelism": _REPLICAS, "template": _POD_TEMPLATE}, required=("template",), rest=anything)
_CRON_JOB = mapping(
    {"jobTemplate": mapping({"spec": _JOB}, required=("spec",), rest=anything)},
    required=("jobTemplate",),
    rest=anything,
)

_FOREIGN_CONTAINER = mapping({"ports": nullable(sequence(_CONTAINER_PORT, "a list of ports"))}, rest=anything)
TEMPLATE = mapping(
    {
        "metadata": _METADATA,
        "spec": mapping(
            {
                "containers": sequence(_FOREIGN_CONTAINER, "a list of containers"),
                "initContainers": nullable(sequence(_FOREIGN_CONTAINER, "a list of containers")),
                "hostNetwork": nullable(flag),
            },
            rest=anything,
        ),
    },
    rest=anything,
)
"""The shape of a pod template in an object of another API, which may complete it: containers need no name or image."""

_SERVICE_PORT = mapping(
    {
        "port": PORT_NUMBER,
        "targetPort": nullable(PORT),
        "protocol": nullable(PROTOCOL),
        "name": nullable(DNS_NAME),
        "nodePort": nullable(PORT_NUMBER),
        "appProtocol": nullable(string("a protocol")),
    },
    required=("port",),
    what="a port (a mapping with port)",
)
_SERVICE = mapping(
    {
        "ports": nullable(sequence(_SERVICE_PORT, "a list of ports")),
        "selector": LABELS,
        "clusterIP": nullable(string("an address or None")),
        "clusterIPs": nullable(sequence(string("an address"), "a list of addresses")),
    },
    rest=anything,
)

SPECS: dict[str, Shape] = {
    "Pod": _POD,
    "Service": _SERVICE,
    "NetworkPolicy": nullable(NETWORK_POLICY),
    "ClusterNetworkPolicy": CLUSTER_NETWORK_POLICY,
    **dict.fromkeys(("Deployment", "StatefulSet", "ReplicaSet", "DaemonSet"), _CONTROLLER),
    **dict.fromkeys(("ReplicationController", "DeploymentConfig"), _OLDER_CONTROLLER),
    "Job": _JOB,
    "CronJob": _CRON_JOB,
}
"""The shapes of ``spec``, for the kinds in which it is checked."""
