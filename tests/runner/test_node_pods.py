"""The pods that probe for nodes: which are needed, and what they look like."""

from dataclasses import replace

from netpol_harness.model.name_server import NameServer
from netpol_harness.model.names import NamespacedName, ObjectKey
from netpol_harness.model.objects import Pod, World
from netpol_harness.paths.ends import NodeSource, PodSource, PodTarget, Source
from netpol_harness.paths.path import Path, Scheme
from netpol_harness.runner.node_pods import node_pods, nodes_without_pod
from netpol_harness.runner.snapshot import ClusterSnapshot
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import NODE_NAMESPACE

WEB, DB, GONE = (NamespacedName("default", name) for name in ("web", "db", "gone"))
PLACED = Placement({NODE_NAMESPACE: "nodes-x1"})


def snapshot(*probing: str) -> ClusterSnapshot:
    pods = {ref: Pod(ref, {}, node=node) for ref, node in ((WEB, "n1"), (DB, "n2"))}
    own = {node: Pod(NamespacedName("nodes-x1", node), {}, node=node) for node in probing}
    return ClusterSnapshot(World(pods=pods), {}, NameServer(), (), PLACED, node_pods=own)


def path(source: Source) -> Path:
    return Path(source, Scheme.TCP, PodTarget(WEB, 80), "s", "t")


def test_a_node_needs_a_pod_if_a_path_is_probed_from_it_and_it_has_none() -> None:
    paths = [path(source) for source in (PodSource(WEB), NodeSource(WEB), NodeSource(DB), NodeSource(GONE))]
    assert nodes_without_pod(paths, snapshot()) == {"n1", "n2"}
    assert nodes_without_pod(paths, snapshot("n1")) == {"n2"}
    assert nodes_without_pod(paths[:1], snapshot()) == frozenset()


def test_a_pod_for_a_node_is_on_its_network_whatever_taints_it_has() -> None:
    state = node_pods({"n1"}, PLACED)
    spec = state[ObjectKey("v1", "Pod", "nodes-x1", "n1")]["spec"]
    assert (spec["nodeName"], spec["hostNetwork"], spec["tolerations"]) == ("n1", True, [{"operator": "Exists"}])
    labels = state[ObjectKey("v1", "Namespace", "", "nodes-x1")]["metadata"]["labels"]
    assert labels == {"pod-security.kubernetes.io/enforce": "privileged"}


def test_a_namespace_that_existed_before_is_not_created() -> None:
    state = node_pods({"n1"}, replace(PLACED, given=True))
    assert [key.kind for key in state] == ["Pod"]
