"""Namespaces move, everything else stays."""

import re
from base64 import b64encode
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_harness import wellknown
from netpol_harness.errors import ClusterFailed
from netpol_harness.model.cluster_policy import ClusterNetworkPolicy
from netpol_harness.paths.path import Inventory
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import NODE_NAMESPACE, Manifest, Scenario, Step

MOVED = Placement({"default": "t-default-x", "shop": "t-shop-x"})
NAME = wellknown.NAMESPACE_NAME_LABEL
EMPTY = Inventory({}, {}, {})


def scenario(name: str, *namespaces: str) -> Scenario:
    workloads = [Manifest(namespace_object(n), "w.yaml:1") for n in namespaces]
    return Scenario(name, "x", Path("scenario.yaml"), tuple(workloads), (Step("s", "scenario.yaml:1", EMPTY),), EMPTY)


def namespace_object(name: str, **labels: str) -> dict[str, Any]:
    metadata = {"name": name, **({"labels": labels} if labels else {})}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def thing(kind: str, namespace: str | None = None, **fields: Any) -> dict[str, Any]:
    metadata = {"name": "x", **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **fields}


def base64(content: bytes) -> str:
    return b64encode(content).decode()


def selector(*names: str) -> dict[str, Any]:
    expression = {"key": NAME, "operator": "In", "values": list(names)}
    other = {"key": "team", "operator": "In", "values": ["shop"]}
    return {"matchLabels": {NAME: names[0], "team": "shop"}, "matchExpressions": [expression, other]}


def policy(*names: str) -> dict[str, Any]:
    peers = [{"namespaceSelector": selector(*names), "podSelector": selector("shop")}]
    return {"podSelector": selector("shop"), "ingress": [{"from": peers}], "egress": [{"to": peers}]}


def pod(text: str) -> dict[str, Any]:
    container = {"name": "shop", "args": ["sh", text], "command": [text], "env": [{"name": "A", "value": text}]}
    return {"template": {"spec": {"containers": [container], "initContainers": [container]}}}


@pytest.mark.parametrize(
    ("written", "placed"),
    [
        (thing("Pod"), thing("Pod", "t-default-x")),
        (thing("Pod", "shop"), thing("Pod", "t-shop-x")),
        (thing("Pod", "kube-system"), thing("Pod", "kube-system")),
        (thing("ClusterRole"), thing("ClusterRole")),
        (
            namespace_object("shop", **{NAME: "shop", "team": "shop"}),
            namespace_object("t-shop-x", team="shop"),
        ),
        (namespace_object("shop"), namespace_object("t-shop-x")),
        (
            thing("NetworkPolicy", spec=policy("shop", "kube-system")),
            thing("NetworkPolicy", "t-default-x", spec=policy("t-shop-x", "kube-system")),
        ),
        (
            thing("ClusterNetworkPolicy", spec={"subject": {"namespaces": selector("shop")}}),
            thing("ClusterNetworkPolicy", spec={"subject": {"namespaces": selector("t-shop-x")}}),
        ),
        (
            thing("RoleBinding", "shop", subjects=[{"name": "shop", "namespace": "shop"}]),
            thing("RoleBinding", "t-shop-x", subjects=[{"name": "shop", "namespace": "t-shop-x"}]),
        ),
        (
            thing("Deployment", spec=pod("db.shop.svc:80 till.default.svc.cluster.local a.kube-system.svc shop.svc")),
            thing(
                "Deployment",
                "t-default-x",
                spec=pod("db.t-shop-x.svc:80 till.t-default-x.svc.cluster.local a.kube-system.svc shop.svc"),
            ),
        ),
        (
            thing("ConfigMap", data={"a": "db.shop.svc", "subjects": "shop"}),
            thing("ConfigMap", "t-default-x", data={"a": "db.t-shop-x.svc", "subjects": "shop"}),
        ),
        (
            thing("Secret", "shop", data={"a": base64(b"db.shop.svc"), "b": base64(b"\xff"), "c": "shop.svc"}),
            thing("Secret", "t-shop-x", data={"a": base64(b"db.t-shop-x.svc"), "b": base64(b"\xff"), "c": "shop.svc"}),
        ),
        (
            thing("Service", "kube-system", spec={"externalName": "db.shop.svc.cluster.local"}),
            thing("Service", "kube-system", spec={"externalName": "db.t-shop-x.svc.cluster.local"}),
        ),
        (
            thing("Webhook", "kube-system", clientConfig={"service": {"name": "a", "namespace": "shop"}}),
            thing("Webhook", "kube-system", clientConfig={"service": {"name": "a", "namespace": "t-shop-x"}}),
        ),
        (
            thing(
                "Deployment", "shop", spec={"selector": selector("shop"), "image": "r.shop.svc/a", "u": "r.shop.svc"}
            ),
            thing(
                "Deployment",
                "t-shop-x",
                spec={"selector": selector("shop"), "image": "r.shop.svc/a", "u": "r.t-shop-x.svc"},
            ),
        ),
    ],
)
def test_what_names_a_namespace_follows_it(written: dict[str, Any], placed: dict[str, Any]) -> None:
    before = deepcopy(written)
    assert MOVED.manifest(written) == placed
    assert written == before


WORDS = ["namespaceSelector", "matchLabels", "matchExpressions", "key", "values", NAME, "subjects", "namespace", "spec"]
KEYS = st.sampled_from([*WORDS, "containers", "env", "value", "args"])
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["shop", "default", "a.shop.svc", "kube-system", NAME]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.builds(
    lambda kind, namespace, spec, subjects: thing(kind, namespace, spec=spec, subjects=subjects),
    st.sampled_from(["Pod", "NetworkPolicy", "RoleBinding", "ConfigMap", "Namespace", "ClusterRole"]),
    st.sampled_from([None, "default", "shop", "kube-system", "other"]),
    TREES,
    TREES,
)


@given(OBJECTS)
def test_literal_is_the_identity(data: dict[str, Any]) -> None:
    assert Placement.literal(scenario("s", "default", "shop")).manifest(data) == data


@given(OBJECTS)
def test_what_is_not_mapped_stays(data: dict[str, Any]) -> None:
    assert Placement({"nowhere": "t-nowhere-x"}).manifest(data) == data


@given(OBJECTS)
def test_moving_there_and_back_loses_nothing_but_the_default(data: dict[str, Any]) -> None:
    back = Placement({real: name for name, real in MOVED.names.items()})
    there = MOVED.manifest(data)
    returned = back.manifest(there)
    if returned["metadata"].get("namespace") == "default" and "namespace" not in data["metadata"]:
        del returned["metadata"]["namespace"]
    assert returned == data


@given(
    st.text(max_size=80),
    st.lists(st.from_regex(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True), unique=True, max_size=4),
)
def test_unique_names_are_dns_labels_and_one_to_one(name: str, namespaces: list[str]) -> None:
    placement = Placement.unique(replace(scenario("x", *namespaces), name=name), "x7f3a")
    assert set(placement.names) == {*namespaces, NODE_NAMESPACE}
    for logical, real in placement.names.items():
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", real)
        assert real.endswith("-x7f3a")
        assert (placement.real(logical), placement.logical(real)) == (real, logical)


def test_a_unique_name_reads_well() -> None:
    assert Placement.unique(scenario("three_tier", "default"), "x7f3a").real("default") == "three-tier-default-x7f3a"


def test_the_clusters_own_namespaces_stay() -> None:
    placement = Placement.unique(scenario("s", "kube-system", "shop"), "x")
    assert placement.real("kube-system") == "kube-system"
    assert placement.logical("kube-system") == "kube-system"


def test_two_namespaces_never_share_a_place() -> None:
    with pytest.raises(ValueError, match="two namespaces are placed in one"):
        Placement({"a": "x", "b": "x"})


def test_existing_namespaces_are_used_as_they_are_and_missing_ones_reported() -> None:
    shop = scenario("shop", "one", "two")
    placement = Placement.given_by(shop, {"one": "x", "two": "y", "three": "z"})
    assert placement.given
    assert dict(placement.names) == {"one": "x", "two": "y"}
    with pytest.raises(ClusterFailed, match="add --namespace two=NAME"):
        Placement.given_by(shop, {"one": "x"})


def cluster_policy(subject: dict[str, Any]) -> dict[str, Any]:
    rule = {"action": "Accept", "from": [{"namespaces": {}}]}
    spec = {"tier": "Admin", "priority": 1, "subject": subject, "ingress": [rule]}
    kind = {"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy"}
    return {**kind, "metadata": {"name": "admin"}, "spec": spec}


def confined(scenario: Scenario, subject: dict[str, Any]) -> ClusterNetworkPolicy:
    """Return the policy with this subject, as a placement in unique namespaces applies it."""
    return ClusterNetworkPolicy.parse(Placement.unique(scenario, "x7f3a").manifest(cluster_policy(subject)))


SELECTORS = st.sampled_from(
    [
        {},
        {"matchLabels": {"team": "shop"}},
        {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["shop"]}]},
        selector("shop"),
    ]
)
SUBJECTS = st.one_of(
    st.builds(lambda one: {"namespaces": one}, SELECTORS),
    st.builds(lambda one: {"pods": {"namespaceSelector": one, "podSelector": {}}}, SELECTORS),
    st.just({"pods": {"podSelector": {}}}),
)


@given(SUBJECTS, st.sampled_from([{}, {"team": "shop"}, {"team": "till"}]))
def test_a_policy_of_the_cluster_selects_the_same_pods_of_its_scenario_and_no_others(
    subject: dict[str, Any], labels: dict[str, str]
) -> None:
    shop = scenario("s", "shop", "till")
    placement = Placement.unique(shop, "x7f3a")
    written, placed = ClusterNetworkPolicy.parse(cluster_policy(subject)), confined(shop, subject)
    for name in ("shop", "till"):
        there = placed.subject.selects({**labels, NAME: placement.real(name)}, {})
        assert there is written.subject.selects({**labels, NAME: name}, {})
    for foreign in ("kube-system", "shop", placement.real(NODE_NAMESPACE)):
        assert not placed.subject.selects({**labels, NAME: foreign}, {})
    assert placed.ingress == written.ingress


def test_a_policy_of_the_cluster_has_a_name_of_its_own_unless_its_scenario_runs_alone() -> None:
    data, shop = cluster_policy({"namespaces": {}}), scenario("s", "shop")
    placed = Placement.unique(shop, "x7f3a").manifest(data)
    assert placed["metadata"]["name"] == Placement.unique(shop, "x7f3a").policy("admin") == "admin-x7f3a"
    alone = Placement.unique(replace(shop, exclusive=True), "x7f3a")
    assert (alone.manifest(data), alone.policy("admin")) == (data, "admin")


@given(st.integers(200, 253))
def test_a_long_name_of_a_policy_stays_valid(length: int) -> None:
    placement = Placement.unique(scenario("s", "shop"), "x7f3a")
    names = {placement.policy("a" * length + last) for last in "bc"}
    assert len(names) == 2
    assert all(len(name) <= 253 and name.endswith("-x7f3a") for name in names)
