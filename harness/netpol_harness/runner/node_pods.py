"""Pods on their nodes' network, from which the paths of ``node(pod)`` are probed. Pure.

A process on a node has no pod of the scenario. So each node that a path names gets one pod of the harness, on the
node's network, in a namespace of its own. Policies see its packets as they see the kubelet's: as the node's.
"""

from collections.abc import Iterable
from contextlib import suppress

from netpol_harness.errors import WorkloadFailed
from netpol_harness.kube.diagnose import POD_SECURITY
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.names import ObjectKey
from netpol_harness.paths.ends import NodeSource
from netpol_harness.paths.path import Path
from netpol_harness.probe.ephemeral import IMAGE
from netpol_harness.runner.snapshot import ClusterSnapshot
from netpol_harness.runner.state import State
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import NODE_NAMESPACE
from netpol_harness.wellknown import NODE_POD_ANNOTATION


def nodes_without_pod(paths: Iterable[Path], snapshot: ClusterSnapshot) -> frozenset[str]:
    """Return the names of the nodes that these paths are probed from, and that have no such pod yet."""
    nodes = set[str]()
    for source in {path.source for path in paths}:
        if isinstance(source, NodeSource):
            with suppress(WorkloadFailed):  # the path itself reports that it has no pods
                nodes |= {pod.node for pod in snapshot.pods_of(source.ref, source.replica)}
    return frozenset(nodes - snapshot.node_pods.keys())


def node_pods(nodes: Iterable[str], placement: Placement) -> State:
    """Return the pods for these nodes, and their namespace unless it existed before the run."""
    namespace = placement.real(NODE_NAMESPACE)
    objects: list[JsonMapping] = [_pod(node, namespace) for node in sorted(nodes)]
    if not placement.given:
        labels = {POD_SECURITY: "privileged"}
        objects.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}})
    return {ObjectKey.of(data): data for data in objects}


def _pod(node: str, namespace: str) -> JsonMapping:
    """Return the pod, which no taint keeps away from its node. A node's name is also a valid name of a pod."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": node, "namespace": namespace, "annotations": {NODE_POD_ANNOTATION: node}},
        "spec": {
            "nodeName": node,
            "hostNetwork": True,
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "node", "image": IMAGE, "args": ["pause"], "imagePullPolicy": "IfNotPresent"}],
        },
    }
