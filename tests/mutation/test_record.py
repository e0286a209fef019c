"""A campaign in turns: what is recorded is not run again, unless something has changed that it depends on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from netpol_harness.emulator.faults.mutant import DEFAULT_SHAPE, TWO_NODES
from netpol_harness.errors import HarnessError
from netpol_harness.mutation.record import TrialRecord
from netpol_harness.mutation.trials import NO_MUTANT, Kill, Trial

NARROW = Path("scenarios/narrow")
KILLED = Trial(
    "not-enforced",
    kills=(Kill(NARROW, f"{NARROW}/scenario.yaml::step::a -> b:80"),),
    executed=frozenset({NARROW}),
    items=3,
    errors=("x",),
    seconds=2.5,
)


@dataclass
class Campaign:
    """Opens records of one file, and counts how often a trial was run."""

    folder: Path
    runs: int = 0
    result: Trial = KILLED
    scenarios: Sequence[Path] = field(default=(NARROW,))

    @property
    def file(self) -> Path:
        return self.folder / "results" / "trials.jsonl"

    def record(self) -> TrialRecord:
        return TrialRecord(self.file, [self.folder / "scenarios"])

    def turn(self) -> Trial:
        return self.record().run(self.scenarios, DEFAULT_SHAPE, self.result.mutant, self.trial)

    def trial(self) -> Trial:
        self.runs += 1
        return self.result


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    (tmp_path / "scenarios").mkdir()
    return Campaign(tmp_path)


def test_a_recorded_trial_is_not_run_again(campaign: Campaign) -> None:
    assert campaign.turn() == campaign.turn() == KILLED
    assert campaign.runs == 1
    assert campaign.record().count == len(campaign.record().turns) == 1


def test_a_trial_of_other_scenarios_or_of_another_cluster_is_another_one(campaign: Campaign) -> None:
    campaign.turn()
    campaign.scenarios = (NARROW, Path("scenarios/broad"))
    campaign.turn()
    campaign.record().run((NARROW,), TWO_NODES, KILLED.mutant, campaign.trial)
    assert campaign.runs == 3


def test_a_changed_scenario_makes_another_version(campaign: Campaign) -> None:
    campaign.turn()
    (campaign.folder / "scenarios" / "new.yaml").touch()
    assert not campaign.record().turns
    campaign.turn()
    assert campaign.runs == 2


@pytest.mark.parametrize(
    "result",
    [Trial("not-enforced", broken="why"), Trial(NO_MUTANT, errors=("an item",))],
    ids=["broken", "an error without a mutant"],
)
def test_a_trial_without_a_result_is_run_again(campaign: Campaign, result: Trial) -> None:
    campaign.result = result
    assert campaign.turn() == campaign.turn() == result
    assert campaign.runs == 2


def test_a_line_that_was_cut_off_is_run_again(campaign: Campaign) -> None:
    campaign.turn()
    with campaign.file.open("a") as out:
        out.write('{"turn": "20')
    campaign.turn()
    campaign.scenarios = ()
    campaign.turn()
    assert campaign.runs == 2
    assert campaign.record().count == 2


@pytest.mark.parametrize("text", ["# Mutants\n", "[]\n", '{"key": "x"}\n'])
def test_another_file_is_refused_and_left_alone(campaign: Campaign, text: str) -> None:
    campaign.file.parent.mkdir()
    campaign.file.write_text(text)
    with pytest.raises(HarnessError, match="is not a record of trials of 'netpol mutants'; name another file"):
        campaign.record()
    assert campaign.file.read_text() == text
