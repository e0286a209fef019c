"""From bare nodes to a cluster: its CNI applied, everything ready, and written down in it what it is.

What a cluster carries its packets with is kept in the cluster, in the ConfigMap ``kube-system/netpol-harness``: a run
that reuses it must not have to believe its command line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from netpol_harness.backends.base import Capability, Cluster, Progress, served
from netpol_harness.backends.cni.definition import CniDefinition
from netpol_harness.backends.cni.gather import awaited
from netpol_harness.backends.cni.install import MANAGER, install
from netpol_harness.backends.cni.ready import NAME_SERVER, restart_pods, wait_api, wait_ready
from netpol_harness.backends.facts import Plugin, plugins_of
from netpol_harness.backends.kernel import has_sctp
from netpol_harness.backends.kind.options import IpFamily
from netpol_harness.deadline import Deadline
from netpol_harness.errors import ClusterFailed
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import ObjectKey
from netpol_harness.timeouts import REMOTE

_NOTE = ObjectKey("v1", "ConfigMap", "kube-system", "netpol-harness")
_FOR_TWO = 3  # a control plane takes pods only where it is alone


def capabilities_of(cni: CniDefinition, family: IpFamily, nodes: int) -> frozenset[Capability]:
    """What such a cluster can do. Raises ``ClusterFailed`` where the CNI lacks the IP family."""
    if family is not IpFamily.IPV4 and Capability.IPV6 not in cni.capabilities:
        raise ClusterFailed(
            f"--ip-family {family}: {cni.title} has no IPv6 here; leave the option out, or change --cni"
        )
    found = {Capability.EXTERNAL_HOSTS, Capability.NAMESPACES}
    if family is not IpFamily.IPV4:
        found.add(Capability.IPV6)
    if nodes >= _FOR_TWO:
        found.add(Capability.TWO_NODES)
    if Capability.SCTP in cni.capabilities and has_sctp():
        found.add(Capability.SCTP)
    if cni.agent:
        found.add(Capability.AGENT_RESTART)
    return frozenset(found | (cni.capabilities & {Capability.CHOSEN_ADDRESSES}))


def cluster_of(name: str, kubeconfig: Path, dataplane: str, capabilities: frozenset[Capability]) -> Cluster:
    """The handle of a kind cluster."""
    return Cluster(
        name=name,
        backend="kind",
        dataplane=dataplane,
        kubeconfig=kubeconfig,
        timeouts=REMOTE,
        capabilities=capabilities,
        context=f"kind-{name}",
    )


def provision(
    cluster: Cluster,
    cni: CniDefinition,
    objects: list[JsonObject],
    *,
    nodes: int,
    deadline: Deadline,
    progress: Progress,
) -> Cluster:
    """Apply the CNI, wait for everything, and write down what the cluster is; returns it with all that it can do.

    Raises ``ClusterFailed``.
    """
    client = _client(cluster)
    wait_api(client, deadline=deadline, progress=progress)
    install(client, objects, deadline=deadline, progress=progress)
    controllers = [*awaited(cni, objects), NAME_SERVER]
    wait_ready(client, controllers, nodes=nodes, deadline=deadline, progress=progress)
    found = replace(cluster, capabilities=cluster.capabilities | served(client.serves))
    client.apply(_note(found, plugins_of(client)), manager=MANAGER)
    return found


def is_provisioned(cluster: Cluster) -> bool:
    """Whether a cluster was ever made to its end: only then it says what it is."""
    return _client(cluster).find(_NOTE) is not None


def remembered(name: str, kubeconfig: Path) -> Cluster:
    """The handle of a cluster that was made before.

    The plugin is the one that is there now: somebody may have changed it since the cluster wrote down what it is.
    """
    bare = cluster_of(name, kubeconfig, f"unknown CNI on the kind cluster {name}", frozenset({Capability.NAMESPACES}))
    client = _client(bare)
    note = (client.find(_NOTE) or {}).get("data") or {}
    dataplane = _dataplane(note, plugins_of(client)) or bare.dataplane
    known = frozenset(word for word in Capability if word in note.get("capabilities", "").split(","))
    return cluster_of(name, kubeconfig, dataplane, known if note else bare.capabilities)


def _dataplane(note: Mapping[str, str], found: Sequence[Plugin]) -> str:
    """What was written down, unless the plugins are others now; then these."""
    if not found or _told(found) == note.get("plugins"):
        return note.get("dataplane", "")
    return f"{_told(found)} on kind"


def _told(found: Sequence[Plugin]) -> str:
    return " with ".join(f"{plugin.name} {plugin.version}".strip() for plugin in found)


def restart_agent(cluster: Cluster, cni: CniDefinition) -> None:
    """Restart the CNI's policy agent on every node. Raises ``ClusterFailed``."""
    if cni.agent is None:
        raise ClusterFailed(f"nothing is known of a policy agent of {cni.title}; name its DaemonSet there ('agent:')")
    restart_pods(_client(cluster), cni.agent, deadline=Deadline(REMOTE.ready))


def _client(cluster: Cluster) -> Client:
    return Client(Access.from_kubeconfig(cluster.kubeconfig, cluster.context))


def _note(cluster: Cluster, found: Sequence[Plugin]) -> JsonObject:
    return {
        "apiVersion": _NOTE.api_version,
        "kind": _NOTE.kind,
        "metadata": {"name": _NOTE.name, "namespace": _NOTE.namespace},
        "data": {
            "dataplane": cluster.dataplane,
            "capabilities": ",".join(sorted(cluster.capabilities)),
            "plugins": _told(found),
        },
    }
