"""What init containers wait for, as far as their commands name it."""

from pathlib import Path

import pytest

from netpol_harness.analysis.predict import Predictor
from netpol_harness.analysis.waiting import waits_for
from netpol_harness.model.names import NamespacedName
from netpol_harness.scenario.load import load

WORKLOADS = """
{{apiVersion: v1, kind: Namespace, metadata: {{name: shop}}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: app, namespace: shop}}
spec:
  containers: [{{name: c, image: i}}]
  initContainers: [{{name: wait, image: i, command: [sh, -c], args: ['{command}']}}]
---
apiVersion: v1
kind: Pod
metadata: {{name: db, namespace: shop, labels: {{app: db}}}}
spec: {{containers: [{{name: c, image: i, ports: [{{containerPort: 5432}}]}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: db, namespace: shop}}
spec: {{selector: {{app: db}}, ports: [{{port: 5432}}]}}
"""
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress]}
"""
SCENARIO = """
title: waiting
workloads: [workloads.yaml]
steps:
  - {name: open, paths: {'shop/app -> service(db):5432': allowed}}
  - {name: closed, policies: [policy.yaml], paths: {'shop/app -> service(db):5432': blocked}}
"""


@pytest.mark.parametrize(
    ("command", "asks"),
    [
        ("until nc -z -w 1 db 5432; do sleep 1; done", True),
        ("wget -qO- http://db:5432/health", True),
        ("pg_isready -h db.shop -p 5432", True),
        ("exec 3<>/dev/tcp/db.shop.svc.cluster.local/5432", True),
        ("mysql --host db.shop.svc --port=5432", True),
        ("nc -z db 54321", False),
        ("nc -z mydb 5432", False),
        ("nc -z db.other 5432", False),
        ("sleep 5432", False),
    ],
)
def test_a_closed_service_that_an_init_container_asks_is_named(tmp_path: Path, command: str, *, asks: bool) -> None:
    (tmp_path / "workloads.yaml").write_text(WORKLOADS.format(command=command))
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    scenario = load(tmp_path / "scenario.yaml")
    app = NamespacedName("shop", "app")
    told = [list(waits_for(Predictor(scenario, step), app)) for step in scenario.steps]
    line = "init container 'wait' asks service(db):5432: app -> service(db):5432 is blocked in step closed"
    assert told == [[], [line] if asks else []]
