"""Turn bare nodes into a cluster: apply its CNI, wait until it is ready, and record in it what it is.

The dataplane of a cluster is recorded in its ConfigMap ``kube-system/netpol-harness``, so that a run that reuses the
cluster need not trust its own command line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from netpol_harness.backends.base import Capability, Cluster, Progress, served
from netpol_harness.backends.cni.definition import CniDefinition
from netpol_harness.backends.cni.install import MANAGER, install
from netpol_harness.backends.cni.manifests import controllers_of
from netpol_harness.backends.cni.ready import NAME_SERVER, restart_pods, wait_api, wait_ready
from netpol_harness.backends.facts import Plugin, plugins_of
from netpol_harness.backends.kernel import has_sctp
from netpol_harness.deadline import Deadline
from netpol_harness.errors import ClusterFailed
from netpol_harness.ip_family import IpFamily
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import ObjectKey
from netpol_harness.timeouts import REMOTE

_RECORD = ObjectKey("v1", "ConfigMap", "kube-system", "netpol-harness")
_NODES_FOR_TWO_WORKERS = 3  # the control plane runs pods only if it is the only node


def capabilities_of(cni: CniDefinition, family: IpFamily, nodes: int) -> frozenset[Capability]:
    """Return the capabilities of a new cluster. Raises ``ClusterFailed`` if the CNI lacks the IP family."""
    if family is not IpFamily.IPV4 and Capability.IPV6 not in cni.capabilities:
        raise ClusterFailed(
            f"--ip-family {family}: {cni.title} has no IPv6 here; leave the option out, or change --cni"
        )
    capabilities = {Capability.EXTERNAL_HOSTS, Capability.NAMESPACES}
    capabilities |= {Capability(f"IPv{version}") for version in family.versions}
    if nodes >= _NODES_FOR_TWO_WORKERS:
        capabilities.add(Capability.TWO_NODES)
    if Capability.SCTP in cni.capabilities and has_sctp():
        capabilities.add(Capability.SCTP)
    if cni.agent:
        capabilities.add(Capability.AGENT_RESTART)
    return frozenset(capabilities | (cni.capabilities & {Capability.CHOSEN_ADDRESSES}))


def cluster_of(name: str, kubeconfig: Path, dataplane: str, capabilities: frozenset[Capability]) -> Cluster:
    """Return a kind cluster."""
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
    """Apply the CNI, wait until all is ready, and record what the cluster is. Return it with all of its capabilities.

    Raises ``ClusterFailed``.
    """
    client = _client(cluster)
    wait_api(client, deadline=deadline, progress=progress)
    install(client, objects, deadline=deadline, progress=progress)
    controllers = [*controllers_of(cni, objects), NAME_SERVER]
    wait_ready(client, controllers, nodes=nodes, deadline=deadline, progress=progress)
    provisioned = replace(cluster, capabilities=cluster.capabilities | served(client.serves))
    client.apply(_record(provisioned, plugins_of(client)), manager=MANAGER)
    return provisioned


def is_provisioned(cluster: Cluster) -> bool:
    """Whether the cluster has ever been ready: only then it has its record."""
    return _client(cluster).find(_RECORD) is not None


def recorded_cluster(name: str, kubeconfig: Path) -> Cluster:
    """Return an existing kind cluster, from its record.

    The dataplane is that of the present network plugin, which may have been changed since the record was written.
    """
    bare = cluster_of(name, kubeconfig, f"unknown CNI on the kind cluster {name}", frozenset({Capability.NAMESPACES}))
    client = _client(bare)
    record = (client.find(_RECORD) or {}).get("data") or {}
    dataplane = _dataplane(record, plugins_of(client)) or bare.dataplane
    names = record.get("capabilities", "").split(",")
    capabilities = frozenset(capability for capability in Capability if capability in names)
    return cluster_of(name, kubeconfig, dataplane, capabilities if record else bare.capabilities)


def _dataplane(record: Mapping[str, str], plugins: Sequence[Plugin]) -> str:
    """Return the recorded dataplane, or the present plugins if they differ from the recorded ones."""
    if not plugins or _names(plugins) == record.get("plugins"):
        return record.get("dataplane", "")
    return f"{_names(plugins)} on kind"


def _names(plugins: Sequence[Plugin]) -> str:
    return " with ".join(f"{plugin.name} {plugin.version}".strip() for plugin in plugins)


def restart_agent(cluster: Cluster, cni: CniDefinition) -> None:
    """Restart the CNI's policy agent on every node. Raises ``ClusterFailed``."""
    if cni.agent is None:
        raise ClusterFailed(
            f"the policy agent of {cni.title} is unknown; add 'agent:' with its DaemonSet to the CNI's definition"
        )
    restart_pods(_client(cluster), cni.agent, deadline=Deadline(REMOTE.ready))


def _client(cluster: Cluster) -> Client:
    return Client(Access.from_kubeconfig(cluster.kubeconfig, cluster.context))


def _record(cluster: Cluster, plugins: Sequence[Plugin]) -> JsonObject:
    return {
        "apiVersion": _RECORD.api_version,
        "kind": _RECORD.kind,
        "metadata": {"name": _RECORD.name, "namespace": _RECORD.namespace},
        "data": {
            "dataplane": cluster.dataplane,
            "capabilities": ",".join(sorted(cluster.capabilities)),
            "plugins": _names(plugins),
        },
    }
