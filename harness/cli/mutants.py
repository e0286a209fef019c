"""Measure which scenarios notice which bugs of network plugins.

Runs scenarios against embedded clusters, one without fault and one for each mutant: a policy agent with one documented
bug. A mutant is killed where an item fails; one that survives is a bug that these scenarios would not notice. A run
ends with its first kill, and asks those scenarios first that are written down as killers; --all asks everything. Exit
code 1 where a mutant survives, or where the faultless cluster fails.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from textwrap import indent

from rich.console import Console
from rich.progress import Progress

from harness.cli.killing import FAULTLESS, Trial, telling, try_in_order, try_out, without
from harness.cli.killpage import page, written
from harness.cluster.embedded.mutants import MUTANTS, named

_PAGE = Path("docs/mutants.md")
_SCENARIOS = Path("scenarios")

Attempt = Callable[[], Trial]


def add(command: argparse.ArgumentParser) -> None:
    """Which scenarios, which mutants, how many at a time, and what to write."""
    option = command.add_argument
    option("directories", nargs="*", type=Path, metavar="DIR", help=f"scenarios to run (default: {_SCENARIOS})")
    option("--only", nargs="+", metavar="NAME", help="try these mutants alone")
    option("--jobs", type=int, metavar="N", help="clusters at a time (default: one for each processor)")
    option("--all", action="store_true", help="ask every scenario of every mutant, not only until one kills it")
    option("--write", type=Path, nargs="?", const=_PAGE, metavar="FILE", help=f"--all, and write the page ({_PAGE})")
    option("--list", action="store_true", help="only say which mutants there are")


def run(given: argparse.Namespace) -> int:
    """Try them; 1 where something was found wanting."""
    if given.list:
        sys.stdout.writelines(f"{mutant.name}: {mutant.sentence}\n" for mutant in MUTANTS.values())
        return 0
    names = [named(name).name for name in given.only or MUTANTS]
    directories = given.directories or [_SCENARIOS]
    trials = _all_of(
        _attempts(names, directories, whole=bool(given.all or given.write)), jobs=given.jobs or os.cpu_count() or 1
    )
    faultless, trials = trials[0], [without(trial, trials[0].kills) for trial in trials[1:]]
    sys.stdout.writelines(f"{line}\n" for line in _lines(faultless, trials))
    if given.write:
        given.write.parent.mkdir(parents=True, exist_ok=True)
        given.write.write_text(page(MUTANTS, trials, root=given.write.parent))
    return 0 if _is_clean(faultless) and all(trial.kills for trial in trials) else 1


def _attempts(names: Sequence[str], directories: Sequence[Path], *, whole: bool) -> Sequence[Attempt]:
    """The faultless cluster first, which is asked everything."""
    known = {} if whole else written(_PAGE)
    attempts: list[Attempt] = [partial(try_out, FAULTLESS, directories, whole=True)]
    for name in names:
        if whole:
            attempts.append(partial(try_out, name, directories, whole=True))
        else:
            attempts.append(
                partial(try_in_order, name, known.get(name, ())[:1] or _likely(name, directories), directories)
            )
    return attempts


def _likely(name: str, directories: Sequence[Path]) -> Sequence[Path]:
    """The scenarios about what the mutant was taken from."""
    return [found for source in MUTANTS[name].sources for place in directories for found in place.rglob(source)]


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
    fate = (
        "broken" if trial.broken else f"{len(trial.scenarios)} scenarios fail" if trial.kills else "no scenario fails"
    )
    return f"{trial.mutant or 'without a mutant'}: {fate} ({trial.items} items, {trial.seconds:.0f} s)"


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
    for mutant in (MUTANTS[trial.mutant] for trial in trials if not trial.kills):
        yield f"SURVIVES  {mutant.name}: {mutant.sentence} Seen in: {', '.join(mutant.sources)}"
    seconds = sum(trial.seconds for trial in trials)
    yield f"{len(killed)} of {len(trials)} mutants killed in {seconds:.0f} s of runs"
    yield f"without a mutant: {faultless.items} items in {faultless.seconds:.0f} s, {_verdict(faultless)}"


def _troubles(trial: Trial) -> Iterator[str]:
    """What tells nothing of the network."""
    name = trial.mutant or "without a mutant"
    yield from (f"error     {name}: {item}" for item in trial.errors)
    if trial.broken:
        yield f"broken    {name}: the run ended with\n{indent(trial.broken, '          ')}"


def _verdict(trial: Trial) -> str:
    return "all as expected" if _is_clean(trial) else f"{len(trial.kills)} failed, {len(trial.errors)} broken"
