from typing import Any

import pytest

from netpol_harness.emulator.store import Key
from netpol_harness.model.json_object import JsonObject


def template(**labels: str) -> JsonObject:
    ports = [{"containerPort": 8080, "name": "http"}]
    return {
        "metadata": {"labels": {"app": "web", **labels}},
        "spec": {"containers": [{"name": "c", "image": "i", "ports": ports}]},
    }


def deployment(**spec: Any) -> JsonObject:
    selector = {"matchLabels": {"app": "web"}}
    return {"metadata": {"name": "web"}, "spec": {"replicas": 2, "selector": selector, "template": template(), **spec}}


def service(**spec: Any) -> JsonObject:
    ports = [{"port": 80, "targetPort": "http"}]
    return {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": ports, **spec}}


def condition(status: JsonObject, kind: str) -> tuple[str, str]:
    return next((c["status"], c["reason"]) for c in status["conditions"] if c["type"] == kind)


def test_the_name_in_a_template_is_ignored(cluster: Any) -> None:
    named = template()
    named["metadata"] |= {"name": "web", "namespace": "elsewhere", "finalizers": ["example.com/held"]}
    cluster.create("deployments", deployment(template=named))
    pods = cluster.list("pods")
    assert len({pod["metadata"]["name"] for pod in pods} - {"web"}) == 2
    assert [pod["metadata"]["finalizers"] for pod in pods] == [["example.com/held"]] * 2


def test_a_deployment_creates_pods_that_name_their_owners(cluster: Any) -> None:
    cluster.create("deployments", deployment())
    [replica_set] = cluster.list("replicasets")
    digest = replica_set["metadata"]["labels"]["pod-template-hash"]
    assert replica_set["metadata"]["name"] == f"web-{digest}"
    assert len(cluster.list("pods")) == 2
    for pod in cluster.list("pods"):
        assert pod["metadata"]["name"].startswith(f"web-{digest}-")
        assert pod["metadata"]["labels"] == {"app": "web", "pod-template-hash": digest}
        assert pod["metadata"]["ownerReferences"][0]["uid"] == replica_set["metadata"]["uid"]


def test_the_status_follows_the_pods(cluster: Any) -> None:
    cluster.create("deployments", deployment())
    assert condition(cluster.status("deployments"), "Available") == ("False", "MinimumReplicasUnavailable")
    assert cluster.status("deployments")["unavailableReplicas"] == 2
    cluster.ready()
    status = cluster.status("deployments")
    assert condition(status, "Available") == ("True", "MinimumReplicasAvailable")
    assert condition(status, "Progressing") == ("True", "NewReplicaSetAvailable")
    counts = ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas")
    assert [status[name] for name in counts] == [2, 2, 2, 2]
    assert status["observedGeneration"] == 1
    assert "unavailableReplicas" not in status


@pytest.mark.parametrize("replicas", [0, 1, 5])
def test_scaling(cluster: Any, replicas: int) -> None:
    cluster.create("deployments", deployment())
    cluster.change("deployments", "web", replicas=replicas)
    assert len(cluster.list("pods")) == replicas


def test_scaling_down_deletes_unready_pods_first(cluster: Any) -> None:
    cluster.create("deployments", deployment())
    cluster.ready()
    kept = cluster.names("pods")
    cluster.change("deployments", "web", replicas=4)
    cluster.change("deployments", "web", replicas=2)
    assert cluster.names("pods") == kept


def test_a_new_template_replaces_the_pods_once_the_new_ones_are_ready(cluster: Any) -> None:
    cluster.create("deployments", deployment())
    cluster.ready()
    before = cluster.names("pods")
    cluster.change("deployments", "web", template=template(version="2"))
    assert before < cluster.names("pods")
    assert condition(cluster.status("deployments"), "Progressing") == ("True", "ReplicaSetUpdated")
    cluster.ready()
    assert len(cluster.list("pods")) == 2
    assert not before & cluster.names("pods")
    assert cluster.status("deployments")["updatedReplicas"] == cluster.status("deployments")["replicas"] == 2


def test_recreate_removes_the_old_pods_first(cluster: Any) -> None:
    cluster.create("deployments", deployment(strategy={"type": "Recreate"}))
    cluster.ready()
    before = cluster.names("pods")
    cluster.change("deployments", "web", template=template(version="2"))
    assert len(cluster.list("pods")) == 2
    assert not before & cluster.names("pods")


def test_an_earlier_template_again_is_a_new_revision_of_its_replica_set(cluster: Any) -> None:
    cluster.create("deployments", deployment())
    [first] = cluster.names("replicasets")
    for labels in ({"version": "2"}, {}):
        cluster.ready()
        cluster.change("deployments", "web", template=template(**labels))
    cluster.ready()
    assert len(cluster.list("replicasets")) == 2
    replica_set = cluster.store.get(Key("replicasets", "x", first))
    assert replica_set["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"
    assert replica_set["status"]["readyReplicas"] == 2


def test_history_is_limited(cluster: Any) -> None:
    cluster.create("deployments", deployment(revisionHistoryLimit=1))
    for version in "234":
        cluster.ready()
        cluster.change("deployments", "web", template=template(version=version))
    cluster.ready()
    assert len(cluster.list("replicasets")) == 2


def test_a_lost_pod_is_replaced(cluster: Any) -> None:
    cluster.create("deployments", deployment())
    gone = min(cluster.names("pods"))
    cluster.remove("pods", gone)
    assert len(cluster.names("pods") - {gone}) == 2


def test_a_relabelled_pod_is_released_and_replaced(cluster: Any) -> None:
    cluster.create("deployments", deployment())
    pod = cluster.list("pods")[0]
    labels = {"labels": {"app": "debug"}}
    cluster.store.modify(Key.of("pods", pod), lambda copy: {**copy, "metadata": {**copy["metadata"], **labels}})
    cluster.settle()
    assert len(cluster.list("pods")) == 3
    released = cluster.store.get(Key.of("pods", pod))
    assert released["metadata"]["ownerReferences"] == []


def test_a_matching_orphan_is_adopted(cluster: Any) -> None:
    cluster.create("pods", {**template(), "metadata": {"name": "orphan", "labels": {"app": "web"}}})
    cluster.create("replicasets", deployment(replicas=1))
    assert cluster.names("pods") == {"orphan"}


def test_dependents_are_deleted_with_their_owner(cluster: Any) -> None:
    cluster.create("deployments", deployment())
    cluster.create("services", service())
    cluster.ready()
    cluster.remove("deployments", "web")
    cluster.remove("services", "web")
    assert [cluster.list(r) for r in ("replicasets", "pods", "endpointslices", "endpoints")] == [[], [], [], []]


def test_orphaned_objects_stay(cluster: Any) -> None:
    cluster.create("deployments", deployment())
    [replica_set] = cluster.list("replicasets")
    free: JsonObject = {"ownerReferences": []}
    cluster.store.modify(
        Key.of("replicasets", replica_set), lambda copy: {**copy, "metadata": {**copy["metadata"], **free}}
    )
    cluster.store.remove(Key("deployments", "x", "web"))
    cluster.settle()
    assert len(cluster.list("pods")) == 2


def test_slices_distinguish_ready_endpoints(cluster: Any) -> None:
    cluster.create("deployments", deployment())
    cluster.create("services", service())
    cluster.ready()
    cluster.change("deployments", "web", replicas=3)
    [unready] = [pod for pod in cluster.list("pods") if not pod.get("status", {}).get("podIP")]
    waiting = {"status": {"podIP": "10.244.0.9", "podIPs": [{"ip": "10.244.0.9"}]}}
    cluster.store.modify(Key.of("pods", unready), lambda copy: {**copy, **waiting})
    cluster.settle()
    [one] = cluster.list("endpointslices")
    assert one["metadata"]["labels"]["kubernetes.io/service-name"] == "web"
    assert one["ports"] == [{"name": "", "protocol": "TCP", "port": 8080}]
    assert {e["addresses"][0]: e["conditions"]["ready"] for e in one["endpoints"]} == {
        "10.244.0.2": True,
        "10.244.0.3": True,
        "10.244.0.9": False,
    }
    [subset] = cluster.list("endpoints")[0]["subsets"]
    assert [a["ip"] for a in subset["addresses"]] == ["10.244.0.2", "10.244.0.3"]
    assert [a["ip"] for a in subset["notReadyAddresses"]] == ["10.244.0.9"]


def test_pods_that_differ_in_a_named_port_are_in_separate_slices(cluster: Any) -> None:
    cluster.create("services", service())
    for name, number in (("a", 8080), ("b", 9090)):
        ports = [{"containerPort": number, "name": "http"}]
        spec = {"containers": [{"name": "c", "image": "i", "ports": ports}]}
        cluster.create("pods", {"metadata": {"name": name, "labels": {"app": "web"}}, "spec": spec})
    cluster.ready()
    assert sorted(s["ports"][0]["port"] for s in cluster.list("endpointslices")) == [8080, 9090]


def test_a_headless_service_without_ports_has_endpoints(cluster: Any) -> None:
    cluster.create("services", service(clusterIP="None", ports=[]))
    cluster.create("deployments", deployment())
    cluster.ready()
    [one] = cluster.list("endpointslices")
    assert len(one["endpoints"]) == 2


def test_hand_made_endpoints_are_left_alone(cluster: Any) -> None:
    cluster.create("services", {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}})
    cluster.create("endpoints", {"metadata": {"name": "web"}, "subsets": [{"addresses": [{"ip": "203.0.113.1"}]}]})
    cluster.change("services", "web", ports=[{"port": 81}])
    assert cluster.list("endpoints")[0]["subsets"]
