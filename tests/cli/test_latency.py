import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.cli import main
from netpol_harness.cli.latency import exit_code
from netpol_harness.results.latency import Censoring, Interval
from netpol_harness.runner.latency import Measurement, is_late
from netpol_harness.runner.new_pods import CHANGES, CONTROLS


def control(lower: float, upper: float | None, cadence: float = 0.1) -> Measurement:
    return Measurement("a -> b:1", "control", Interval(lower, upper, Censoring.NONE), (), cadence, 9, delay=1.0)


def test_a_control_is_late_if_its_interval_is_narrow_and_does_not_end_before_the_change() -> None:
    assert is_late(control(0.95, 1.2))
    assert is_late(control(0.94, 1.01, cadence=0.05)), "a probe takes time too: the interval is wider than the gap"
    assert is_late(control(1.3, 1.4)), "a change may take effect late"
    assert not is_late(control(0.9, 0.97)), "it was seen before it was made"
    assert not is_late(control(0.5, 1.2))
    assert not is_late(control(0.95, 1.2, cadence=0.6))
    assert not is_late(control(0.95, None))


WORKLOADS = """\
apiVersion: v1
kind: Namespace
metadata: {name: x}
---
apiVersion: v1
kind: Pod
metadata: {name: server, labels: {app: server}}
spec: {containers: [{name: c, image: i, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: x}
spec: {containers: [{name: c, image: i}]}
"""
POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {matchLabels: {app: server}}}
"""
STEPS = """\
title: One path
workloads: [workloads.yaml]
steps:
  - name: open
    paths: {x/client -> server:80: allowed}
  - name: denied
    policies: [deny.yaml]
    paths: {x/client -> server:80: blocked}
"""


@pytest.fixture
def one_path(tmp_path: Path) -> Path:
    for name, text in (("workloads", WORKLOADS), ("deny", POLICY), ("scenario", STEPS)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def test_a_step_that_changes_nothing_starts_no_cluster(one_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["latency", str(one_path), "--step", "open", "--cluster", "embedded"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "scenario.yaml:4: step open is the first one, so that nothing changes; name a later step" in printed.err


@pytest.mark.parametrize("window", ["0", "-1", "nan", "soon"])
def test_a_window_without_a_length_is_refused(window: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["latency", "--window", window])
    assert "is not a number of seconds" in capsys.readouterr().err


def leaks(found: dict[str, Any]) -> dict[str, int]:
    """The number of first packets that got through, by which end was new; each has valid probes."""
    new_pods = [m for m in found["measurements"] if m["change"] in CHANGES]
    assert all(m["samples"] for m in new_pods)
    return {m["change"]: m["leaks"] for m in new_pods}


def windows(found: dict[str, Any], change: str) -> list[Any]:
    """The times in which the path was wrong around a change after which it should be as before; it was observed."""
    (measured,) = (m for m in found["measurements"] if m["change"] == change)
    assert measured["samples"]
    return list(measured["windows"])


@pytest.mark.live
def test_a_mutant_is_measured_as_late_and_leaking_and_runs_are_compared(
    one_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trend = tmp_path / "trend.jsonl"
    short = ["--repeat", "1", "--window", "0.8"]
    command = ["latency", str(one_path), "--cluster", "embedded", *short, "-o", "json", "--trend", str(trend)]
    assert main([*command, "--limit", "0.05", "--mutant", "change-window-open"]) == 1
    late = json.loads(capsys.readouterr().out)
    assert late["control"] == "late, as it was"
    denied = [m["taken"] for m in late["measurements"] if m["change"] == "deny"]
    assert denied
    assert all(taken["lower"] > 0.05 for taken in denied)
    assert "late deny: x/client -> server:80" in late["findings"]
    assert main([*command, "--mutant", "startup-window-open"]) == 1
    leaking = json.loads(capsys.readouterr().out)
    assert leaks(leaking)["new target"] > 0
    assert windows(leaking, "teardown")
    assert set(leaking["findings"]) >= {f"{kind}: x/client -> server:80" for kind in ("new target", "teardown")}
    assert main(command) == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert {m["taken"]["censored"] for m in found["measurements"] if m["change"] == "deny"} == {"left"}
    assert leaks(found) == {"new source": 0, "new target": 0}
    assert {m["change"] for m in found["measurements"] if m["leaks"]} == set(CONTROLS), "they would have been seen"
    assert windows(found, "teardown") == []
    assert found["findings"] == []
    assert "times the last 2 runs' median" in printed.err
    assert len(trend.read_text().splitlines()) == 3


@pytest.mark.live
def test_a_window_after_a_restart_is_a_finding_unless_it_is_accepted(
    one_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accepted = tmp_path / "accepted"
    accepted.write_text("# known\nrestart: x/client -> *\n")
    command = ["latency", str(one_path), "--cluster", "embedded", "--repeat", "1", "--window", "1.2", "-o", "json"]
    command += ["--mutant", "agent-restart-window-open"]
    for more, findings in (([], ["restart: x/client -> server:80"]), (["--accept", str(accepted)], [])):
        code = main([*command, *more])
        found = json.loads(capsys.readouterr().out)
        assert windows(found, "restart")
        assert found["findings"] == findings
        assert code == (len(findings) if found["control"] == "late, as it was" else 2), "a busy machine proves nothing"


def test_a_file_of_accepted_findings_names_its_mistakes(
    one_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "accepted").write_text("restart: a -> b:1\nlate: a -> b:1\nteardown\n")
    assert main(["latency", str(one_path), "--accept", str(tmp_path / "accepted"), "--cluster", "embedded"]) == 2
    printed = capsys.readouterr().err
    assert "accepted:2: 'late: a -> b:1' is not a finding; write KIND: SOURCE -> TARGET" in printed
    assert "accepted:3" in printed
    assert "accepted:1" not in printed


def test_what_was_not_measured_is_no_success() -> None:
    blind = Measurement("a -> b:1", "new target", None, (), 0.0, 0)
    assert exit_code([blind], [], control=True) == 2
    assert exit_code([replace(blind, samples=1)], [], control=True) == 0
    assert exit_code([blind], ["new source: a -> b:1"], control=True) == 1
    assert exit_code([replace(blind, samples=1)], [], control=False) == 2
    assert exit_code([replace(blind, change="new target control", samples=1)], [], control=True) == 2
    assert exit_code([replace(blind, change="new target control", samples=1, leaks=1)], [], control=True) == 0
