"""The command finds a planted fault by real packets."""

import argparse
from pathlib import Path

import pytest

from netpol_harness.cli import main
from netpol_harness.cli.fuzz import add, dataplane_arguments, exit_code
from netpol_harness.errors import LabError
from netpol_harness.reproduce.fuzz.campaign import Tally
from netpol_harness.scenario.load import load


@pytest.mark.live
def test_a_planted_fault_is_found_and_shrunk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "findings"
    options = ["--mutant", "egress-not-enforced", "--findings", "1", "--steps", "1", "--out", str(out)]
    assert main(["fuzz", *options]) == 1
    assert "1 findings" in capsys.readouterr().out
    scenario = load(out / "finding-1" / "scenario.yaml")
    assert len(scenario.steps[-1].policies) <= 2
    assert "should be blocked" in (out / "finding-1" / "report.md").read_text()


def test_findings_are_not_mixed_with_other_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["fuzz", "--out", str(tmp_path)]) == 2
    assert "is not empty" in capsys.readouterr().err


def test_only_new_findings_fail_and_none_is_success_only_if_paths_were_judged() -> None:
    assert exit_code(Tally(worlds=10, judged=1, undecided=5)) == 0
    assert exit_code(Tally(worlds=10, judged=1, findings=1)) == 1
    assert exit_code(Tally(worlds=10, judged=1, findings=2, known=1)) == 1
    assert exit_code(Tally(worlds=10, judged=1, findings=2, known=2)) == 0
    with pytest.raises(LabError, match="no path was judged"):
        exit_code(Tally(worlds=10, undecided=5))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--mutant", "m"], [("auto", None, "m")]),
        (["--agent", "a"], [("auto", "a", None)]),
        (["--agent", "a", "--agent", "b"], [("auto", "a", None), ("auto", "b", None)]),
        (["--agent", "embedded", "--agent", "b"], [("embedded", None, None), ("embedded", "b", None)]),
        (["--agent", "embedded", "--mutant", "m"], [("embedded", None, None), ("embedded", None, "m")]),
    ],
)
def test_two_agents_or_an_agent_and_a_mutant_are_two_dataplanes(
    options: list[str], expected: list[tuple[str, str | None, str | None]]
) -> None:
    parser = argparse.ArgumentParser()
    add(parser)
    found = dataplane_arguments(parser.parse_args(options))
    assert [(each.cluster, each.agent, each.mutant) for each in found] == expected


def test_three_dataplanes_are_too_many(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    agents = ["--agent", "a", "--agent", "b", "--mutant", "c"]
    assert main(["fuzz", "--out", str(tmp_path), *agents]) == 2
    assert "more than two dataplanes" in capsys.readouterr().err
