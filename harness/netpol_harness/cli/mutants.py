"""Measure which scenarios notice which bugs of network plugins.

Runs scenarios against embedded clusters, one for each mutant: a policy agent with one documented bug. A mutant is
killed where an item fails that passes without it; one that survives is a bug that these scenarios would not notice.
A run ends with its first kill, and asks those scenarios first that are written down as killers; --all asks every
scenario that could tell the mutant. Scenarios that cannot are found beforehand: in all their states the mutant writes
the rules of a faultless cluster. Exit code 1 where a mutant survives, or where the faultless cluster fails.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cache, partial
from pathlib import Path
from textwrap import indent

from rich.console import Console
from rich.progress import Progress

from netpol_harness.cli.arguments import count, path
from netpol_harness.cli.output import print_text
from netpol_harness.emulator.faults import MUTANTS, named
from netpol_harness.errors import HarnessError
from netpol_harness.mutation.report import Measure, page, written
from netpol_harness.mutation.select import ScenarioTrace, scenario_traces
from netpol_harness.mutation.trials import FAULTLESS, Trial, certain, telling, together, try_in_order, try_out, without

_PAGE = Path("docs/mutants.md")
_SCENARIOS = Path("scenarios")
_AT_ONCE = 20
_JOBS_PER_PROCESSOR = 2  # what a step takes is mostly waiting

Attempt = Callable[[], Trial]


def add(command: argparse.ArgumentParser) -> None:
    """Which scenarios, which mutants, how many at a time, and what to write."""
    option = command.add_argument
    option("directories", nargs="*", type=path, metavar="DIR", help=f"scenarios to run (default: {_SCENARIOS})")
    option("--only", nargs="+", metavar="NAME", help="try these mutants alone")
    option("--jobs", type=count, metavar="N", help=f"clusters at a time (default: {_JOBS_PER_PROCESSOR} a processor)")
    option("--all", action="store_true", help="ask every scenario that could tell, not only until one kills")
    option("--write", type=path, nargs="?", const=_PAGE, metavar="FILE", help=f"write the page ({_PAGE})")
    option("--list", action="store_true", help="only say which mutants there are")


def run(given: argparse.Namespace) -> int:
    """Try them; 1 where something was found wanting."""
    if given.list:
        print_text("".join(f"{mutant.name}: {mutant.sentence}\n" for mutant in MUTANTS.values()))
        return 0
    if given.write:
        _prepare(given.write)
    began = time.monotonic()
    names = [named(name).name for name in given.only or MUTANTS]
    jobs = given.jobs or (os.cpu_count() or 1) * _JOBS_PER_PROCESSOR
    told = scenario_traces(places := given.directories or [_SCENARIOS])
    if not told:
        where = " or ".join(map(str, places))
        raise HarnessError(f"there is no scenario.yaml and no test_*.py below {where}; name directories that hold some")
    tellers = _Tellers(told)
    trials = _all_of(_attempts(names, tellers, whole=given.all), jobs=jobs)
    faultless = _faultless(tellers.everywhere if given.all else _killers(trials), jobs=jobs)
    order = list(MUTANTS)
    trials = sorted((without(t, faultless.kills) for t in trials), key=lambda trial: order.index(trial.mutant))
    print_text("".join(f"{line}\n" for line in _lines(faultless, trials)))
    if given.write:
        foreseen = sum(len(told) - len(tellers.of(name)) for name in names) if given.all else 0
        measure = Measure(len(told), time.monotonic() - began, given.all, foreseen)
        given.write.write_text(page(MUTANTS, trials, measure, root=given.write.parent))
    return 0 if _is_clean(faultless) and all(trial.kills for trial in trials) else 1


def _prepare(file: Path) -> None:
    """Find out now, not when all is measured, whether the page can be written. Raises ``OSError``."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.open("a").close()


class _Tellers:
    """The scenarios that could tell a mutant, looked for when they are wanted."""

    def __init__(self, told: Sequence[ScenarioTrace]) -> None:
        self._tales = told
        self.everywhere = [tale.directory for tale in told]
        self.of = cache(self._of)

    def _of(self, mutant: str) -> Sequence[Path]:
        return [tale.directory for tale in self._tales if tale.could_detect(MUTANTS[mutant])]

    def likely(self, mutant: str) -> Sequence[Path]:
        """Those about what the mutant was taken from."""
        return [place for place in self.everywhere if place.name in MUTANTS[mutant].sources]


def _attempts(names: Sequence[str], tellers: _Tellers, *, whole: bool) -> Sequence[Attempt]:
    """Those that take longest first where everything is asked."""
    if whole:
        longest = sorted(names, key=lambda name: -len(tellers.of(name)))
        return [partial(_ask_all, name, tellers.of(name)) for name in longest]
    known = written(_PAGE)
    return [partial(_ask_until_killed, name, known.get(name, ()), tellers) for name in names]


def _ask_all(mutant: str, scenarios: Sequence[Path]) -> Trial:
    return certain(try_out(mutant, scenarios, whole=True)) if scenarios else Trial(mutant)


def _ask_until_killed(mutant: str, known: Sequence[Path], tellers: _Tellers) -> Trial:
    """The first known killer, then the others, those that are likely to kill, and all that could."""
    known = [place for place in known if place in tellers.everywhere]
    batches = (known[:1], known[1:], tellers.likely(mutant))
    return try_in_order(mutant, [*(partial(list, batch) for batch in batches), partial(tellers.of, mutant)])


def _killers(trials: Sequence[Trial]) -> Sequence[Path]:
    return sorted({scenario for trial in trials for scenario in trial.scenarios})


def _faultless(scenarios: Sequence[Path], *, jobs: int) -> Trial:
    """The cluster without a mutant, asked in parts, side by side."""
    parts = [scenarios[start : start + _AT_ONCE] for start in range(0, len(scenarios), _AT_ONCE)]
    attempts = [partial(try_out, FAULTLESS, part, whole=True) for part in parts]
    return together(FAULTLESS, _all_of(attempts, jobs=jobs))


def _all_of(attempts: Sequence[Attempt], *, jobs: int) -> Sequence[Trial]:
    """So many at a time; what has not begun when the user has had enough never does."""
    pool = ThreadPoolExecutor(jobs)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("mutants", total=len(attempts))
        futures = [pool.submit(attempt) for attempt in attempts]
        try:
            for future in as_completed(futures):
                progress.console.print(_news(future.result()), markup=False, highlight=False)
                progress.advance(bar)
        finally:
            pool.shutdown(cancel_futures=True)
    return [future.result() for future in futures]


def _news(trial: Trial) -> str:
    fate = "broken" if trial.broken else f"{len(trial.scenarios)} of {len(trial.asked)} scenarios fail"
    errors = f", {len(trial.errors)} errors" if trial.errors else ""
    return f"{trial.mutant or 'without a mutant'}: {fate} ({trial.items} items{errors}, {trial.seconds:.0f} s)"


def _is_clean(trial: Trial) -> bool:
    return not (trial.kills or trial.errors or trial.broken)


def _lines(faultless: Trial, trials: Sequence[Trial]) -> Iterator[str]:
    """Who kills whom, what went wrong, who survives, and the figures."""
    order = telling(trials)
    killed = [trial for trial in trials if trial.kills]
    for trial in killed:
        first = next(kill for kill in trial.kills if kill.scenario == order[trial.mutant][0])
        others = len(order[trial.mutant]) - 1
        yield f"killed    {trial.mutant}: {first.item}" + (f" (and {others} more scenarios)" if others else "")
    yield from (f"FAILED    without a mutant: {kill.item}" for kill in faultless.kills)
    for trial in (faultless, *trials):
        yield from _troubles(trial)
    for trial in trials:
        if not trial.kills:
            mutant, fate = MUTANTS[trial.mutant], "UNDECIDED" if trial.errors or trial.broken else "SURVIVES "
            yield f"{fate} {mutant.name}: {mutant.sentence} Seen in: {', '.join(mutant.sources)}"
    seconds = sum(trial.seconds for trial in trials)
    yield f"{len(killed)} of {len(trials)} mutants killed in {seconds:.0f} s of runs"
    yield f"without a mutant: {faultless.items} items in {faultless.seconds:.0f} s, {_verdict(faultless)}"


def _troubles(trial: Trial) -> Iterator[str]:
    """What tells nothing of the network."""
    name = trial.mutant or "without a mutant"
    if trial.errors:
        yield f"error     {name}: {len(trial.errors)} items could not be asked, the first is {trial.errors[0]}"
    if trial.broken:
        yield f"broken    {name}: the run ended with\n{indent(trial.broken, '          ')}"


def _verdict(trial: Trial) -> str:
    if not (trial.items or trial.errors or trial.broken):
        return "since no scenario killed a mutant"
    return "all as expected" if _is_clean(trial) else f"{len(trial.kills)} failed, {len(trial.errors)} broken"
