"""Killing mutants: what counts as a kill, the page, and a run of the command."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.cli import main
from harness.cli.killing import Kill, Trial, telling, without
from harness.cli.killpage import page, written
from harness.cluster.embedded.mutants import MUTANTS

SCENARIO = """\
title: two pods
workloads: [workloads.yaml]
steps:
  - name: closed
    policies: [deny.yaml]
    paths:
      client -> server:80: blocked
"""
WORKLOADS = """\
{apiVersion: v1, kind: Pod, metadata: {name: client}, spec: {containers: [{name: c, image: i}]}}
---
apiVersion: v1
kind: Pod
metadata: {name: server}
spec: {containers: [{name: c, image: i, ports: [{containerPort: 80}]}]}
"""
DENY = """\
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: deny}, spec: {podSelector: {}}}
"""
NARROW, BROAD = Path("scenarios/narrow"), Path("scenarios/broad")


def trial(mutant: str, *scenarios: Path) -> Trial:
    return Trial(mutant, tuple(Kill(scenario, f"{scenario}/scenario.yaml::step::a -> b:80") for scenario in scenarios))


TRIALS = (
    trial("except-ignored", BROAD, NARROW),
    trial("not-enforced", BROAD),
    trial("and-read-as-or", BROAD),
    trial("end-port-ignored"),
)


def test_the_scenario_that_kills_fewest_others_is_the_most_telling() -> None:
    assert telling(TRIALS)["except-ignored"] == [NARROW, BROAD]


def test_what_fails_without_a_mutant_is_no_kill() -> None:
    assert without(TRIALS[0], TRIALS[1].kills) == trial("except-ignored", NARROW)


def test_a_page_is_read_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = Path("docs/mutants.md")
    file.parent.mkdir()
    file.write_text(page(MUTANTS, TRIALS, root=file.parent))
    assert written(file) == telling(TRIALS)
    assert "3 of 4 mutants are killed" in file.read_text()
    assert "| **nobody** |" in file.read_text()


def test_where_there_is_no_page_nothing_is_known(tmp_path: Path) -> None:
    assert written(tmp_path / "mutants.md") == {}


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One scenario, and the place to stand."""
    directory = tmp_path / "scenarios" / "deny"
    directory.mkdir(parents=True)
    for name, text in (("scenario.yaml", SCENARIO), ("workloads.yaml", WORKLOADS), ("deny.yaml", DENY)):
        (directory / name).write_text(text)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p harness.plugin\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    return directory


@pytest.mark.live
@pytest.mark.parametrize(
    ("names", "code", "said"),
    [
        (["not-enforced"], 0, ["killed    not-enforced: scenarios/deny/scenario.yaml::closed::client -> server:80"]),
        (["not-enforced", "except-ignored"], 1, ["SURVIVES  except-ignored: ", "1 of 2 mutants killed"]),
    ],
    ids=["killed", "survivor"],
)
def test_the_command_tells_the_killed_from_the_survivors(
    library: Path, capsys: pytest.CaptureFixture[str], names: Sequence[str], code: int, said: Sequence[str]
) -> None:
    assert main(["mutants", "--only", *names]) == code
    output = capsys.readouterr().out
    assert all(text in output for text in said), output
    assert "without a mutant: 1 items" in output


@pytest.mark.live
def test_a_scenario_that_fails_anyhow_kills_nobody(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (library / "scenario.yaml").write_text(SCENARIO.replace("blocked", "allowed"))
    assert main(["mutants", "--only", "replies-judged", "--write", "mutants.md"]) == 1
    assert "FAILED    without a mutant: scenarios/deny" in capsys.readouterr().out
    assert "`replies-judged`" in Path("mutants.md").read_text()


@pytest.mark.live
def test_files_that_cannot_be_read_are_no_result(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (library / "deny.yaml").unlink()
    assert main(["mutants", "--only", "not-enforced"]) == 1
    assert "broken    without a mutant: the run ended with" in capsys.readouterr().out


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mutants", "--only", "not-enforcd"]) == 2
    assert "did you mean not-enforced" in capsys.readouterr().err
