from typing import Any

import pytest


@pytest.fixture
def replicas(cluster: Any, workload: Any) -> Any:
    cluster.create("deployments", workload("web", replicas=2))
    return cluster


def test_background_deletion_removes_the_owner_first(replicas: Any) -> None:
    replicas.kubelet.holds = True
    replicas.delete("deployments", "web", propagationPolicy="Background")
    assert replicas.names("deployments") == replicas.names("replicasets") == set()
    assert all("deletionTimestamp" in pod["metadata"] for pod in replicas.list("pods"))


def test_foreground_deletion_removes_the_owner_last(replicas: Any) -> None:
    replicas.kubelet.holds = True
    replicas.delete("deployments", "web", propagationPolicy="Foreground")
    for pod in replicas.list("pods"):
        assert len(replicas.list("replicasets")) == len(replicas.list("deployments")) == 1
        assert replicas.get("deployments", "web")["metadata"]["finalizers"] == ["foregroundDeletion"]
        replicas.remove("pods", pod["metadata"]["name"])
    assert replicas.names("deployments") == replicas.names("replicasets") == set()


def test_orphaned_dependents_have_no_owner(replicas: Any) -> None:
    replicas.delete("deployments", "web", propagationPolicy="Orphan")
    [replica_set] = replicas.list("replicasets")
    assert replica_set["metadata"]["ownerReferences"] == []
    assert len(replicas.list("pods")) == 2


def test_any_kind_may_own_and_be_owned(cluster: Any) -> None:
    owner = cluster.create("configmaps", {"metadata": {"name": "owner"}})
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    spec = {"rules": [{"host": "a.example"}]}
    cluster.create("ingresses", {"metadata": {"name": "a", "ownerReferences": [reference]}, "spec": spec})
    cluster.delete("configmaps", "owner")
    assert cluster.names("ingresses") == set()


def test_a_reference_to_an_earlier_object_of_the_name_is_no_owner(cluster: Any) -> None:
    cluster.create("configmaps", {"metadata": {"name": "owner"}})
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": "another"}
    cluster.create("secrets", {"metadata": {"name": "a", "ownerReferences": [reference]}})
    assert cluster.names("secrets") == set()
