"""Views of a step: the closed world, and the policies that select a workload."""

from collections.abc import Callable
from pathlib import Path

from harness.model.flow import Direction, PodRef
from harness.scenario.load import load
from harness.scenario.scenario import Others, Step, closed_world, selecting

Write = Callable[..., Path]
WEB, DB = PodRef("default", "web"), PodRef("default", "db")
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


def test_what_a_line_asks_is_not_asked_again(write: Write) -> None:
    for covering in ("web -> db:3306", "web -> http://db:3306", "web -> db-service:3306", "web -> ip(db-service):3306"):
        assert world(write, f"paths: {{'{covering}': blocked}}") == ["db -> web:80"]
    assert world(write, "paths: {any -> any:3306: blocked, any -> http://any: undefined}") == []


def test_what_a_line_leaves_open_is_asked(write: Write) -> None:
    assert len(world(write, "paths: {web -> db-service:3306: unresolved}")) == 2
    assert len(world(write, "labels: {pods: {db: {app: x}}}, paths: {web -> db-service:3306: blocked}")) == 2
    assert world(write, "absent: [db]") == []


def test_policies_select_by_the_labels_of_the_step(write: Write) -> None:
    def names(of: Step, ref: PodRef, direction: Direction) -> list[str]:
        return [manifest.data["metadata"]["name"] for manifest in selecting(of, ref, direction)]

    plain = step(write, "")
    assert plain.others is Others.BLOCKED
    assert names(plain, WEB, Direction.EGRESS) == ["web-only"]
    assert names(plain, WEB, Direction.INGRESS) == ["all"]
    assert names(plain, DB, Direction.EGRESS) == []
    assert names(plain, PodRef("", "user"), Direction.INGRESS) == []
    moved = step(write, "labels: {pods: {web: {app: null}, db: {app: web}}}")
    assert names(moved, WEB, Direction.EGRESS) == []
    assert names(moved, DB, Direction.EGRESS) == ["web-only"]
