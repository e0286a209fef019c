"""Pods that ask a name server of their own, behind a Service at another port, or on their node. Real packets."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

pytestmark = pytest.mark.live

WORKLOADS = """\
{apiVersion: v1, kind: Namespace, metadata: {name: names}}
---
{apiVersion: v1, kind: Pod, metadata: {name: server, namespace: names, labels: {dns: default}},
 spec: {containers: [{name: dns, image: netpol-harness/kube-dns, ports: [
   {containerPort: 5353, protocol: UDP, name: dns}, {containerPort: 5353, protocol: TCP, name: dns-tcp}]}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: default, namespace: names},
 spec: {clusterIP: 10.96.77.53, selector: {dns: default}, ports: [
   {name: dns, port: 53, protocol: UDP, targetPort: dns}, {name: dns-tcp, port: 53, targetPort: dns-tcp}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: cache, namespace: names},
 spec: {hostNetwork: true, containers: [{name: dns, image: netpol-harness/kube-dns, ports: [
   {containerPort: 53, protocol: UDP}, {containerPort: 53, protocol: TCP}]}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web, labels: {app: web}},
 spec: {containers: [{name: c, image: i, ports: [{containerPort: 80}]}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: front}, spec: {selector: {app: web}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: client, labels: {app: client}},
 spec: {dnsPolicy: None, dnsConfig: {nameservers: [10.96.77.53], searches: [default.svc.cluster.local]},
  containers: [{name: c, image: i}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: near, labels: {app: client}},
 spec: {dnsPolicy: None, dnsConfig: {nameservers: [192.0.2.1], searches: [default.svc.cluster.local]},
  containers: [{name: c, image: i}]}}
"""
POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: client}}
spec:
  podSelector: {{matchLabels: {{app: client}}}}
  policyTypes: [Egress]
  egress:
    - to: [{{podSelector: {{matchLabels: {{app: web}}}}}}]
    - to: [{{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: names}}}}}}]
      ports: [{{port: {port}, protocol: UDP}}]
"""
SCENARIO = """\
title: name servers elsewhere
workloads: [workloads.yaml]
steps:
  - name: open
    paths: {client -> front:80: allowed, near -> front:80: allowed}
  - name: port-of-the-service
    policies: [53.yaml]
    paths: {client -> front:80: unresolved, client -> ip(front):80: allowed, near -> front:80: undefined}
  - name: port-of-the-pods
    policies: [5353.yaml]
    paths: {client -> front:80: allowed, near -> front:80: undefined}
"""


def test_look_ups_are_proven_at_the_name_server_that_a_pod_asks(
    demo: "Demo", green: Callable[..., pytest.RunResult]
) -> None:
    demo.write(SCENARIO, WORKLOADS)
    for port in (53, 5353):
        (demo.pytester.path / "demo" / f"{port}.yaml").write_text(POLICY.format(port=port))
    green("demo", "-v").assert_outcomes(passed=7)
