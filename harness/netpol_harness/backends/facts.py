"""Facts of a cluster from its API: the version of Kubernetes, the network plugins with their versions, the nodes.

Plugins are recognized by the names and images of their DaemonSets. That is a hint for people and a key for known
deviations. Whether a plugin enforces policies is the canary's question.
"""

import json
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from netpol_harness.errors import ApiError
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.wellknown import DATAPLANE_KEY

if TYPE_CHECKING:
    from netpol_harness.kube.client import Client


_NAMESPACES = ("kube-system", "calico-system", "cilium", "kube-flannel", "openshift-ovn-kubernetes", "openshift-sdn")

_PLUGINS = {
    "calico-node": "Calico",
    "canal": "Canal",
    "cilium": "Cilium",
    "kindnet": "kindnet",
    "kube-network-policies": "kube-network-policies",
    "antrea-agent": "Antrea",
    "kube-router": "kube-router",
    "ovnkube-node": "OVN-Kubernetes",
    "ovs-cni": "Open vSwitch CNI",
    "weave-net": "Weave Net",
    "kube-flannel-ds": "flannel",
    "aws-node": "Amazon VPC CNI",
    "azure-cns": "Azure CNI",
}
"""Name of the DaemonSet -> network plugin."""

EMBEDDED_NETWORK = "embedded: Linux network namespaces"
EMBEDDED_DATAPLANE = f"{EMBEDDED_NETWORK} and nftables, not a CNI"
"""The dataplane of embedded clusters, for people."""

_TAG = re.compile(r":([^:/@]+)$")


@dataclass(frozen=True, slots=True)
class Plugin:
    """A network plugin. ``version`` is the tag of its image, empty if the image has none."""

    name: str
    version: str
    image: str

    def __str__(self) -> str:
        return f"{self.name} ({self.image})" if self.image else self.name


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """One node, from its status (``nodeInfo`` and ``addresses``)."""

    name: str
    kernel: str = ""
    os: str = ""
    architecture: str = ""
    runtime: str = ""
    kubelet: str = ""
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """A cluster. Plain data: it travels between processes as JSON. Fields that the user may not see are empty."""

    kubernetes: str = ""
    plugins: tuple[Plugin, ...] = ()
    nodes: tuple[NodeFacts, ...] = ()

    def to_json(self) -> str:
        """Return the facts as one JSON object."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Facts":
        """Return the facts that ``to_json`` wrote."""
        data = json.loads(text)
        nodes = (NodeFacts(**{**node, "addresses": tuple(node["addresses"])}) for node in data["nodes"])
        return cls(data["kubernetes"], tuple(Plugin(**plugin) for plugin in data["plugins"]), tuple(nodes))


def gather(client: "Client") -> Facts:
    """Return the facts of a cluster; what the user may not see is empty. Raises ``ApiError`` if the API does not
    answer.
    """
    nodes: tuple[JsonMapping, ...] = ()
    with suppress(ApiError):
        nodes = tuple(client.list("v1", "Node"))
    embedded = (_embedded_plugin(nodes),) if is_embedded(nodes) else ()
    return Facts(client.version(), embedded or plugins_of(client), tuple(map(_node, nodes)))


def _embedded_plugin(nodes: Iterable[JsonMapping]) -> Plugin:
    """Return what enforces policies in an embedded cluster: an agent, or the cluster itself."""
    annotations = [node["metadata"].get("annotations") or {} for node in nodes]
    name, _, agent_version = next((a[DATAPLANE_KEY] for a in annotations if DATAPLANE_KEY in a), "").partition(" ")
    return Plugin(name, agent_version, "") if agent_version else Plugin("embedded", harness_version(), "")


def is_embedded(nodes: Iterable[JsonMapping]) -> bool:
    """Whether these are nodes of an embedded cluster."""
    return any(DATAPLANE_KEY in (node["metadata"].get("labels") or {}) for node in nodes)


def harness_version() -> str:
    """Return the version of this package; empty in a checkout that is not installed."""
    try:
        return version("netpol-harness")
    except PackageNotFoundError:
        return ""


def plugins_of(client: "Client") -> tuple[Plugin, ...]:
    """Return the network plugins of a cluster; none if the user may not see their DaemonSets."""

    def daemons(namespace: str) -> Iterable[JsonMapping]:
        with suppress(ApiError):
            return client.list("apps/v1", "DaemonSet", namespace=namespace)
        return ()

    return plugins(daemons)


def plugins(daemons: Callable[[str], Iterable[JsonMapping]]) -> tuple[Plugin, ...]:
    """Return the network plugins among the DaemonSets that ``daemons`` returns for a namespace."""
    by_name = {data["metadata"]["name"]: data for namespace in _NAMESPACES for data in daemons(namespace)}
    return tuple(_plugin(_PLUGINS[name], by_name[name]) for name in sorted(by_name.keys() & _PLUGINS.keys()))


def version_of(image: str) -> str:
    """Return ``v3.32.2`` for ``quay.io/calico/node:v3.32.2@sha256:...``; empty if the image has no tag."""
    match = _TAG.search(image.partition("@")[0])
    return match[1] if match else ""


def _plugin(name: str, daemon: JsonMapping) -> Plugin:
    template = (daemon.get("spec") or {}).get("template") or {}
    containers = (template.get("spec") or {}).get("containers") or [{}]
    image = str(containers[0].get("image") or "")
    return Plugin(name, version_of(image), image)


def _node(data: JsonMapping) -> NodeFacts:
    status = data.get("status") or {}
    info = status.get("nodeInfo") or {}
    return NodeFacts(
        name=str(data["metadata"]["name"]),
        kernel=str(info.get("kernelVersion") or ""),
        os=str(info.get("osImage") or ""),
        architecture=str(info.get("architecture") or ""),
        runtime=str(info.get("containerRuntimeVersion") or ""),
        kubelet=str(info.get("kubeletVersion") or ""),
        addresses=tuple(str(a["address"]) for a in status.get("addresses") or () if a["type"] != "Hostname"),
    )
