"""An exhaustive campaign is planned in parts, and a mutant's parts are one trial in its result."""

from collections.abc import Callable, Sequence
from pathlib import Path

from netpol_harness.emulator.faults.mutant import Shape
from netpol_harness.mutation.campaign import Detectors, run_exhaustively
from netpol_harness.mutation.select import ScenarioTrace
from netpol_harness.mutation.trials import NO_MUTANT, Kill, Trial

ALL = [Path(f"scenarios/{number:02}") for number in range(45)]
BAD = ALL[44]


def run(scenarios: Sequence[Path], _shape: Shape, mutant: str, _trial: Callable[[], Trial]) -> Trial:
    """Stands in for trials: the last scenario always fails, the first one with a mutant."""
    failing = [path for path in scenarios if path == BAD or (mutant and path == ALL[0])]
    kills = tuple(Kill(path, f"{path}/scenario.yaml::step::a -> b:80") for path in failing)
    return Trial(mutant, kills, frozenset(scenarios), items=len(scenarios))


def test_the_parts_of_a_mutant_are_one_trial_without_the_failures_of_the_baseline() -> None:
    ended: list[str] = []
    detectors = Detectors([ScenarioTrace(path) for path in ALL])
    names = ["not-enforced", "except-ignored"]
    result = run_exhaustively(
        names, detectors, jobs=2, report=lambda trial, total: ended.append(f"{trial.mutant}/{total}"), run=run
    )
    assert sorted(ended) == sorted([*(f"{name}/6" for name in names for _ in range(3)), *["/3"] * 3])
    assert (result.baseline.mutant, result.baseline.killers, result.baseline.items) == (NO_MUTANT, {BAD}, 45)
    assert {trial.mutant: trial.killers for trial in result.trials} == {name: {ALL[0]} for name in names}
    assert all(trial.executed == frozenset(ALL) for trial in result.trials)
