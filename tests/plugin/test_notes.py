from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from netpol_harness.plugin.notes import attach_notes, note_lines
from netpol_harness.scenario.load import load

SCENARIO = """
title: inert
workloads: [pods.yaml]
steps:
  - name: only
    policies: [policies.yaml]
    paths: {web -> db:5432: allowed}
"""
POD = """apiVersion: v1
kind: Pod
metadata: {{name: {0}, labels: {{app: {0}}}}}
spec: {{containers: [{{name: c, image: i, ports: [{{containerPort: 5432}}]}}]}}
"""
POLICY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: p{0}}}
spec: {{podSelector: {{matchLabels: {{app: nobody-{0}}}}}}}
"""


def item_of(directory: Path, policies: int) -> Any:
    """Return an item of a scenario with this many policies that select no pod."""
    (directory / "pods.yaml").write_text("---\n".join(map(POD.format, ("web", "db"))))
    (directory / "policies.yaml").write_text("---\n".join(map(POLICY.format, range(policies))))
    (directory / "scenario.yaml").write_text(SCENARIO)
    file = SimpleNamespace(stash=pytest.Stash(), scenario=load(directory / "scenario.yaml"))
    return SimpleNamespace(parent=SimpleNamespace(parent=file))


def reports_of(item: Any, count: int) -> list[Any]:
    reports: list[Any] = [SimpleNamespace() for _ in range(count)]
    for report in reports:
        attach_notes(report, item)
    return reports


def test_notes_are_told_once_for_all_items_of_a_scenario(tmp_path: Path) -> None:
    (line,) = note_lines(reports_of(item_of(tmp_path, 1), 3))
    assert line == (
        f"netpol: note: {tmp_path.name}/policies.yaml:4: policy p0 selects no pod: no pod of default has app=nobody-0"
    )


def test_many_notes_are_counted(tmp_path: Path) -> None:
    *shown, rest = note_lines(reports_of(item_of(tmp_path, 5), 1))
    assert len(shown) == 3
    assert rest == "netpol: ... and 2 more notes: `netpol table` prints those of a scenario"


def test_a_scenario_without_notes_says_nothing(tmp_path: Path) -> None:
    assert note_lines(reports_of(item_of(tmp_path, 0), 1)) == []
