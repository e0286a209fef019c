"""Which node a pod goes to, and what kube-scheduler says if there is none."""

from typing import Any

import pytest

from netpol_harness.emulator.address_plan import IPV4_ONLY
from netpol_harness.emulator.kubelet import podstatus
from netpol_harness.emulator.scheduler.affinity import Cluster
from netpol_harness.emulator.scheduler.choice import Unschedulable, choose
from netpol_harness.model.json_object import JsonObject
from netpol_harness.wellknown import CALICO_ADDRESSES_ANNOTATION, EXTERNAL_HOST_ANNOTATION

FIRST, SECOND, THIRD = (IPV4_ONLY.node(index).name for index in range(3))
HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
VERSION = dict.fromkeys(("architecture", "kernel", "system", "kubernetes", "dataplane"), "x")


def nodes(number: int = 2, **first: Any) -> list[JsonObject]:
    """Return nodes; ``first`` are fields of the first one's spec, and its labels."""
    made = [podstatus.node(IPV4_ONLY.node(index), "now", 100, VERSION) for index in range(number)]
    made[0]["metadata"]["labels"] |= first.pop("labels", {})
    made[0]["spec"] |= first
    return made


def pod(name: str, node: str = "", labels: JsonObject | None = None, owner: str = "", **spec: Any) -> JsonObject:
    metadata: JsonObject = {"name": name, "namespace": spec.pop("namespace", "x"), "labels": labels or {"app": name}}
    if owner:
        metadata["ownerReferences"] = [{"uid": owner}]
    bound = {"nodeName": node} if node else {}
    return {"metadata": metadata, "spec": {"containers": [{"name": "c"}], **bound, **spec}}


def cluster(*pods: JsonObject, of: list[JsonObject] | None = None, **namespaces: dict[str, str]) -> Cluster:
    return Cluster(of or nodes(), pods, {"x": {}, **namespaces})


def affinity(kind: str, *, key: str = HOSTNAME, **term: Any) -> JsonObject:
    """Return the affinity to, or from, pods with the label ``app: web``."""
    whole = {"topologyKey": key, "labelSelector": {"matchLabels": {"app": "web"}}, **term}
    return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [whole]}}


def node_affinity(key: str, operator: str, *values: str) -> JsonObject:
    term = {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


def test_pods_spread_over_the_nodes_those_of_one_controller_first() -> None:
    assert choose(pod("a"), cluster()) == FIRST
    assert choose(pod("b"), cluster(pod("a", FIRST))) == SECOND
    crowded = cluster(pod("w", SECOND, owner="set"), pod("a", FIRST), pod("b", FIRST))
    assert choose(pod("c"), crowded) == SECOND
    assert choose(pod("c", owner="set"), crowded) == FIRST


@pytest.mark.parametrize(
    "spec",
    [
        {"nodeSelector": {HOSTNAME: SECOND}},
        {"affinity": node_affinity(HOSTNAME, "In", SECOND)},
        {"affinity": node_affinity("node-role.kubernetes.io/control-plane", "DoesNotExist")},
        {"affinity": affinity("podAffinity")},
        {"affinity": affinity("podAntiAffinity", labelSelector={"matchLabels": {"app": "db"}})},
        {"affinity": affinity("podAntiAffinity", labelSelector={"matchLabels": {"app": "db"}}, namespaces=["x", "y"])},
        {"affinity": affinity("podAffinity", namespaceSelector={})},
        {"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": HOSTNAME, "labelSelector": {}}]},
    ],
)
def test_the_second_node_is_chosen_where_the_first_is_nearer_to_all_else(spec: JsonObject) -> None:
    placed = cluster(pod("web", SECOND), pod("db", FIRST), pod("db2", FIRST))
    assert choose(pod("subject", labels={"app": "subject"}, **spec), placed) == SECOND


def test_a_preference_outweighs_the_spread() -> None:
    preferred = {"weight": 1, "podAffinityTerm": {"topologyKey": HOSTNAME, "labelSelector": {}}}
    near = {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [preferred]}}
    far = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [preferred]}}
    expression = {"key": HOSTNAME, "operator": "In", "values": [FIRST]}
    first = [{"weight": 5, "preference": {"matchExpressions": [expression]}}]
    taken = cluster(pod("a", FIRST))
    assert choose(pod("b", affinity=near), taken) == FIRST
    assert choose(pod("b", affinity=far), taken) == SECOND
    to_node = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": first}}
    assert choose(pod("b", affinity=to_node), taken) == FIRST


def test_a_taint_keeps_away_all_but_those_that_tolerate_it() -> None:
    tainted = nodes(taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}])
    assert choose(pod("a"), cluster(of=tainted)) == SECOND
    assert choose(pod("a", tolerations=[{"key": "gpu", "operator": "Exists"}]), cluster(of=tainted)) == FIRST
    assert choose(pod("a"), cluster(of=nodes(unschedulable=True))) == SECOND
    soft = nodes(taints=[{"key": "gpu", "effect": "PreferNoSchedule"}])
    assert choose(pod("a"), cluster(of=soft)) == FIRST


def test_a_pod_that_keeps_others_away_does_so_whoever_comes_first() -> None:
    lonely = pod("lonely", FIRST, affinity=affinity("podAntiAffinity"))
    others = [pod(name, SECOND, labels={"app": "other"}) for name in "ab"]
    assert choose(pod("web"), cluster(lonely, *others)) == SECOND
    assert choose(pod("db"), cluster(lonely, *others)) == FIRST
    assert choose(pod("web", namespace="y"), cluster(lonely, *others, y={})) == FIRST, "a term is about its namespace"


def test_the_first_pod_of_a_group_does_not_wait_for_itself() -> None:
    assert choose(pod("web", affinity=affinity("podAffinity")), cluster()) == FIRST
    with pytest.raises(Unschedulable, match="didn't match pod affinity rules"):
        choose(pod("api", affinity=affinity("podAffinity")), cluster())


def test_a_zone_is_one_domain() -> None:
    zoned = nodes(3)
    for node, zone in zip(zoned, ("a", "a", "b"), strict=True):
        node["metadata"]["labels"][ZONE] = zone
    spread = pod("web2", labels={"app": "web"}, affinity=affinity("podAntiAffinity", key=ZONE))
    assert choose(spread, cluster(pod("web", FIRST), of=zoned)) == THIRD


def port(number: int, **fields: Any) -> JsonObject:
    return {"containers": [{"name": "c", "ports": [{"containerPort": number, "hostPort": number, **fields}]}]}


def test_host_ports_are_those_of_each_node() -> None:
    assert choose(pod("b", **port(80)), cluster(pod("a", FIRST, **port(80)), pod("c", SECOND))) == SECOND


def test_an_unschedulable_pod_has_the_words_of_kube_scheduler() -> None:
    limited = nodes(4, taints=[{"key": "gpu", "effect": "NoSchedule"}])
    limited[1]["status"]["allocatable"] = {"pods": "1"}
    third, fourth = (node["metadata"]["name"] for node in limited[2:])
    full = cluster(pod("a", SECOND), pod("b", third, **port(80)), pod("web", fourth), of=limited)
    with pytest.raises(Unschedulable) as problem:
        choose(pod("w2", affinity=affinity("podAntiAffinity"), **port(80)), full)
    assert str(problem.value) == (
        "0/4 nodes are available: 1 Too many pods, 1 node(s) didn't have free ports for the requested pod ports, "
        "1 node(s) didn't match pod anti-affinity rules, 1 node(s) had untolerated taint {gpu: }."
    )
    with pytest.raises(Unschedulable) as problem:
        choose(pod("a", nodeSelector={"disk": "ssd"}), cluster())
    assert str(problem.value) == "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."


@pytest.mark.parametrize(("address", "node"), [("10.244.0.250", FIRST), ("10.244.1.250", SECOND), ("nonsense", FIRST)])
def test_a_chosen_address_is_of_one_node(address: str, node: str) -> None:
    choosing = pod("a")
    choosing["metadata"]["annotations"] = {CALICO_ADDRESSES_ANNOTATION: f'["{address}"]'}
    assert choose(choosing, cluster()) == node


def test_a_host_outside_has_no_wishes() -> None:
    outside = pod("user", nodeSelector={"disk": "ssd"})
    outside["metadata"]["annotations"] = {EXTERNAL_HOST_ANNOTATION: ""}
    assert choose(outside, cluster()) == FIRST
