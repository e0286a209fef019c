from types import SimpleNamespace
from typing import Any

import pytest

from harness.plugin import summary


def step_with(observation: Any) -> Any:
    return SimpleNamespace(nodeid="scenario.yaml::open", stash=pytest.Stash(), observation=observation)


def test_the_table_of_a_step_is_drawn_for_the_first_of_its_failed_items(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[object] = []
    monkeypatch.setattr(summary, "render", lambda table: drawn.append(table) or "the table")
    step = step_with(SimpleNamespace(findings={}, others=()))
    for _ in range(3):
        report: Any = SimpleNamespace(failed=True)
        summary.attach(report, SimpleNamespace(parent=step))  # type: ignore[arg-type]
    assert len(drawn) == 1
    step.observation = SimpleNamespace(findings={}, others=())
    summary.attach(SimpleNamespace(failed=True), SimpleNamespace(parent=step))  # type: ignore[arg-type]
    assert len(drawn) == 2
