"""Deployments and their like in steps: relabelled, created again, and without pods, on the embedded cluster."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

pytestmark = pytest.mark.live


def controller(kind: str, name: str, replicas: int, more: str = "") -> str:
    """A controller whose pods have the label ``app: NAME`` and serve port 80."""
    api_version, _, kind = kind.rpartition("/")
    template = (
        f"{{metadata: {{labels: {{app: {name}}}}}, spec: {{containers: [{{name: c, image: i, "
        "ports: [{containerPort: 80}]}]}}"
    )
    spec = f"{{replicas: {replicas}, selector: {{matchLabels: {{app: {name}}}}}, {more} template: {template}}}"
    return f"{{apiVersion: {api_version}, kind: {kind}, metadata: {{name: {name}}}, spec: {spec}}}\n---\n"


WORKLOADS = (
    controller("apps/v1/Deployment", "cli", 2)
    + controller("apps/v1/ReplicaSet", "set", 1)
    + controller("apps/v1/StatefulSet", "db", 2, "serviceName: db,")
    + controller("apps/v1/Deployment", "idle", 0)
    + "{apiVersion: v1, kind: Service, metadata: {name: rest}, spec: {selector: {app: idle}, ports: [{port: 80}]}}\n"
)
POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: clients-only}
spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {role: client}}}]}]}
"""
SCENARIO = """\
title: controllers
workloads: [workloads.yaml]
steps:
  - name: closed
    policies: [p.yaml]
    paths:
      cli -> db:80: blocked
      set -> db:80: blocked
      db-0 -> db-1:80: blocked
      cli -> rest:80: rejected
  - name: relabelled
    policies: [p.yaml]
    labels: {pods: {cli: {role: client}, set: {role: client}, db: {role: client}}}
    paths:
      cli -> db:80: allowed
      set -> db-1:80: allowed
      db-0 -> db-1:80: allowed
      cli -> rest:80: rejected
  - name: again
    policies: [p.yaml]
    recreate: [db]
    labels: {pods: {cli: {role: client}}}
    expect: oracle
    paths: [cli -> db:80, db-0 -> db-1:80, set -> rest:80, first cli -> db:80]
"""


def test_controllers_are_relabelled_and_created_again(demo: "Demo", green: Callable[..., pytest.RunResult]) -> None:
    demo.write(SCENARIO, WORKLOADS)
    (demo.pytester.path / "demo" / "p.yaml").write_text(POLICY)
    result = green("demo")
    result.assert_outcomes(passed=13)
