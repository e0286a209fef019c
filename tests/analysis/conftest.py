"""Scenarios of a few texts, for tests of what the oracle makes of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario

WORKLOADS = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: shop}}
---
apiVersion: v1
kind: Namespace
metadata: {name: back}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: main, image: stand-in, ports: [{containerPort: 8080, name: http}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: idle, namespace: shop, labels: {app: idle}}
spec: {containers: [{name: main, image: stand-in, ports: [{containerPort: 9000, name: http}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: back, labels: {app: db}}
spec: {containers: [{name: main, image: stand-in, ports: [{containerPort: 5432}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: back}
spec:
  replicas: 2
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec: {containers: [{name: main, image: stand-in, ports: [{containerPort: 5000}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: shop}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: http, nodePort: 30080}]}
---
apiVersion: v1
kind: Service
metadata: {name: store, namespace: back}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 5432}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: asleep, namespace: back}
spec:
  replicas: 0
  selector: {matchLabels: {app: asleep}}
  template:
    metadata: {labels: {app: asleep}}
    spec: {containers: [{name: main, image: stand-in, ports: [{containerPort: 5000}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: bed, namespace: back}
spec: {selector: {app: asleep}, ports: [{port: 5000}]}
---
apiVersion: v1
kind: Service
metadata: {name: empty, namespace: back}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
"""
SCENARIO = """
title: A shop
workloads: [workloads.yaml]
external:
  user: {{ports: [443]}}
  partner: {{address: 203.0.113.7, ports: [443]}}
steps:
  - name: open
    paths: {{web -> store:5432: allowed}}
  - name: closed
    policies: [policy.yaml]
    paths: {{{paths}}}
{extra}
"""

Shop = Callable[..., Scenario]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A shop and its back office: steps ``open`` and ``closed``, the latter with these policies, paths and keys."""

    def write(*policies: str, paths: str = "web -> store:5432: undefined", extra: str = "") -> Scenario:
        (tmp_path / "workloads.yaml").write_text(WORKLOADS)
        (tmp_path / "policy.yaml").write_text("---\n".join(map(policy_text, policies)) or "# none\n")
        (tmp_path / "scenario.yaml").write_text(SCENARIO.format(paths=paths, extra=extra))
        return load(tmp_path / "scenario.yaml")

    return write


@pytest.fixture
def three_tier() -> Scenario:
    """The scenario of the tutorial."""
    return load(Path(__file__).parents[2] / "scenarios" / "three_tier" / "scenario.yaml")


def policy_text(text: str) -> str:
    """``NAMESPACE/NAME {SPEC}`` as a manifest."""
    name, _, spec = text.partition(" ")
    namespace, _, short = name.partition("/")
    head = (
        f"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {short}, namespace: {namespace}}}\n"
    )
    return f"{head}spec: {spec}\n"
