"""Steps as states: labels, recreated and absent objects, and the names that they mean."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import ScenarioInvalid
from harness.matrix.names import ObjectName
from harness.model.flow import PodRef
from harness.scenario.load import load
from harness.scenario.scenario import Relabel, Step

Write = Callable[..., Path]
WEB, DB = PodRef("default", "web"), PodRef("default", "db")
SHOP = """
kind: Namespace
apiVersion: v1
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: till, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: till}}
  template:
    metadata: {labels: {app: till}}
    spec: {containers: [{name: c, image: i, ports: [{containerPort: 80}, {containerPort: 53, protocol: UDP}]}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web, namespace: shop}
"""


def step(write: Write, text: str) -> Step:
    head = "title: x\nworkloads: [workloads.yaml, shop.yaml]\nexternal: [user]\nsteps:\n"
    (only,) = load(write(f"{head}- {{name: s, others: blocked, {text}}}", {"shop.yaml": SHOP})).steps
    return only


def test_controllers_are_workloads_under_their_own_names(write: Write) -> None:
    till = step(write, "").inventory.workloads[PodRef("shop", "till")]
    assert (till.kind, till.replicas, till.labels) == ("Deployment", 2, {"app": "till"})
    assert [str(p.port) for p in till.ports] == ["80/TCP", "53/UDP"]


def test_labels_of_a_step_are_what_its_pods_wear(write: Write) -> None:
    found = step(write, "labels: {pods: {web: {app: null, tier: on}}, namespaces: {shop: {team: a}}}")
    assert found.labels == (
        Relabel(ObjectName("Pod", WEB), {"app": None, "tier": "on"}),
        Relabel(ObjectName("Namespace", PodRef("", "shop")), {"team": "a"}),
    )
    assert found.inventory.workloads[WEB].labels == {"tier": "on"}
    assert found.inventory.workloads[DB].labels == {"app": "db"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("db", ObjectName("Pod", DB)),
        ("default/db", ObjectName("Pod", DB)),
        ("till", ObjectName("Deployment", PodRef("shop", "till"))),
        ("db-service", ObjectName("Service", PodRef("default", "db-service"))),
        ("Service/db-service", ObjectName("Service", PodRef("default", "db-service"))),
        ("ConfigMap/web", ObjectName("ConfigMap", PodRef("shop", "web"))),
        ("ConfigMap/shop/web", ObjectName("ConfigMap", PodRef("shop", "web"))),
    ],
)
def test_absent_names_any_object(write: Write, text: str, name: ObjectName) -> None:
    found = step(write, f"absent: [{text}]")
    assert found.absent == (name,)
    assert name.ref not in found.inventory.workloads or name.kind not in ("Pod", "Deployment")
    assert name.ref not in found.inventory.services or name.kind != "Service"


def test_recreated_pods(write: Write) -> None:
    assert step(write, "recreate: [web, default/db]").recreate == (WEB, DB)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("recreate: [till]", "Deployment shop/till cannot be recreated: only Pods can"),
        ("labels: {pods: {till: {a: b}}}", "Deployment shop/till cannot be relabelled: only Pods can"),
        ("absent: [Namespace/shop]", "no workload manifest makes 'Namespace/shop'"),
        ("absent: [ConfigMap/default/web]", "no workload manifest makes 'ConfigMap/default/web'"),
        ("absent: [user]", "'user' is an external host, which steps do not change"),
        ("absent: [nobody]", "there is no workload, Service or external host called 'nobody'"),
    ],
)
def test_what_a_step_cannot_change(write: Write, text: str, says: str) -> None:
    with pytest.raises(ScenarioInvalid, match=says):
        step(write, text)


def test_policies_live_in_the_namespaces_of_the_workloads(write: Write) -> None:
    policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: shops}\nspec: {}"
    with pytest.raises(ScenarioInvalid, match="no manifest makes the namespace 'shops'"):
        load(write(files={"deny.yaml": policy}))
