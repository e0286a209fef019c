"""A campaign: trials of many mutants, some at a time, and a baseline without a mutant to compare with."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from netpol_harness.emulator.faults import MUTANTS
from netpol_harness.emulator.faults.mutant import DEFAULT_SHAPE, Shape
from netpol_harness.mutation.select import ScenarioTrace
from netpol_harness.mutation.trials import (
    NO_MUTANT,
    Trial,
    confirm,
    merge,
    run_trial,
    run_until_killed,
    without_baseline_failures,
)

_PART = 20  # scenarios of one process

PlannedTrial = Callable[[], Trial]
RunTrial = Callable[[Sequence[Path], Shape, str, PlannedTrial], Trial]
"""Runs a trial of these scenarios, a shape and a mutant, or returns its result if it is known.

No scenarios: a trial that ends with the first kill, whichever scenarios it takes.
"""

TrialCallback = Callable[[Trial, int], None]
"""Called with each trial that has ended, and the number of trials of its phase of the campaign."""


@dataclass(frozen=True, slots=True)
class CampaignResult:
    """The baseline, and a trial of each mutant in the order of the catalogue, without the failures of the baseline.

    ``undetectable`` counts the pairs of a mutant and a scenario that cannot detect it; 0 unless exhaustive.
    """

    baseline: Trial
    trials: Sequence[Trial]
    undetectable: int = 0


class Detectors:
    """The scenarios that can detect each mutant, found when they are needed."""

    def __init__(self, traces: Sequence[ScenarioTrace]) -> None:
        self._traces = traces
        self.all = [trace.directory for trace in traces]
        self.of = cache(self._of)

    def _of(self, mutant: str) -> Sequence[Path]:
        return [trace.directory for trace in self._traces if trace.can_detect(MUTANTS[mutant])]

    def sources(self, mutant: str) -> Sequence[Path]:
        """Return the scenarios of the bug report that the mutant was taken from: they are likely to kill it."""
        return [directory for directory in self.all if directory.name in MUTANTS[mutant].sources]


def run_always(_scenarios: Sequence[Path], _shape: Shape, _mutant: str, trial: PlannedTrial) -> Trial:
    """Run the trial, whatever is known."""
    return trial()


def run_exhaustively(
    names: Sequence[str], detectors: Detectors, *, jobs: int, report: TrialCallback, run: RunTrial = run_always
) -> CampaignResult:
    """Run every scenario that can detect a mutant against it, and every scenario without a mutant."""
    slowest_first = sorted(names, key=lambda name: -len(detectors.of(name)))
    planned = [
        partial(run, part, MUTANTS[name].shape, name, partial(_run_all, name, part))
        for name in slowest_first
        for part in _parts(detectors.of(name))
    ]
    parts = _run(planned, jobs, report)
    trials = [merge(name, [part for part in parts if part.mutant == name]) for name in names]
    undetectable = sum(len(detectors.all) - len(detectors.of(name)) for name in names)
    scenarios = {shape: _needed(names, shape, detectors) for shape in _shapes(names)}
    return _compared(trials, _baseline(scenarios, jobs, report, run), undetectable)


def run_quickly(
    names: Sequence[str],
    detectors: Detectors,
    known_killers: Mapping[str, Sequence[Path]],
    *,
    jobs: int,
    report: TrialCallback,
    run: RunTrial = run_always,
) -> CampaignResult:
    """Run scenarios against each mutant until one kills it, and the killers without a mutant."""
    kills = {name: partial(_kill, name, known_killers.get(name, ()), detectors) for name in names}
    trials = _run([partial(run, (), MUTANTS[name].shape, name, kill) for name, kill in kills.items()], jobs, report)
    killers = {shape: sorted(_killers(trials, shape)) for shape in _shapes(names)}
    return _compared(trials, _baseline(killers, jobs, report, run), 0)


def _shapes(names: Sequence[str]) -> Sequence[Shape]:
    return list(dict.fromkeys(MUTANTS[name].shape for name in names))


def _needed(names: Sequence[str], shape: Shape, detectors: Detectors) -> Sequence[Path]:
    """Return the scenarios to compare with on clusters of a shape: on the default one, all."""
    if shape == DEFAULT_SHAPE:
        return detectors.all
    return sorted({path for name in names if MUTANTS[name].shape == shape for path in detectors.of(name)})


def _killers(trials: Sequence[Trial], shape: Shape) -> set[Path]:
    return {path for trial in trials if MUTANTS[trial.mutant].shape == shape for path in trial.killers}


def _compared(trials: Sequence[Trial], baseline: Trial, undetectable: int) -> CampaignResult:
    order = list(MUTANTS)
    kills = [without_baseline_failures(trial, baseline.kills) for trial in trials]
    return CampaignResult(baseline, sorted(kills, key=lambda trial: order.index(trial.mutant)), undetectable)


def _run_all(mutant: str, scenarios: Sequence[Path]) -> Trial:
    return confirm(run_trial(mutant, scenarios, exhaustive=True))


def _kill(mutant: str, known: Sequence[Path], detectors: Detectors) -> Trial:
    """Run the first known killer, then the other ones, then the sources, then all that can detect the mutant."""
    known = [scenario for scenario in known if scenario in detectors.all]
    batches = (known[:1], known[1:], detectors.sources(mutant))
    return run_until_killed(mutant, [*(partial(list, batch) for batch in batches), partial(detectors.of, mutant)])


def _baseline(scenarios: Mapping[Shape, Sequence[Path]], jobs: int, report: TrialCallback, run: RunTrial) -> Trial:
    """Run the scenarios without a mutant on clusters of each shape, in parts side by side."""
    planned = [
        partial(run, part, shape, NO_MUTANT, partial(run_trial, NO_MUTANT, part, exhaustive=True, shape=shape))
        for shape, paths in scenarios.items()
        for part in _parts(paths)
    ]
    return merge(NO_MUTANT, _run(planned, jobs, report))


def _parts(scenarios: Sequence[Path]) -> Iterator[Sequence[Path]]:
    return (scenarios[start : start + _PART] for start in range(0, len(scenarios), _PART))


def _run(planned: Sequence[PlannedTrial], jobs: int, report: TrialCallback) -> Sequence[Trial]:
    with _pool(jobs) as pool:
        futures: list[Future[Trial]] = [pool.submit(trial) for trial in planned]
        for future in as_completed(futures):
            report(future.result(), len(planned))
    return [future.result() for future in futures]


@contextmanager
def _pool(jobs: int) -> Iterator[ThreadPoolExecutor]:
    """A pool that starts no more trials once the user interrupts the campaign."""
    pool = ThreadPoolExecutor(jobs)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
