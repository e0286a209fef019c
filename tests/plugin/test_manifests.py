"""Everybody's manifests run, and the run says what it has made of them."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

EVERYTHING = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: rollouts.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {kind: Rollout, plural: rollouts, singular: rollout, listKind: RolloutList}
  versions:
  - {name: v1, served: true, storage: true,
     schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
---
{apiVersion: example.org/v1, kind: Rollout, metadata: {name: front, namespace: shop}, spec: {replicas: 1,
 template: {metadata: {labels: {app: front}},
            spec: {containers: [{name: c, image: i, ports: [{containerPort: 80}]}]}}}}
---
{apiVersion: example.org/v1, kind: Rollout, metadata: {name: settings, namespace: shop}, spec: {pause: true}}
---
{apiVersion: v1, kind: Pod, metadata: {name: client, namespace: shop, labels: {app: client}},
 spec: {containers: [{name: c, image: i}]}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: front, namespace: shop},
 spec: {podSelector: {matchLabels: {app: front}}, ingress: [{from: [{podSelector: {matchLabels: {app: client}}}]}]}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: shop-reader}, rules: []}
---
{apiVersion: monitoring.coreos.com/v1, kind: ServiceMonitor, metadata: {name: a, namespace: shop}, spec: {}}
---
{apiVersion: monitoring.coreos.com/v1, kind: ServiceMonitor, metadata: {name: b, namespace: shop}, spec: {}}
"""


def folder(demo: "Demo", text: str) -> Path:
    directory = demo.pytester.mkdir("k8s")
    (directory / "all.yaml").write_text(text)
    return directory


@pytest.mark.live
def test_a_run_names_what_it_assumed_left_out_and_replaced(demo: "Demo") -> None:
    folder(demo, EVERYTHING)
    result = demo.run("--derive", "k8s/all.yaml")
    result.assert_outcomes(passed=1)
    text = " ".join(result.stdout.str().split())
    assumed = "no manifest declares the namespace shop: assumed to exist"
    assert assumed in text.partition("truth table")[0]
    assert f"netpol: k8s/all.yaml: {assumed}" in text, "in the header, too"
    assert "not applied: 1 kind, 2 objects (ServiceMonitor 2); this cluster lacks these kinds" in text
    assert "made as Deployments: 1 kind, 1 object (Rollout); this cluster lacks their controllers" in text
    assert demo.vanished(), demo.left()


@pytest.mark.live
def test_an_error_of_the_api_names_the_object_its_place_and_the_verb(demo: "Demo") -> None:
    directory = folder(demo, EVERYTHING)
    (directory / "bad.json").write_text(
        '{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "shop"},\n'
        ' "spec": {"clusterIP": "1.2.3.4", "selector": {"app": "front"}, "ports": [{"port": 80}]}}'
    )
    result = demo.run("--derive", "k8s")
    result.assert_outcomes(errors=2)
    text = " ".join(result.stdout.str().split())
    assert "cannot create Service shop/s (bad.json:1): " in text
    assert demo.vanished(), demo.left()


@pytest.mark.live
def test_paths_that_a_policy_of_another_api_may_govern_are_left_out_and_counted(demo: "Demo") -> None:
    meshed = {"namespace: shop, labels: {app: client}": "namespace: back, labels: {app: client}"}
    text = EVERYTHING
    for old, new in meshed.items():
        text = text.replace(old, new)
    policy = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: shop}}\n"
    folder(demo, f"{text}---\n{policy}")
    result = demo.run("--derive", "k8s", "-rs")
    result.assert_outcomes(skipped=1)
    assert "this backend has no policies of other APIs" in " ".join(result.stdout.str().split())
    assert demo.vanished(), demo.left()
