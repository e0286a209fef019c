from collections.abc import Mapping
from typing import Any

import pytest

from netpol_harness.emulator.controllers.node_admission import admits
from netpol_harness.emulator.store import Key


def node(name: str, labels: Mapping[str, str] | None = None, *taints: Mapping[str, str]) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": dict(labels or {})}, "spec": {"taints": list(taints)}}


def add_node(cluster: Any, name: str, *taints: Mapping[str, str], **labels: str) -> None:
    cluster.store.create("nodes", node(name, labels, *taints))
    cluster.settle()


def nodes_of(cluster: Any) -> list[str]:
    return sorted(pod["spec"]["nodeName"] for pod in cluster.list("pods"))


def test_each_node_has_a_pod(cluster: Any, workload: Any) -> None:
    add_node(cluster, "a")
    cluster.create("daemonsets", workload("agent"))
    add_node(cluster, "b")
    assert nodes_of(cluster) == ["a", "b"]
    cluster.ready()
    counts = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled")
    assert [cluster.status("daemonsets", "agent")[name] for name in counts] == [2, 2, 2, 2]
    cluster.store.remove(Key("nodes", "", "a"))
    cluster.settle()
    assert nodes_of(cluster) == ["b"]


def test_a_lost_pod_is_replaced_on_its_node(cluster: Any, workload: Any) -> None:
    add_node(cluster, "a")
    cluster.create("daemonsets", workload("agent"))
    [first] = cluster.names("pods")
    cluster.delete("pods", first)
    assert nodes_of(cluster) == ["a"]
    assert cluster.names("pods") != {first}


def test_an_update_replaces_one_ready_pod_at_a_time(cluster: Any, workload: Any) -> None:
    for name in ("a", "b"):
        add_node(cluster, name)
    cluster.create("daemonsets", workload("agent"))
    cluster.ready()
    old = cluster.names("pods")
    template = workload("agent")["spec"]["template"]
    changed = {**template, "metadata": {"labels": {"app": "agent", "version": "2"}}}
    cluster.change("daemonsets", "agent", template=changed)
    assert len(old & cluster.names("pods")) == 1
    cluster.ready()
    assert not old & cluster.names("pods")


def test_on_delete_keeps_the_pods(cluster: Any, workload: Any) -> None:
    add_node(cluster, "a")
    cluster.create("daemonsets", workload("agent", updateStrategy={"type": "OnDelete"}))
    cluster.ready()
    old = cluster.names("pods")
    template = workload("agent")["spec"]["template"]
    cluster.change("daemonsets", "agent", template={**template, "spec": {**template["spec"], "hostNetwork": True}})
    assert cluster.names("pods") == old


def required(*terms: Mapping[str, Any]) -> dict[str, Any]:
    rule = {"nodeSelectorTerms": list(terms)}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": rule}}}


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("spec", "admitted"),
    [
        ({}, True),
        ({"nodeSelector": {"disk": "ssd"}}, True),
        ({"nodeSelector": {"disk": "hdd"}}, False),
        (required(expression("disk", "In", "ssd", "nvme")), True),
        (required(expression("disk", "NotIn", "ssd")), False),
        (required(expression("disk", "In", "hdd"), expression("cores", "Gt", "4")), True),
        (required(expression("cores", "Lt", "8")), False),
        (required(expression("disk", "Gt", "1")), False),
        (required({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}), True),
        (required({}), False),
    ],
)
def test_labels_of_nodes(spec: Mapping[str, Any], *, admitted: bool) -> None:
    assert admits(node("a", {"disk": "ssd", "cores": "8"}), spec, ()) is admitted


@pytest.mark.parametrize(
    ("toleration", "admitted"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "gpu", "operator": "Exists"}, True),
        ({"key": "gpu", "value": "yes", "effect": "NoSchedule"}, True),
        ({"key": "gpu", "value": "no"}, False),
        ({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "other", "operator": "Exists"}, False),
    ],
)
def test_taints_of_nodes(toleration: Mapping[str, str], *, admitted: bool) -> None:
    tainted = node("a", {}, {"key": "gpu", "value": "yes", "effect": "NoSchedule"})
    assert admits(tainted, {}, [toleration]) is admitted
    assert not admits(tainted, {}, [])
    assert admits(node("a", {}, {"key": "gpu", "effect": "PreferNoSchedule"}), {}, [])


def test_a_cordoned_node_runs_daemons(cluster: Any, workload: Any) -> None:
    add_node(cluster, "a", {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})
    add_node(cluster, "b", {"key": "dedicated", "effect": "NoSchedule"})
    cluster.create("daemonsets", workload("agent"))
    assert nodes_of(cluster) == ["a"]
