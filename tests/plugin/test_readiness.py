"""Pods that must be Ready in a step, or must not be, on the embedded cluster: held up, or kept up, by policies."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

pytestmark = pytest.mark.live

WORKLOADS = """\
apiVersion: v1
kind: Pod
metadata: {name: app, labels: {app: app}}
spec:
  containers: [{name: c, image: i, ports: [{containerPort: 80}]}]
  initContainers: [{name: wait, image: busybox, command: [sh, -c, 'until nc -z -w 1 db 5432; do sleep 1; done']}]
---
apiVersion: v1
kind: Pod
metadata: {name: watch, labels: {app: watch}}
spec:
  containers:
    - name: c
      image: i
      ports: [{containerPort: 80}]
      readinessProbe: {exec: {command: [nc, -z, -w, '1', db, '5432']}, periodSeconds: 1, failureThreshold: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: served, labels: {app: served}}
spec:
  containers:
    - name: c
      image: i
      ports: [{containerPort: 80}]
      readinessProbe: {tcpSocket: {port: 80}, periodSeconds: 1, failureThreshold: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: db, labels: {app: db}}
spec: {containers: [{name: c, image: i, ports: [{containerPort: 5432}]}]}
---
{apiVersion: v1, kind: Service, metadata: {name: db}, spec: {selector: {app: db}, ports: [{port: 5432}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: app}, spec: {selector: {app: app}, ports: [{port: 80}]}}
"""
POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nothing-in}
spec: {podSelector: {}, policyTypes: [Ingress]}
"""
SCENARIO = """\
title: readiness
workloads: [workloads.yaml]
steps:
  - name: open
    paths: {ready(app): true, ready(watch): true}
  - name: closed
    policies: [p.yaml]
    recreate: [app]
    others: blocked
    paths:
      served -> service(db):5432: blocked
      app[wait] -> service(db):5432: undefined
      served -> service(app):80: rejected
      ready(app): false
      ready(watch): false
      # the kubelet's own probes come from the node, which no policy closes out
      ready(served): true
  - name: open-again
    paths: {ready(app): true, ready(watch): true, served -> service(app):80: allowed}
"""


def test_policies_hold_pods_up_and_the_kubelet_reaches_them_all_the_same(
    demo: "Demo", green: Callable[..., pytest.RunResult]
) -> None:
    demo.write(SCENARIO, WORKLOADS)
    (demo.pytester.path / "demo" / "p.yaml").write_text(POLICY)
    green("demo", "-W", "error::netpol_harness.errors.OracleDisagrees").assert_outcomes(passed=12)


def test_what_is_wrong_names_the_init_container_and_what_it_waits_for(demo: "Demo") -> None:
    wrong = SCENARIO.replace("ready(app): false", "ready(app): true").replace("others: blocked", "")
    wrong = "\n".join(line for line in wrong.splitlines() if "service(app)" not in line and "app[wait]" not in line)
    demo.write(wrong.partition("  - name: open-again")[0], WORKLOADS)
    (demo.pytester.path / "demo" / "p.yaml").write_text(POLICY)
    result = demo.run("demo", "-k", "closed and ready")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*ready(app): expected Ready, observed not Ready*",
            "*because * init container 'wait' has not ended*",
            "*waiting * init container 'wait' asks service(db):5432: app -> service(db):5432 is blocked*",
        ]
    )
