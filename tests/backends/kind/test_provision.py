"""From bare nodes to a cluster: objects are applied, controllers are waited for, failures are explained."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.backends.base import Capability
from netpol_harness.backends.cni import install as installing
from netpol_harness.backends.cni.definition import CniDefinition
from netpol_harness.backends.cni.install import install
from netpol_harness.backends.cni.patch import ObjectPattern
from netpol_harness.backends.cni.ready import wait_api, wait_ready
from netpol_harness.backends.kind.provision import capabilities_of, recorded_cluster
from netpol_harness.deadline import Deadline
from netpol_harness.errors import ClusterFailed
from netpol_harness.ip_family import IpFamily
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access

CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "pools.example.org"},
    "spec": {"group": "example.org", "names": {"kind": "Pool", "plural": "pools"}},
}
POOL = {"apiVersion": "example.org/v1", "kind": "Pool", "metadata": {"name": "default"}}
AGENT = ObjectPattern("DaemonSet", "kube-system", "agent")
AGENT_PATH = "/apis/apps/v1/namespaces/kube-system/daemonsets/agent"


@pytest.fixture
def client(api: Any, kubeconfig_of: Callable[[str, str], str], tmp_path: Path) -> Client:
    file = tmp_path / "kubeconfig"
    file.write_text(kubeconfig_of(api.url, "c"))
    return Client(Access.from_kubeconfig(file), timeout=5.0)


def daemon() -> dict[str, Any]:
    metadata = {"name": "agent", "namespace": "kube-system"}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata}


def test_kinds_are_used_when_they_are_established(api: Any, client: Client) -> None:
    messages: list[str] = []
    install(client, [CRD, POOL], deadline=Deadline(10), progress=messages.append)
    applied = [request for request in api.requests if request.startswith("PATCH")]
    assert [path.rpartition("/")[2] for path in applied] == ["pools.example.org", "default"]
    established = api.requests.index("GET /apis/apiextensions.k8s.io/v1/customresourcedefinitions/pools.example.org")
    assert established < api.requests.index(applied[1])
    assert messages == ["applying the CNI: 1 of 2 objects", "applying the CNI: 2 of 2 objects"]


def test_kinds_that_are_never_established(api: Any, client: Client) -> None:
    api.progresses = False
    with pytest.raises(ClusterFailed, match=r"CustomResourceDefinition pools.example.org: not established"):
        install(client, [CRD], deadline=Deadline(0.3))


@pytest.mark.parametrize("code", [409, 500, 503])
def test_temporary_refusals_are_retried(api: Any, client: Client, code: int) -> None:
    refusals = [(code, "not now"), (code, "not now")]
    api.refuses = lambda method, path: refusals.pop() if method == "PATCH" and refusals else None
    install(client, [daemon()], deadline=Deadline(10))
    assert AGENT_PATH in api.objects


@pytest.mark.parametrize("code", [400, 403, 422])
def test_permanent_refusals_fail_at_once(api: Any, client: Client, code: int) -> None:
    api.refuses = lambda method, path: (code, "spec.foo: unknown field") if method == "PATCH" else None
    with pytest.raises(ClusterFailed, match=r"DaemonSet kube-system/agent was refused: spec.foo: unknown field"):
        install(client, [daemon()], deadline=Deadline(30))
    assert sum(request.startswith("PATCH") for request in api.requests) == 1


def test_a_kind_that_is_not_served(api: Any, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "_OBJECT_SECONDS", 0.3)
    with pytest.raises(ClusterFailed, match="Pool default was refused"):
        install(client, [POOL], deadline=Deadline(30))


def test_the_api_is_ready_when_pods_can_be_made(api: Any, client: Client) -> None:
    with pytest.raises(ClusterFailed, match="no default ServiceAccount"):
        wait_api(client, deadline=Deadline(0.1))
    api.nodes(1)
    wait_api(client, deadline=Deadline(5))


def test_a_server_that_does_not_answer(client: Client, api: Any) -> None:
    api.refuses = lambda method, path: (401, "Unauthorized")
    with pytest.raises(
        ClusterFailed, match=r"the cluster's API is not ready: cannot get ServiceAccount default/default: Unauthorized"
    ):
        wait_api(client, deadline=Deadline(0.1))


def test_controllers_and_nodes_are_waited_for(api: Any, client: Client) -> None:
    api.nodes(2)
    install(client, [daemon()], deadline=Deadline(5))
    messages: list[str] = []
    wait_ready(client, [AGENT], nodes=2, deadline=Deadline(10), progress=messages.append)
    assert messages == [f"waiting for {AGENT}: its controller has not seen it yet"]


def test_controllers_that_do_not_become_ready_are_explained(api: Any, client: Client) -> None:
    api.nodes(1)
    not_ready = {"conditions": [{"type": "Ready", "status": "False", "message": "cni plugin not initialized"}]}
    api.add("/api/v1/nodes", {"metadata": {"name": "node-9"}, "status": not_ready})
    status = {"desiredNumberScheduled": 3, "numberReady": 1, "updatedNumberScheduled": 3}
    api.add("/apis/apps/v1/namespaces/kube-system/daemonsets", {**daemon(), "status": status})
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image quay.io/x"}
    pod = {
        "metadata": {"name": "agent-1", "namespace": "kube-system"},
        "spec": {"containers": []},
        "status": {"phase": "Pending", "containerStatuses": [{"state": {"waiting": waiting}}]},
    }
    api.add("/api/v1/namespaces/kube-system/pods", pod)
    with pytest.raises(ClusterFailed) as caught:
        wait_ready(client, [AGENT, ObjectPattern("Deployment", "kube-system", "gone")], nodes=3, deadline=Deadline(0.1))
    for words in (
        "DaemonSet kube-system/agent: 1 of 3 pods ready",
        "Deployment kube-system/gone: it does not exist",
        "nodes: 2 of 3 have joined",
        "node node-9: not Ready (cni plugin not initialized)",
        "Back-off pulling image quay.io/x",
    ):
        assert words in str(caught.value)


def test_a_plugin_that_has_failed_permanently_fails_at_once_with_its_log(api: Any, client: Client) -> None:
    api.nodes(1)
    status = {"desiredNumberScheduled": 1, "numberReady": 0, "updatedNumberScheduled": 1}
    api.add("/apis/apps/v1/namespaces/kube-system/daemonsets", {**daemon(), "status": status})
    ended = {"exitCode": 1, "reason": "Error", "message": "no such interface"}
    containers = [
        {"name": "image", "state": {"waiting": {"reason": "InvalidImageName"}}},
        {"name": "agent", "restartCount": 5, "state": {"running": {}}, "lastState": {"terminated": ended}},
    ]
    pod = {
        "metadata": {"name": "agent-1", "namespace": "kube-system", "uid": "1"},
        "spec": {"containers": []},
        "status": {"phase": "Pending", "containerStatuses": containers},
    }
    api.add("/api/v1/namespaces/kube-system/pods", pod)
    api.logs["/api/v1/namespaces/kube-system/pods/agent-1/log"] = "starting\nFATAL: eth7 is not there\n"
    deadline = Deadline(60)
    with pytest.raises(ClusterFailed) as caught:
        wait_ready(client, [AGENT], nodes=1, deadline=deadline)
    assert deadline.remaining > 30
    for words in (
        "the cluster cannot become ready:",
        "DaemonSet kube-system/agent: 0 of 1 pods ready",
        "pod kube-system/agent-1 is not ready: InvalidImageName",
        "agent: FATAL: eth7 is not there",
    ):
        assert words in str(caught.value)


def test_a_cluster_without_a_record(api: Any, client: Client, tmp_path: Path) -> None:
    bare = recorded_cluster("theirs", _renamed(tmp_path))
    assert bare.dataplane == "unknown CNI on the kind cluster theirs"
    assert Capability.SCTP not in bare.capabilities


@pytest.mark.parametrize(
    ("noted", "expected"),
    [("Calico v3.32.2", "Calico v3.32.2 (nftables, IP in IP) on kind"), ("Calico v3.30.0", "Calico v3.32.2 on kind")],
)
def test_a_cluster_whose_plugin_was_changed_after_its_creation(
    api: Any, client: Client, tmp_path: Path, noted: str, expected: str
) -> None:
    data = {"plugins": noted, "dataplane": "Calico v3.32.2 (nftables, IP in IP) on kind", "capabilities": "SCTP"}
    note = {"metadata": {"name": "netpol-harness", "namespace": "kube-system"}, "data": data}
    api.add("/api/v1/namespaces/kube-system/configmaps", note)
    containers = [{"name": "calico-node", "image": "quay.io/calico/node:v3.32.2"}]
    spec = {"template": {"spec": {"containers": containers}}}
    api.add("/apis/apps/v1/namespaces/kube-system/daemonsets", {"metadata": {"name": "calico-node"}, "spec": spec})
    found = recorded_cluster("theirs", _renamed(tmp_path))
    assert found.dataplane == expected
    assert found.capabilities == {Capability.SCTP}


@pytest.mark.parametrize(("nodes", "expected"), [(1, False), (2, False), (3, True)])
def test_two_worker_nodes_need_a_third_node(nodes: int, expected: object) -> None:
    found = capabilities_of(CniDefinition("x"), IpFamily.IPV4, nodes)
    assert (Capability.TWO_NODES in found) == expected


def _renamed(directory: Path) -> Path:
    file = directory / "kubeconfig"
    file.write_text(file.read_text().replace('"c"', '"kind-theirs"'))
    return file
