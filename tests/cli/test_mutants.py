"""Killing mutants: what counts as a kill, the page, and a run of the command."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from netpol_harness.cli import main
from netpol_harness.emulator.faults import MUTANTS
from netpol_harness.emulator.faults.sightings import SIGHTINGS
from netpol_harness.mutation import trials
from netpol_harness.mutation.agents import agents_by_mutant
from netpol_harness.mutation.report import Measurement, page, read_killers
from netpol_harness.mutation.trials import (
    Kill,
    Trial,
    confirm,
    killers_by_mutant,
    merge,
    run_until_killed,
    without_baseline_failures,
)

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


def test_the_scenario_that_kills_fewest_other_mutants_comes_first() -> None:
    assert killers_by_mutant(TRIALS)["except-ignored"] == [NARROW, BROAD]


def test_an_item_that_fails_without_a_mutant_is_not_a_kill() -> None:
    assert without_baseline_failures(TRIALS[0], TRIALS[1].kills) == trial("except-ignored", NARROW)


AGENTS = {"except-ignored": ["kube-router 2.1.0"]}


def test_a_page_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = Path("docs/mutants.md")
    file.parent.mkdir()
    file.write_text(page(MUTANTS, TRIALS, Measurement(9, 130.0), root=file.parent, agents=AGENTS))
    assert read_killers(file) == killers_by_mutant(TRIALS)


def test_a_page_lists_the_first_killers_counts_the_rest_and_lists_the_survivors() -> None:
    many = [NARROW, *(Path(f"scenarios/{number}") for number in range(4))]
    trials = (replace(trial("not-enforced", *many), executed=frozenset((*many, BROAD))), trial("end-port-ignored"))
    text = page(MUTANTS, trials, Measurement(9, 130.0, exhaustive=True, undetectable=12), root=Path(), agents=AGENTS)
    assert "of 2 mutants, the scenarios of this repository kill 1" in text
    assert "[2](scenarios/2); 5 of 6 run |" in text
    assert "| **none** |" in text
    assert "2 of the mutants were seen in real implementations" in text
    assert "| [cilium/cilium#28684](https://github.com/cilium/cilium/issues/28684), " in text
    assert "## Survivors\n\n- `end-port-ignored`\n" in text
    assert "6 pairs of a mutant and a scenario were run, of 18; in 12 the scenario cannot detect the mutant." in text
    assert "`netpol mutants --all --write` in about 2 min" in text


def test_a_page_says_in_how_many_turns_it_was_measured_and_what_failed_without_a_mutant() -> None:
    turns = ["2026-11-30T23:50:00+00:00", "2026-12-01T00:10:00+00:00"]
    baseline = replace(trial("", NARROW), items=4, executed=frozenset({NARROW, BROAD}), errors=("x::y",), seconds=90.0)
    measured = Measurement(9, 1.0, exhaustive=True, turns=turns, baseline=baseline)
    text = page(MUTANTS, TRIALS, measured, root=Path(), agents=AGENTS)
    assert "--all --write` in 2 turns of one version (2026-11-30 to 2026-12-01), 2 min of runs" in text
    assert "4 items of 2 scenarios were run: \n- `scenarios/narrow/scenario.yaml::step::a -> b:80` failed\n" in text
    assert "- `x::y` could not be run" in text
    clean = page(
        MUTANTS, TRIALS, replace(measured, baseline=replace(baseline, kills=(), errors=())), root=Path(), agents={}
    )
    assert "4 items of 2 scenarios were run: none failed." in clean


def test_a_page_says_which_bugs_nobody_has_ever_seen() -> None:
    trials = (trial("not-in-first-value-only", NARROW), trial("except-ignored", NARROW))
    text = page(MUTANTS, trials, Measurement(9, 130.0), root=Path(), agents=AGENTS)
    assert "Of the values of NotIn only the first is excluded. | never seen | [" in text
    assert "An except is ignored. | **kube-router 2.1.0**, [aws/aws-network-policy-agent#92](https://github.com" in text
    assert "1 of the mutants were seen in real implementations" in text


def test_sightings_and_agents_are_of_mutants_that_exist() -> None:
    assert SIGHTINGS.keys() <= MUTANTS.keys()
    assert all(SIGHTINGS.values())
    agents = agents_by_mutant()
    assert agents.keys() <= MUTANTS.keys()
    assert agents["egress-rules-admit-ingress"] == ["kube-router 2.1.0"]


class Runs:
    """Stands in for ``run_trial``: each call returns the next of these kills."""

    def __init__(self, *kills: Sequence[Kill]) -> None:
        self.scenarios: list[Sequence[Path]] = []
        self._kills = list(kills)

    def __call__(self, mutant: str, directories: Sequence[Path], *, exhaustive: bool) -> Trial:
        self.scenarios.append(list(directories))
        return Trial(mutant, tuple(self._kills.pop(0)), frozenset(directories))


SETTLED = Kill(NARROW, f"{NARROW}/scenario.yaml::step::a -> b:80")
TRANSIENT = Kill(BROAD, f"{BROAD}/scenario.yaml::step::throughout a -> b:80")
TESTED = Kill(BROAD, f"{BROAD}/test_it.py::test_it")


@pytest.mark.parametrize("kill", [TRANSIENT, TESTED], ids=["path", "test"])
def test_a_transient_kill_must_recur(monkeypatch: pytest.MonkeyPatch, kill: Kill) -> None:
    found = Trial("not-enforced", (SETTLED, kill))
    for answer, kept in (((kill,), (SETTLED, kill)), ((), (SETTLED,))):
        runs = Runs(answer)
        monkeypatch.setattr(trials, "run_trial", runs)
        assert confirm(found).kills == kept
        assert runs.scenarios == [[BROAD]]


def test_a_kill_in_a_settled_state_is_not_run_again() -> None:
    found = Trial("not-enforced", (SETTLED,))
    assert confirm(found) is found


def test_a_kill_whose_confirmation_was_interrupted_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "run_trial", lambda *_, **__: Trial("not-enforced", broken="interrupted"))
    assert confirm(Trial("not-enforced", (TRANSIENT,))).broken == "interrupted"


def test_batches_are_run_in_order_until_a_certain_kill(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs((), (TRANSIENT,), (), (SETTLED,))
    monkeypatch.setattr(trials, "run_trial", runs)
    first, second = Path("first"), Path("second")
    batches = [lambda: (), lambda: (first,), lambda: (first, BROAD, NARROW), lambda: (second,)]
    assert run_until_killed("not-enforced", batches).kills == (SETTLED,)
    assert runs.scenarios == [[first], [BROAD, NARROW], [BROAD], [second]]


def test_trials_of_one_mutant_are_merged() -> None:
    both = merge("x", [trial("x", NARROW), Trial("x", items=3, seconds=2.0, broken="why")])
    assert (both.killers, both.items, both.seconds, both.broken) == ({NARROW}, 3, 2.0, "why")


def test_no_killer_is_known_if_there_is_no_page(tmp_path: Path) -> None:
    assert read_killers(tmp_path / "mutants.md") == {}


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
    ("names", "code", "lines"),
    [
        (["not-enforced"], 0, ["killed    not-enforced: scenarios/deny/scenario.yaml::closed::client -> server:80"]),
        (["not-enforced", "except-ignored"], 1, ["SURVIVES  except-ignored: ", "1 of 2 mutants killed"]),
    ],
    ids=["killed", "survivor"],
)
def test_the_command_lists_the_killed_mutants_and_the_survivors(
    library: Path, capsys: pytest.CaptureFixture[str], names: Sequence[str], code: int, lines: Sequence[str]
) -> None:
    assert main(["mutants", "--only", *names]) == code
    output = capsys.readouterr().out
    assert all(text in output for text in lines), output
    assert "without a mutant: 1 items" in output


@pytest.mark.live
def test_a_scenario_that_fails_anyway_kills_no_mutant(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (library / "scenario.yaml").write_text(SCENARIO.replace("blocked", "allowed"))
    assert main(["mutants", "--only", "replies-judged", "--write", "mutants.md"]) == 1
    assert "FAILED    without a mutant: scenarios/deny" in capsys.readouterr().out
    assert "`replies-judged`" in Path("mutants.md").read_text()


@pytest.mark.live
def test_files_that_cannot_be_read_are_not_a_result(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (library / "deny.yaml").unlink()
    assert main(["mutants", "--only", "not-enforced"]) == 1
    assert "broken    not-enforced: the run ended with" in capsys.readouterr().out


@pytest.mark.live
def test_a_run_goes_on_where_it_has_ended(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["mutants", "--only", "not-enforced", "except-ignored", "--results", "build/trials.jsonl"]
    assert main(command) == 1
    capsys.readouterr()
    kept = Path("build/trials.jsonl").read_text()
    assert len(kept.splitlines()) == 3
    assert main([*command, "--write", "mutants.md"]) == 1
    assert "killed    not-enforced" in capsys.readouterr().out
    assert Path("build/trials.jsonl").read_text() == kept
    assert "`netpol mutants --write` in 1 turn of one version" in Path("mutants.md").read_text()


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mutants", "--only", "not-enforcd"]) == 2
    assert "did you mean not-enforced" in capsys.readouterr().err
