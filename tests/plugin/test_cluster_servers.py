"""The name server and the API server as targets, probed for real: open, closed and resolved again."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

pytestmark = pytest.mark.live

WORKLOADS = "{apiVersion: v1, kind: Pod, metadata: {name: operator}, spec: {containers: [{name: c, image: i}]}}\n"
POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: operator}}
spec: {{podSelector: {{}}, policyTypes: [Egress], egress: [{{ports: [{{port: {port}, protocol: {protocol}}}]}}]}}
"""
SCENARIO = """\
title: servers of the cluster
workloads: [workloads.yaml]
steps:
  - name: open
    paths:
      operator -> api: allowed
      operator -> https://api: allowed
      operator -> default/kubernetes:443: allowed
      operator -> dns: allowed
      operator -> tcp://dns: allowed
      operator -> udp://kube-system/kube-dns:53: allowed
      node(operator) -> api: allowed
  - name: look-ups
    policies: [dns.yaml]
    paths:
      operator -> api: blocked
      operator -> default/kubernetes:443: blocked
      operator -> dns: allowed
      operator -> tcp://dns: blocked
      operator -> udp://ip(kube-system/kube-dns):53: allowed
  - name: api
    policies: [api.yaml]
    expect: oracle
    paths: [operator -> api, operator -> dns, operator -> kubernetes.default.svc:443]
"""


def test_the_servers_of_the_cluster_are_open_and_closed(demo: "Demo", green: Callable[..., pytest.RunResult]) -> None:
    demo.write(SCENARIO, WORKLOADS)
    folder = demo.pytester.path / "demo"
    (folder / "dns.yaml").write_text(POLICY.format(port=53, protocol="UDP"))
    (folder / "api.yaml").write_text(POLICY.format(port=6443, protocol="TCP"))
    result = green("demo", "-v")
    result.assert_outcomes(passed=15)
