import json
from pathlib import Path

import pytest

from netpol_harness.cli import main
from netpol_harness.results.latency import Censoring, Interval
from netpol_harness.runner.latency import Measurement, is_late


def control(lower: float, cadence: float, upper: float | None = 1.2) -> Measurement:
    return Measurement("a -> b:1", "control", Interval(lower, upper, Censoring.NONE), (), cadence, 9, delay=1.0)


def test_a_control_that_is_early_coarse_or_endless_proves_nothing() -> None:
    assert is_late(control(0.95, 0.1))
    assert not is_late(control(0.5, 0.1))
    assert not is_late(control(0.95, 0.6))
    assert not is_late(control(0.95, 0.1, upper=None))


@pytest.mark.live
def test_a_late_mutant_is_measured_as_late_and_runs_are_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trend = tmp_path / "trend.jsonl"
    command = [
        "latency",
        "--cluster",
        "embedded",
        "--repeat",
        "1",
        "--window",
        "1",
        "-o",
        "json",
        "--trend",
        str(trend),
    ]
    assert main([*command, "--limit", "0.05", "--mutant", "change-window-open"]) == 1
    late = json.loads(capsys.readouterr().out)
    assert late["control"] == "late, as it was"
    denied = [m["taken"] for m in late["measurements"] if m["change"] == "deny"]
    assert denied
    assert all(taken["lower"] > 0.05 for taken in denied)
    assert main(command) == 0
    printed = capsys.readouterr()
    assert {m["taken"]["censored"] for m in json.loads(printed.out)["measurements"] if m["change"] == "deny"} == {
        "left"
    }
    assert "times the last 1 runs' median" in printed.err
    assert len(trend.read_text().splitlines()) == 2
