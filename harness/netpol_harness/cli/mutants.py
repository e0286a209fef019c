"""Measure which scenarios detect which bugs of network plugins.

Each mutant is an embedded cluster with one documented bug. A scenario kills a mutant if one of its items fails with the
mutant and passes without it. A mutant that survives is a bug that these scenarios would not detect.

By default a mutant's trial ends with its first kill, and the killers that the page lists are run first; --all runs
every scenario that can detect the mutant. A scenario that cannot is not run: in all of its states the mutant writes the
rules of the correct cluster. The exit code is 1 if a mutant survives, or if an item fails without a mutant.

With --results a run can be interrupted: the same command goes on where it has ended, as long as neither the harness nor
a scenario has changed.
"""

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import indent

from rich.console import Console
from rich.progress import Progress

from netpol_harness.cli.arguments import count, path
from netpol_harness.cli.output import print_text
from netpol_harness.cli.signals import ended_by_signals
from netpol_harness.emulator.faults import MUTANTS, named
from netpol_harness.errors import HarnessError
from netpol_harness.mutation.agents import agents_by_mutant
from netpol_harness.mutation.campaign import (
    CampaignResult,
    Detectors,
    TrialCallback,
    run_always,
    run_exhaustively,
    run_quickly,
)
from netpol_harness.mutation.record import TrialRecord
from netpol_harness.mutation.report import Measurement, page, read_killers, read_rows
from netpol_harness.mutation.select import ScenarioTrace, scenario_traces
from netpol_harness.mutation.trials import Trial, killers_by_mutant

_PAGE = Path("docs/mutants.md")
_SCENARIOS = Path("scenarios")
_JOBS_PER_PROCESSOR = 2  # a step mostly waits


def add(command: argparse.ArgumentParser) -> None:
    """Declare the scenarios, the mutants, the number of jobs and what to write."""
    option = command.add_argument
    option("directories", nargs="*", type=path, metavar="DIR", help=f"scenarios to run (default: {_SCENARIOS})")
    option("--only", nargs="+", metavar="NAME", help="run only these mutants")
    option("--jobs", type=count, metavar="N", help=f"clusters at a time (default: {_JOBS_PER_PROCESSOR} per processor)")
    option("--all", action="store_true", help="run every scenario that can detect a mutant, not until one kills it")
    option(
        "--results",
        type=path,
        metavar="FILE",
        help="keep each trial in FILE, and do not run again what it has of this version",
    )
    option(
        "--write",
        type=path,
        nargs="?",
        const=_PAGE,
        metavar="FILE",
        help=f"write the page ({_PAGE}); with --only, its other rows stay",
    )
    option("--list", action="store_true", help="list the mutants and run nothing")


def run(args: argparse.Namespace) -> int:
    """Run the mutants; return 1 if one survives or the baseline is not clean."""
    if args.list:
        print_text("".join(f"{mutant.name}: {mutant.description}\n" for mutant in MUTANTS.values()))
        return 0
    if args.write:
        _check_writable(args.write)
    directories = args.directories or [_SCENARIOS]
    record = TrialRecord(args.results, directories) if args.results else None
    start, traces = time.monotonic(), _traces(directories)
    with ended_by_signals(), _kept(record):
        result = _run_campaign(args, traces, record)
    print_text("".join(f"{line}\n" for line in _lines(result)))
    if args.write:
        turns = [] if record is None else sorted(record.turns)
        seconds = time.monotonic() - start
        measurement = Measurement(len(traces), seconds, args.all, result.undetectable, turns, result.baseline)
        agents = agents_by_mutant()
        earlier = read_rows(args.write) if args.only else {}
        text = page(MUTANTS, result.trials, measurement, root=args.write.parent, agents=agents, earlier=earlier)
        args.write.write_text(text)
    return 0 if result.baseline.is_clean and all(trial.kills for trial in result.trials) else 1


def _check_writable(file: Path) -> None:
    """Check that the page can be written, before anything is measured. Raises ``OSError``."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.open("a").close()


def _traces(directories: Sequence[Path]) -> Sequence[ScenarioTrace]:
    if traces := scenario_traces(directories):
        return traces
    where = " or ".join(map(str, directories))
    raise HarnessError(f"there is no scenario.yaml and no test_*.py below {where}; give directories that have some")


@contextmanager
def _kept(record: TrialRecord | None) -> Iterator[None]:
    """Say how to go on if the user interrupts a campaign with a record."""
    try:
        yield
    except KeyboardInterrupt as end:
        if record is None:
            raise
        reason = str(end) or "interrupted"
        raise KeyboardInterrupt(f"{reason}; {record.count} trials are kept, the same command runs the others") from end


def _run_campaign(
    args: argparse.Namespace, traces: Sequence[ScenarioTrace], record: TrialRecord | None
) -> CampaignResult:
    names = [named(name).name for name in args.only or MUTANTS]
    jobs = args.jobs or (os.cpu_count() or 1) * _JOBS_PER_PROCESSOR
    detectors = Detectors(traces)
    with _progress() as report:
        run_trial = run_always if record is None else record.run
        if args.all:
            return run_exhaustively(names, detectors, jobs=jobs, report=report, run=run_trial)
        return run_quickly(names, detectors, read_killers(_PAGE), jobs=jobs, report=report, run=run_trial)


@contextmanager
def _progress() -> Iterator[TrialCallback]:
    """Show a progress bar on standard error, with a line above it for each trial that has ended."""
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("mutants", total=None)

        def report(trial: Trial, total: int) -> None:
            progress.console.print(_summary(trial), markup=False, highlight=False)
            progress.update(bar, advance=1, total=total)
            if progress.finished:
                progress.reset(bar)

        yield report


def _name(trial: Trial) -> str:
    return trial.mutant or "without a mutant"


def _summary(trial: Trial) -> str:
    result = "broken" if trial.broken else f"{len(trial.killers)} of {len(trial.executed)} scenarios fail"
    errors = f", {len(trial.errors)} errors" if trial.errors else ""
    return f"{_name(trial)}: {result} ({trial.items} items{errors}, {trial.seconds:.0f} s)"


def _lines(result: CampaignResult) -> Iterator[str]:
    """Yield the killed mutants, what went wrong, the survivors, and the figures."""
    baseline, trials = result.baseline, result.trials
    killed = [trial for trial in trials if trial.kills]
    yield from _killed(trials)
    yield from (f"FAILED    without a mutant: {kill.item}" for kill in baseline.kills)
    for trial in (baseline, *trials):
        yield from _lab_errors(trial)
    for trial in trials:
        if not trial.kills:
            mutant, verdict = MUTANTS[trial.mutant], "UNDECIDED" if trial.errors or trial.broken else "SURVIVES "
            yield f"{verdict} {mutant.name}: {mutant.description} Seen in: {', '.join(mutant.sources)}"
    seconds = sum(trial.seconds for trial in trials)
    yield f"{len(killed)} of {len(trials)} mutants killed in {seconds:.0f} s of runs"
    yield f"without a mutant: {baseline.items} items in {baseline.seconds:.0f} s, {_verdict(baseline)}"


def _killed(trials: Sequence[Trial]) -> Iterator[str]:
    """Yield each killed mutant with the item that kills it, of the scenario that kills the fewest other mutants."""
    killers = killers_by_mutant(trials)
    for trial in trials:
        if trial.kills:
            first = next(kill for kill in trial.kills if kill.scenario == killers[trial.mutant][0])
            others = len(killers[trial.mutant]) - 1
            yield f"killed    {trial.mutant}: {first.item}" + (f" (and {others} more scenarios)" if others else "")


def _lab_errors(trial: Trial) -> Iterator[str]:
    """Yield errors and broken runs, which say nothing about the network."""
    if trial.errors:
        yield f"error     {_name(trial)}: {len(trial.errors)} items could not be run, the first is {trial.errors[0]}"
    if trial.broken:
        yield f"broken    {_name(trial)}: the run ended with\n{indent(trial.broken, '          ')}"


def _verdict(baseline: Trial) -> str:
    if not (baseline.items or baseline.errors or baseline.broken):
        return "because no scenario killed a mutant"
    return "all as expected" if baseline.is_clean else f"{len(baseline.kills)} failed, {len(baseline.errors)} broken"
