from typing import Any

import pytest


def ordinals(cluster: Any) -> list[str]:
    return sorted(cluster.names("pods"))


def revision(cluster: Any, pod: str) -> str:
    return str(cluster.get("pods", pod)["metadata"]["labels"]["controller-revision-hash"])


def test_pods_start_one_after_the_other(cluster: Any, workload: Any) -> None:
    cluster.create("statefulsets", workload("db", replicas=3, serviceName="db"))
    for expected in (["db-0"], ["db-0", "db-1"], ["db-0", "db-1", "db-2"]):
        assert ordinals(cluster) == expected
        cluster.ready()
    status = cluster.status("statefulsets", "db")
    assert [status[name] for name in ("replicas", "readyReplicas", "currentReplicas", "updatedReplicas")] == [3] * 4
    assert status["currentRevision"] == status["updateRevision"]


def test_a_pod_has_an_identity(cluster: Any, workload: Any) -> None:
    cluster.create("statefulsets", workload("db", serviceName="peers", ordinals={"start": 4}))
    pod = cluster.get("pods", "db-4")
    assert pod["metadata"]["labels"] == {
        "app": "db",
        "apps.kubernetes.io/pod-index": "4",
        "controller-revision-hash": cluster.status("statefulsets", "db")["updateRevision"],
        "statefulset.kubernetes.io/pod-name": "db-4",
    }
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("db-4", "peers")
    assert pod["metadata"]["ownerReferences"][0]["kind"] == "StatefulSet"


def test_parallel_pods_start_and_end_together(cluster: Any, workload: Any) -> None:
    cluster.create("statefulsets", workload("db", replicas=3, podManagementPolicy="Parallel"))
    assert ordinals(cluster) == ["db-0", "db-1", "db-2"]
    cluster.change("statefulsets", "db", replicas=0)
    assert ordinals(cluster) == []


def test_a_lost_pod_comes_back_under_its_name(cluster: Any, workload: Any) -> None:
    cluster.create("statefulsets", workload("db", replicas=2, podManagementPolicy="Parallel"))
    cluster.ready()
    before = cluster.get("pods", "db-0")["metadata"]["uid"]
    cluster.delete("pods", "db-0")
    assert ordinals(cluster) == ["db-0", "db-1"]
    assert cluster.get("pods", "db-0")["metadata"]["uid"] != before


def test_a_failed_pod_is_replaced(cluster: Any, workload: Any) -> None:
    cluster.create("statefulsets", workload("db"))
    before = cluster.get("pods", "db-0")["metadata"]["uid"]
    cluster.set_phase("db-0", "Failed")
    assert cluster.get("pods", "db-0")["metadata"]["uid"] != before


def test_the_highest_ordinal_ends_first_and_each_end_is_awaited(cluster: Any, workload: Any) -> None:
    cluster.create("statefulsets", workload("db", replicas=3))
    for _ in range(3):
        cluster.ready()
    cluster.kubelet.holds = True
    cluster.change("statefulsets", "db", replicas=1)
    for last in ("db-2", "db-1"):
        assert [p["metadata"]["name"] for p in cluster.list("pods") if "deletionTimestamp" in p["metadata"]] == [last]
        cluster.remove("pods", last)
    assert ordinals(cluster) == ["db-0"]


def template(workload: Any, **labels: str) -> Any:
    made = workload("db")["spec"]["template"]
    return {**made, "metadata": {"labels": {**made["metadata"]["labels"], **labels}}}


def test_an_update_replaces_pods_from_the_highest_ordinal_down(cluster: Any, workload: Any) -> None:
    cluster.create("statefulsets", workload("db", replicas=2, podManagementPolicy="Parallel"))
    cluster.ready()
    old = revision(cluster, "db-0")
    cluster.change("statefulsets", "db", template=template(workload, version="2"))
    new = cluster.status("statefulsets", "db")["updateRevision"]
    assert [revision(cluster, name) for name in ("db-0", "db-1")] == [old, new]
    cluster.ready()
    assert [revision(cluster, name) for name in ("db-0", "db-1")] == [new, new]
    assert cluster.status("statefulsets", "db")["currentRevision"] == old
    cluster.ready()
    assert cluster.status("statefulsets", "db")["currentRevision"] == new
    assert {each["revision"] for each in cluster.list("controllerrevisions")} == {1, 2}


@pytest.mark.parametrize(
    ("strategy", "updated"),
    [
        ({"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}, ["db-1"]),
        ({"type": "OnDelete"}, []),
    ],
)
def test_updates_that_spare_pods(cluster: Any, workload: Any, strategy: Any, updated: list[str]) -> None:
    cluster.create("statefulsets", workload("db", replicas=2, podManagementPolicy="Parallel", updateStrategy=strategy))
    cluster.ready()
    cluster.change("statefulsets", "db", template=template(workload, version="2"))
    cluster.ready()
    new = cluster.status("statefulsets", "db")["updateRevision"]
    assert [name for name in ordinals(cluster) if revision(cluster, name) == new] == updated


def test_pods_below_the_partition_return_with_the_old_template(cluster: Any, workload: Any) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    cluster.create("statefulsets", workload("db", replicas=2, podManagementPolicy="Parallel", updateStrategy=strategy))
    cluster.ready()
    cluster.change("statefulsets", "db", template=template(workload, version="2"))
    cluster.delete("pods", "db-0")
    assert "version" not in cluster.get("pods", "db-0")["metadata"]["labels"]
    assert cluster.get("pods", "db-1")["metadata"]["labels"]["version"] == "2"


def test_claims_outlive_pods(cluster: Any, workload: Any) -> None:
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    pod = {"volumes": [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}]}
    cluster.create("statefulsets", workload("db", pod, volumeClaimTemplates=[claim]))
    assert cluster.names("persistentvolumeclaims") == {"data-db-0"}
    volumes = {volume["name"]: volume for volume in cluster.get("pods", "db-0")["spec"]["volumes"]}
    assert volumes["data"] == {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}}
    assert "emptyDir" in volumes["tmp"]
    cluster.change("statefulsets", "db", replicas=0)
    assert cluster.names("persistentvolumeclaims") == {"data-db-0"}


def test_a_headless_service_publishes_the_hostnames_of_its_own_pods(cluster: Any, workload: Any) -> None:
    for name in ("db", "other"):
        spec = {"clusterIP": "None", "selector": {"app": "db"}, "ports": [{"port": 5432}]}
        cluster.create("services", {"metadata": {"name": name}, "spec": spec})
    cluster.create("statefulsets", workload("db", serviceName="db"))
    cluster.ready()
    hostnames = {
        each["metadata"]["labels"]["kubernetes.io/service-name"]: each["endpoints"][0].get("hostname")
        for each in cluster.list("endpointslices")
    }
    assert hostnames == {"db": "db-0", "other": None}
