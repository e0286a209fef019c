"""Workloads of several pods, and ports that only Services and probes name, on the embedded cluster."""

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

WORKLOADS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: broker}
spec:
  replicas: 3
  selector: {matchLabels: {app: broker}}
  template:
    metadata: {labels: {app: broker}}
    spec: {containers: [{name: c, image: i, ports: [{containerPort: 5672, name: amqp}, {containerPort: 4369}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: till}
spec:
  selector: {matchLabels: {app: till}}
  template:
    metadata: {labels: {app: till}}
    spec: {containers: [{name: c, image: i, livenessProbe: {tcpSocket: {port: 8081}}}]}
---
{apiVersion: v1, kind: Service, metadata: {name: shop},
 spec: {selector: {app: till}, ports: [{port: 80, targetPort: 8080}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: client, labels: {app: client}}, spec: {containers: [{name: c, image: i}]}}
"""
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec:
  podSelector: {}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {matchLabels: {app: client}}}], ports: [{port: 5672}, {port: 8080}]}]
"""
SCENARIO = """
title: members of a cluster and each other
workloads: [workloads.yaml]
steps:
  - name: clients-only
    policies: [deny.yaml]
    paths:
      client -> broker:5672: allowed
      broker -> broker:4369: blocked
      client -> shop:80: allowed
      client -> till:8081: blocked
    others: oracle
"""


@pytest.mark.live
def test_members_are_asked_from_each_other_and_ports_need_no_declaration(demo: "Demo") -> None:
    demo.write(SCENARIO, WORKLOADS)
    (demo.pytester.path / "demo" / "deny.yaml").write_text(POLICY)
    result = demo.run("-v", "--report-dir", "report", "demo")
    result.assert_outcomes(passed=5)
    (file,) = (demo.pytester.path / "report").glob("*clients-only*.json")
    asked = {path["path"]: (path["expected"], path["judgement"]) for path in json.loads(file.read_text())["paths"]}
    assert asked["broker -> broker:5672"] == asked["broker -> till:8080"] == ("blocked", "agrees")
    assert "till -> till:8080" not in asked, "it has one pod"


@pytest.mark.live
def test_a_path_among_the_members_is_open_without_policies_and_names_its_pods(demo: "Demo") -> None:
    demo.write(
        SCENARIO.replace("    policies: [deny.yaml]\n", "").replace("others: oracle", "others: allowed"), WORKLOADS
    )
    result = demo.run("demo", "-k", "4369")
    result.assert_outcomes(failed=1)
    assert "probed     " in result.stdout.str()
    assert "no policy in force isolates broker/0 for egress" in result.stdout.str()
    assert "no policy in force isolates broker/1 for ingress" in result.stdout.str()
