"""Verdicts that hold with IPv4 only, because blocks of IPv4 addresses decide them."""

from dataclasses import replace
from pathlib import Path

import pytest

from netpol_harness.paths.path import PathWithoutVerdict
from netpol_harness.runner.ipv4_verdicts import Ipv4Verdicts
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Others, closed_world

REGRESSIONS = Path(__file__).parents[2] / "scenarios" / "regressions"
WORKLOADS = """
{apiVersion: v1, kind: Pod, metadata: {name: web, labels: {app: web}},
 spec: {containers: [{name: c, image: i, ports: [{containerPort: 80}]}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: db, labels: {app: db}},
 spec: {containers: [{name: c, image: i, ports: [{containerPort: 80}]}]}}
"""
POLICIES = """
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: web},
 spec: {podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: db},
 spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}, {podSelector: {}}]}]}}
"""
SCENARIO = """
title: A shop
workloads: [workloads.yaml]
external: {user: {ports: [80]}}
steps:
  - name: now
    policies: [%s]
    others: %s
    paths: {user -> web:80: allowed, db -> web:80: allowed, user -> db:80: allowed, web -> db:80: allowed}
"""


def needing(directory: Path, policies: str, others: str = "unchecked") -> list[str]:
    """Return the written paths of the step whose verdicts need IPv4."""
    for name, text in (("workloads", WORKLOADS), ("policies", POLICIES), ("scenario", SCENARIO % (policies, others))):
        (directory / f"{name}.yaml").write_text(text)
    scenario = load(directory / "scenario.yaml")
    (step,) = scenario.steps
    verdicts = Ipv4Verdicts(scenario, step)
    return [str(e.path) for e in step.expectations if verdicts.needs_ipv4(e.path)]


def test_verdicts_that_a_block_decides_need_ipv4(tmp_path: Path) -> None:
    assert needing(tmp_path, "") == []
    assert needing(tmp_path, "policies.yaml") == ["user -> web:80", "db -> web:80", "user -> db:80"]


def test_a_closed_world_is_written_unless_the_oracle_says_it(tmp_path: Path) -> None:
    needing(tmp_path, "policies.yaml")
    for others, expected in ((Others.ALLOWED, 1), (Others.BLOCKED, 1), (Others.ORACLE, 0), (Others.UNCHECKED, 0)):
        scenario = load(tmp_path / "scenario.yaml")
        step = replace(scenario.steps[0], expectations=(), others=others)
        cells = [path for path in closed_world(step) if str(path) == "db -> web:80"]
        verdicts = Ipv4Verdicts(scenario, step)
        assert len([path for path in cells if verdicts.needs_ipv4(path)]) == expected


def test_derived_verdicts_follow_the_addresses_of_the_cluster(tmp_path: Path) -> None:
    needing(tmp_path, "policies.yaml")
    scenario = load(tmp_path / "scenario.yaml")
    step = scenario.steps[0]
    derived = tuple(PathWithoutVerdict(e.path, e.where) for e in step.expectations)
    verdicts = Ipv4Verdicts(scenario, replace(step, paths_without_verdict=derived))
    assert [e for e in step.expectations if verdicts.needs_ipv4(e.path)] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ipblock-node-ip-not-matched", ["x/a -> x/on-node:15080", "x/a -> y/a:80"]),
        ("hostnetwork-pod-as-peer", ["subject -> exporter:9991"]),
    ],
)
def test_blocks_may_decide_although_the_oracle_knows_no_address_of_a_node(name: str, expected: list[str]) -> None:
    scenario = load(REGRESSIONS / name / "scenario.yaml")
    step = scenario.steps[-1]
    verdicts = Ipv4Verdicts(scenario, step)
    assert [str(e.path) for e in step.expectations if verdicts.needs_ipv4(e.path)] == expected
