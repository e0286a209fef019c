from collections.abc import Callable
from pathlib import Path

import pytest

from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario

WORKLOADS = """
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web}},
 spec: {containers: [{name: c, image: i, ports: [{containerPort: 80, name: http}]}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: client, namespace: shop, labels: {app: client}},
 spec: {containers: [{name: c, image: i}]}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: db, namespace: shop},
 spec: {replicas: 2, selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}},
  spec: {containers: [{name: c, image: i, ports: [{containerPort: 3306}]}]}}}}
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop},
 spec: {selector: {app: web}, ports: [{port: 8080, targetPort: http}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: edge, namespace: shop},
 spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 443, targetPort: http}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: db, namespace: shop},
 spec: {selector: {app: db}, clusterIP: None, ports: [{port: 3306}]}}
"""
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress]}
"""
STEPS = """
title: shop
workloads: [workloads.yaml]
external: [user]
steps:
  - {name: open, others: allowed}
  - {name: closed, policies: [deny.yaml], others: blocked}
  - {name: relabelled, labels: {pods: {client: {app: null, tier: x}}}, others: allowed}
  - {name: gone, absent: [client], others: allowed}
  - {name: again, recreate: [client], others: allowed}
  - {name: rolled, labels: {pods: {db: {tier: x}}}, others: allowed}
  - {name: anew, recreate: [db], others: allowed}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Scenario:
    """A scenario with pods, a Deployment, Services, an external host and one step of each kind."""
    (tmp_path / "workloads.yaml").write_text(WORKLOADS)
    (tmp_path / "deny.yaml").write_text(POLICY)
    (tmp_path / "scenario.yaml").write_text(STEPS)
    return load(tmp_path / "scenario.yaml")


@pytest.fixture
def step(shop: Scenario) -> Callable[[str], object]:
    """A step by name."""
    return lambda name: next(step for step in shop.steps if step.name == name)
