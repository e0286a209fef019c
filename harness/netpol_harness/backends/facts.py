"""What a cluster is, as its API tells: Kubernetes' version, the network plugins with their versions, the nodes.

The plugins are told by their DaemonSets and the images of these. That is a hint for people and a key for known
deviations; whether a plugin enforces anything, the canary finds out.
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
"""Names of DaemonSets, and the network plugins that they belong to."""

EMBEDDED_DATAPLANE = "embedded: Linux network namespaces and nftables, not a CNI"
"""What carries and filters an embedded cluster's packets."""

_TAG = re.compile(r":([^:/@]+)$")


@dataclass(frozen=True, slots=True)
class Plugin:
    """A network plugin. ``version`` is its image's tag, empty where the image has none."""

    name: str
    version: str
    image: str

    def __str__(self) -> str:
        return f"{self.name} ({self.image})" if self.image else self.name


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """One node, in the words of its status (``nodeInfo`` and ``addresses``)."""

    name: str
    kernel: str = ""
    os: str = ""
    architecture: str = ""
    runtime: str = ""
    kubelet: str = ""
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """A cluster as it was found. Plain data: it travels between processes as JSON. What nobody may see is empty."""

    kubernetes: str = ""
    plugins: tuple[Plugin, ...] = ()
    nodes: tuple[NodeFacts, ...] = ()

    def to_json(self) -> str:
        """The facts as one JSON object."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Facts":
        """Inverse of ``to_json``."""
        data = json.loads(text)
        nodes = (NodeFacts(**{**node, "addresses": tuple(node["addresses"])}) for node in data["nodes"])
        return cls(data["kubernetes"], tuple(Plugin(**plugin) for plugin in data["plugins"]), tuple(nodes))


def gather(client: "Client") -> Facts:
    """Ask the cluster. What the user may not see is left empty; raises ``ApiError`` where the API does not answer."""
    nodes: tuple[JsonMapping, ...] = ()
    with suppress(ApiError):
        nodes = tuple(client.list("v1", "Node"))
    own = (Plugin("embedded", harness_version(), ""),) if is_embedded(nodes) else ()
    return Facts(client.version(), own or plugins_of(client), tuple(map(_node, nodes)))


def is_embedded(nodes: Iterable[JsonMapping]) -> bool:
    """Whether these are nodes of an embedded cluster, whose dataplane is the harness's own."""
    return any(DATAPLANE_KEY in (node["metadata"].get("labels") or {}) for node in nodes)


def harness_version() -> str:
    """This package's version; empty where it runs from a checkout that is not installed."""
    try:
        return version("netpol-harness")
    except PackageNotFoundError:
        return ""


def plugins_of(client: "Client") -> tuple[Plugin, ...]:
    """The network plugins of a cluster; none where the user may not see them."""

    def daemons(namespace: str) -> Iterable[JsonMapping]:
        with suppress(ApiError):
            return client.list("apps/v1", "DaemonSet", namespace=namespace)
        return ()

    return plugins(daemons)


def plugins(daemons: Callable[[str], Iterable[JsonMapping]]) -> tuple[Plugin, ...]:
    """The same, by whatever gives the DaemonSets of a namespace."""
    found = {data["metadata"]["name"]: data for namespace in _NAMESPACES for data in daemons(namespace)}
    known = sorted(found.keys() & _PLUGINS.keys())
    return tuple(_plugin(_PLUGINS[name], found[name]) for name in known)


def version_of(image: str) -> str:
    """``v3.32.2`` of ``quay.io/calico/node:v3.32.2@sha256:...``; empty where an image has no tag."""
    found = _TAG.search(image.partition("@")[0])
    return found[1] if found else ""


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
        addresses=tuple(str(one["address"]) for one in status.get("addresses") or () if one["type"] != "Hostname"),
    )
