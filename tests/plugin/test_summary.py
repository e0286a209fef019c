import io
from types import SimpleNamespace
from typing import Any

import pytest
from _pytest._io import TerminalWriter

from netpol_harness.paths.path import Inventory
from netpol_harness.plugin import summary
from netpol_harness.report.layout import Grid, Name
from netpol_harness.results.asked import Asked


def step_with(observation: Any) -> Any:
    return SimpleNamespace(
        nodeid="scenario.yaml::open",
        stash=pytest.Stash(),
        observation=observation,
        warning="none is denied",
        notices=["scenario.yaml: not applied"],
        step=SimpleNamespace(inventory=Inventory({}, {}, {})),
    )


def test_the_table_of_a_step_is_drawn_for_the_first_of_its_failed_items(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[object] = []

    def draw(table: object, _arrangement: object) -> Grid:
        drawn.append(table)
        return Grid((), (), ())

    monkeypatch.setattr(summary, "wrong_grid", draw)
    step = step_with(SimpleNamespace(path_results={}, others=()))
    for _ in range(3):
        summary.attach_summary(failed_report(), SimpleNamespace(parent=step, asked=Asked(2, 1)))  # type: ignore[arg-type]
    assert len(drawn) == 1
    step.observation = SimpleNamespace(path_results={}, others=())
    report = failed_report()
    summary.attach_summary(report, SimpleNamespace(parent=step, asked=Asked(2, 1)))  # type: ignore[arg-type]
    assert len(drawn) == 2
    assert summary.asked_by(report) == Asked(2, 1)
    assert summary.warning_of(report) == ("scenario.yaml::open", "none is denied")
    assert summary.asked_by(SimpleNamespace()) == Asked()


def failed_report() -> Any:
    return SimpleNamespace(failed=True, passed=False, when="call")


def shown(table: Grid, *, colour: bool) -> list[str]:
    out = io.StringIO()
    writer = TerminalWriter(out)
    writer.hasmarkup = colour
    summary._show(table, writer)
    return out.getvalue().splitlines()


def test_only_wrong_marks_are_painted_and_only_where_there_are_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    names = [Name("a"), Name("b")], [Name("c:80"), Name("d:80")]
    table = Grid.of(*names, {("a", "c:80"): ".≠X", ("b", "c:80"): "X?"}, frozenset()).filled("?")
    _, _, first, second, *_ = shown(table, colour=True)
    assert first.count("\x1b[31m") == second.count("\x1b[31m") == 1
    assert first.index("\x1b[31m") < first.index(".≠X") < first.index("\x1b[0m") < first.index("?")
    plain = shown(table, colour=False)
    assert "\x1b" not in "".join(plain)
    assert max(map(len, plain)) <= 100
