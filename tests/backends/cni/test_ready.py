from pathlib import Path
from typing import Any

import pytest

from netpol_harness.backends.cni.definition import load
from netpol_harness.backends.cni.patch import ObjectPattern
from netpol_harness.backends.cni.ready import restart_pods
from netpol_harness.deadline import Deadline
from netpol_harness.errors import ClusterFailed
from netpol_harness.model.names import ObjectKey

SHIPPED = Path(__file__).resolve().parents[3] / "manifests" / "cni"
AGENT = ObjectPattern("DaemonSet", "kube-system", "calico-node")
STATUS = {"desiredNumberScheduled": 2, "numberReady": 2, "updatedNumberScheduled": 2, "observedGeneration": 1}


class Cluster:
    """A DaemonSet's two pods; each comes back under another name as soon as it is deleted."""

    def __init__(self) -> None:
        self.pods = ["a", "b"]
        self.there = True

    def find(self, key: ObjectKey) -> Any:
        if key.kind == "Pod":
            return {"metadata": {"name": key.name}} if key.name in self.pods else None
        spec = {"selector": {"matchLabels": {"k8s-app": "calico-node"}}}
        return (
            {"kind": "DaemonSet", "metadata": {"generation": 1}, "spec": spec, "status": STATUS} if self.there else None
        )

    def list(self, api_version: str, kind: str, *, namespace: str = "", labels: str = "") -> list[Any]:
        if kind != "Pod":
            return []
        assert (namespace, labels) == ("kube-system", "k8s-app=calico-node")
        return [
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}}
            for name in self.pods
        ]

    def delete(self, key: ObjectKey) -> None:
        self.pods.remove(key.name)
        self.pods.append(f"{key.name}-next")


def test_every_pod_of_the_agent_is_replaced() -> None:
    cluster = Cluster()
    restart_pods(cluster, AGENT, deadline=Deadline(5))  # type: ignore[arg-type]
    assert cluster.pods == ["a-next", "b-next"]


def test_an_agent_that_does_not_exist() -> None:
    cluster = Cluster()
    cluster.there = False
    with pytest.raises(ClusterFailed, match="the policy agent DaemonSet kube-system/calico-node does not exist"):
        restart_pods(cluster, AGENT, deadline=Deadline(5))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "agent"),
    [("calico", "calico-node"), ("calico-vxlan", "calico-node"), ("cilium", "cilium"), ("flannel", "")],
)
def test_the_definition_names_the_agent(name: str, agent: str) -> None:
    found = load(name, SHIPPED).agent
    assert (found.name if found else "") == agent
