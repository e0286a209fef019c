"""Killing mutants: what counts as a kill, the page, and a run of the command."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from netpol_harness.cli import main
from netpol_harness.emulator.faults import MUTANTS
from netpol_harness.mutation import trials
from netpol_harness.mutation.report import Measure, page, written
from netpol_harness.mutation.trials import Kill, Trial, certain, telling, together, try_in_order, without

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
    file.write_text(page(MUTANTS, TRIALS, Measure(9, 130.0), root=file.parent))
    assert written(file) == telling(TRIALS)


def test_a_page_names_the_most_telling_counts_the_rest_and_lists_the_survivors() -> None:
    many = [NARROW, *(Path(f"scenarios/{number}") for number in range(4))]
    trials = (replace(trial("not-enforced", *many), asked=frozenset((*many, BROAD))), trial("end-port-ignored"))
    text = page(MUTANTS, trials, Measure(9, 130.0, whole=True, foreseen=12), root=Path())
    assert "of 2 mutants, the scenarios of this repository kill 1" in text
    assert "[2](scenarios/2); 5 of 6 asked |" in text
    assert "| **nobody** |" in text
    assert "## Survivors\n\n- `end-port-ignored`\n" in text
    assert "6 pairs of a mutant and a scenario were asked, of 18; in 12 the scenario cannot tell the mutant." in text
    assert "`netpol mutants --all --write` in about 2 min" in text


class Runs:
    """Stands in for runs of pytest: each answers with the next of these kills, or with none."""

    def __init__(self, *kills: Sequence[Kill]) -> None:
        self.asked: list[Sequence[Path]] = []
        self._kills = list(kills)

    def __call__(self, mutant: str, directories: Sequence[Path], *, whole: bool) -> Trial:
        self.asked.append(list(directories))
        return Trial(mutant, tuple(self._kills.pop(0)), frozenset(directories))


LASTING = Kill(NARROW, f"{NARROW}/scenario.yaml::step::a -> b:80")
FLEETING = Kill(BROAD, f"{BROAD}/scenario.yaml::step::throughout a -> b:80")
TESTED = Kill(BROAD, f"{BROAD}/test_it.py::test_it")


@pytest.mark.parametrize("kill", [FLEETING, TESTED], ids=["path", "test"])
def test_a_kill_of_a_moment_has_to_come_again(monkeypatch: pytest.MonkeyPatch, kill: Kill) -> None:
    found = Trial("not-enforced", (LASTING, kill))
    for answer, kept in (((kill,), (LASTING, kill)), ((), (LASTING,))):
        runs = Runs(answer)
        monkeypatch.setattr(trials, "try_out", runs)
        assert certain(found).kills == kept
        assert runs.asked == [[BROAD]]


def test_a_kill_in_a_lasting_state_is_not_asked_again() -> None:
    found = Trial("not-enforced", (LASTING,))
    assert certain(found) is found


def test_batches_are_asked_in_order_until_a_certain_kill(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs((), (FLEETING,), (), (LASTING,))
    monkeypatch.setattr(trials, "try_out", runs)
    first, second = Path("first"), Path("second")
    batches = [lambda: (), lambda: (first,), lambda: (first, BROAD, NARROW), lambda: (second,)]
    assert try_in_order("not-enforced", batches).kills == (LASTING,)
    assert runs.asked == [[first], [BROAD, NARROW], [BROAD], [second]]


def test_several_runs_are_one_trial() -> None:
    both = together("x", [trial("x", NARROW), Trial("x", items=3, seconds=2.0, broken="why")])
    assert (both.scenarios, both.items, both.seconds, both.broken) == ({NARROW}, 3, 2.0, "why")


def test_where_there_is_no_page_nothing_is_known(tmp_path: Path) -> None:
    assert written(tmp_path / "mutants.md") == {}


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One scenario, and the place to stand."""
    directory = tmp_path / "scenarios" / "deny"
    directory.mkdir(parents=True)
    for name, text in (("scenario.yaml", SCENARIO), ("workloads.yaml", WORKLOADS), ("deny.yaml", DENY)):
        (directory / name).write_text(text)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p netpol_harness.plugin\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "harness"))
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
    assert "broken    not-enforced: the run ended with" in capsys.readouterr().out


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mutants", "--only", "not-enforcd"]) == 2
    assert "did you mean not-enforced" in capsys.readouterr().err
