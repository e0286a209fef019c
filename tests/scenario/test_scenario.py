"""The closed world of a step."""

from collections.abc import Callable
from pathlib import Path

from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Step, closed_world

Write = Callable[..., Path]
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web-only}
spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: elsewhere, namespace: shop}
spec: {podSelector: {}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: all}
spec: {}
"""
SHOP = "{kind: Namespace, apiVersion: v1, metadata: {name: shop}}"


def step(write: Write, text: str) -> Step:
    head = "title: x\nworkloads: [workloads.yaml, shop.yaml]\nsteps:\n"
    scenario = f"{head}- {{name: s, others: blocked, policies: [n.yaml], {text}}}"
    (only,) = load(write(scenario, {"shop.yaml": SHOP, "n.yaml": POLICY})).steps
    return only


def world(write: Write, text: str) -> list[str]:
    return [path.text for path in closed_world(step(write, text))]


def test_the_closed_world_is_every_pair_and_served_port(write: Write) -> None:
    assert world(write, "") == ["web -> db:3306", "db -> web:80"]


def test_the_closed_world_leaves_out_what_a_line_covers(write: Write) -> None:
    for covering in ("web -> db:3306", "web -> http://db:3306", "web -> db-service:3306", "web -> ip(db-service):3306"):
        assert world(write, f"paths: {{'{covering}': blocked}}") == ["db -> web:80"]
    assert world(write, "paths: {any -> any:3306: blocked, any -> http://any: undefined}") == []


def test_the_closed_world_holds_what_no_line_covers(write: Write) -> None:
    assert len(world(write, "paths: {web -> db-service:3306: unresolved}")) == 2
    assert len(world(write, "labels: {pods: {db: {app: x}}}, paths: {web -> db-service:3306: blocked}")) == 2
    assert world(write, "absent: [db]") == []
