"""A cluster that lacks a kind gets what it can hold."""

from typing import Any

import pytest

from netpol_harness.model.kinds import makes_pods
from netpol_harness.model.names import ObjectKey
from netpol_harness.runner.available_kinds import AvailableKinds, as_deployment, defined_kinds
from netpol_harness.runner.state import State
from netpol_harness.wellknown import WORKLOAD_LABEL

TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c"}]}}


def thing(api: str, name: str = "x", **fields: Any) -> dict[str, Any]:
    version, _, kind = api.rpartition("/")
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "shop"}, **fields}


def definition(*, served: bool = True) -> dict[str, Any]:
    versions = [{"name": "v1alpha1", "served": False}, {"name": "v1", "served": served}]
    spec = {"group": "example.org", "names": {"kind": "Rollout"}, "versions": versions}
    return thing("apiextensions.k8s.io/v1/CustomResourceDefinition", "rollouts.example.org", spec=spec)


def state(*objects: dict[str, Any]) -> State:
    return {ObjectKey.of(data): data for data in objects}


def kinds(*served: str) -> AvailableKinds:
    """Return the kinds of a cluster that serves these, as in ``apps/v1/Deployment``."""
    return AvailableKinds(lambda version, kind: f"{version}/{kind}" in served)


@pytest.mark.parametrize("api", ["apps/v1/Deployment", "v1/Service", "networking.k8s.io/v1/NetworkPolicy"])
def test_what_decides_connectivity_is_always_applied(api: str) -> None:
    cluster, objects = kinds(), state(thing(api, spec={"template": TEMPLATE}))
    assert cluster.adapt(objects) == objects
    assert not cluster.left_out


@pytest.mark.parametrize(
    "api", ["autoscaling/v2beta2/HorizontalPodAutoscaler", "example.org/v1/Widget", "cilium.io/v2/CiliumNetworkPolicy"]
)
def test_other_kinds_are_applied_where_the_cluster_has_them(api: str) -> None:
    objects = state(thing(api), thing("v1/Pod"))
    assert kinds(api).adapt(objects) == objects
    cluster = kinds()
    assert [key.kind for key in cluster.adapt(objects)] == ["Pod"]
    assert [str(kind) for kind in cluster.left_out.values()] == [api.rpartition("/")[2]]


def test_a_kind_is_looked_up_once() -> None:
    asked: list[str] = []

    def serves(_: str, kind: str) -> bool:
        asked.append(kind)
        return False

    cluster = AvailableKinds(serves)
    for _ in range(3):
        cluster.adapt(state(thing("example.org/v1/Widget", "a"), thing("example.org/v1/Widget", "b")))
    assert asked == ["Widget"]


@pytest.mark.parametrize("served", [True, False])
def test_a_kind_that_the_scenario_defines_is_applied_if_it_will_be_served(*, served: bool) -> None:
    widget = thing("example.org/v1/Rollout", spec={})
    crd = definition(served=served)
    adapted = kinds("apiextensions.k8s.io/v1/CustomResourceDefinition").adapt(state(widget, crd))
    assert adapted == (state(widget, crd) if served else state(crd))
    assert list(defined_kinds(crd)) == ([("example.org/v1", "Rollout")] if served else [])


def test_a_workload_whose_controller_the_cluster_lacks_becomes_a_deployment() -> None:
    rollout = thing("example.org/v1/Rollout", "web", spec={"replicas": 3, "template": TEMPLATE})
    cluster = kinds("apiextensions.k8s.io/v1/CustomResourceDefinition")
    key = ObjectKey("apps/v1", "Deployment", "shop", "web")
    assert cluster.adapt(state(rollout, definition()))[key] == as_deployment(rollout)
    assert [str(kind) for kind in cluster.as_deployments.values()] == ["Rollout"]
    assert cluster.adapted_keys([ObjectKey.of(rollout), ObjectKey("v1", "Pod", "shop", "web")]) == {
        key,
        ObjectKey("v1", "Pod", "shop", "web"),
    }
    assert kinds("example.org/v1/Rollout").adapt(state(rollout)) == state(rollout)


def test_the_deployment_has_the_pods_of_the_workload() -> None:
    made = as_deployment(thing("example.org/v1/Rollout", "web", spec={"replicas": 3, "template": TEMPLATE}))
    assert made["metadata"] == {"name": "web", "namespace": "shop"}
    assert made["spec"] == {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE}
    assert makes_pods(made)


def test_pods_without_labels_get_one_that_the_deployment_selects() -> None:
    template = {"spec": TEMPLATE["spec"]}
    made = as_deployment(thing("serving.knative.dev/v1/Service", "web", spec={"template": template}))
    assert made["spec"]["selector"] == {"matchLabels": {WORKLOAD_LABEL: "web"}}
    assert made["spec"]["template"]["metadata"] == {"labels": {WORKLOAD_LABEL: "web"}}
