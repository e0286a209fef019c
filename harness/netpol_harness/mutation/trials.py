"""Trials: runs of scenarios against a mutant, in one pytest process, whose output is read while it runs.

Invariant: only an item that FAILED kills a mutant; an ERROR is a broken lab and kills nothing.

A kill must be certain. A path that is probed in a step's settled state has failed for the whole settle time; the
policies of an embedded cluster are in force before that time begins, so it may be short. A path that is probed during a
transition, and a test in Python, can also fail because a busy machine is slow for a moment. Such a scenario is run once
more, and must fail in the same item.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from netpol_harness.emulator.faults import MUTANTS
from netpol_harness.emulator.faults.mutant import DEFAULT_SHAPE, Shape
from netpol_harness.errors import HarnessError
from netpol_harness.paths.path import ProbeMode
from netpol_harness.scenario import SCENARIO_FILE
from netpol_harness.scenario.load import load

NO_MUTANT = ""
"""The mutant of a baseline: the cluster without a bug."""

_ITEM = re.compile(r"(?P<item>\S.*?::.*?) (?P<result>PASSED|FAILED|ERROR|SKIPPED)\b.*\[ *\d+%\]$")
_PYTEST = ("-m", "pytest", "-v", "--tb=no", "--no-header", "-p", "no:cacheprovider", "-n0")
_CLUSTER = ("--netpol-cluster", "embedded", "--netpol-no-canary", "--netpol-proof", "listener")
"""The fault is in the policy engine and the network is sound: a lift would only be one policy more to read."""
_WITH_SIGINT = ("env", "--default-signal=INT")  # a shell makes its background processes ignore SIGINT
_FIRST_FAILURE = "--netpol-first-failure"
_SHORT_SETTLE = ("--netpol-settle-deadline", "0.7")
_COMPLETE = (0, 1)  # pytest's exit codes if every item was run
_TRANSIENT = {name for name, mutant in MUTANTS.items() if mutant.after_change or mutant.after_restart}
_RUN = ("PASSED", "FAILED")
_TRANSITION_MODES = tuple(f"{mode} " for mode in ProbeMode if mode)
_LAST_LINES = 15

Batch = Callable[[], Sequence[Path]]
"""Returns scenarios to run together; called when it is their turn, because to find them may take long."""


@dataclass(frozen=True, slots=True)
class Kill:
    """An item that failed: the directory of its scenario, and its node id."""

    scenario: Path
    item: str

    @property
    def is_transient(self) -> bool:
        """Whether it was probed during a transition, over a held connection, or by a test in Python."""
        file, _, path = self.item.partition("::")
        return not file.endswith(SCENARIO_FILE) or path.rpartition("::")[2].startswith(_TRANSITION_MODES)


@dataclass(frozen=True, slots=True)
class Trial:
    """The results of one mutant.

    ``executed`` are the scenarios that passed or failed an item; ``items`` counts the items, ``errors`` are those with
    an ERROR. ``broken`` holds the last output of a run that ended early, so that its result means nothing; else it is
    empty.
    """

    mutant: str
    kills: tuple[Kill, ...] = ()
    executed: frozenset[Path] = frozenset()
    items: int = 0
    errors: tuple[str, ...] = ()
    seconds: float = 0.0
    broken: str = ""

    @property
    def killers(self) -> Set[Path]:
        """The scenarios that kill the mutant."""
        return {kill.scenario for kill in self.kills}

    @property
    def is_clean(self) -> bool:
        """Whether no item failed or ended in an ERROR, and the run was complete."""
        return not (self.kills or self.errors or self.broken)


@dataclass(slots=True)
class _Output:
    """The output of a run so far."""

    kills: list[Kill] = field(default_factory=list)
    executed: set[Path] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    items: int = 0
    last_lines: list[str] = field(default_factory=list)

    def read(self, line: str) -> bool:
        """Take a line into account; return whether it reports a kill."""
        self.last_lines = [*self.last_lines[-_LAST_LINES:], line.rstrip()]
        match = _ITEM.match(line)
        if match is None:
            return False
        scenario = Path(match["item"].partition("::")[0]).parent
        self.items += 1
        if match["result"] in _RUN:
            self.executed.add(scenario)
        if match["result"] == "ERROR":
            self.errors.append(match["item"])
        if match["result"] != "FAILED":
            return False
        self.kills.append(Kill(scenario, match["item"]))
        return True


def run_trial(mutant: str, directories: Sequence[Path], *, exhaustive: bool, shape: Shape | None = None) -> Trial:
    """Run the scenarios against a cluster with this mutant; all if ``exhaustive``, else until one kills it.

    The cluster has the mutant's own shape unless another one is given.

    A scenario that has killed the mutant is not continued. A mutant that is wrong for a moment only gets the usual
    settle time, because only what outlasts it is a failure.
    """
    start, output, stopped = time.monotonic(), _Output(), False
    own = MUTANTS[mutant].shape if mutant else DEFAULT_SHAPE
    with _start(mutant, directories, shape or own) as process:
        for line in process.stdout or ():
            if output.read(line) and not exhaustive and not stopped:
                stopped = True
                process.send_signal(signal.SIGINT)
    complete = stopped or process.returncode in _COMPLETE
    return Trial(
        mutant,
        kills=tuple(output.kills),
        executed=frozenset(output.executed),
        items=output.items,
        errors=tuple(output.errors),
        seconds=time.monotonic() - start,
        broken="" if complete else "\n".join(output.last_lines),
    )


def settle_options(mutant: str, directories: Iterable[Path]) -> tuple[str, ...]:
    """Return the options of the settle time: short, unless addresses of names have to expire or the bug is a moment's.

    An address that a name no longer has is rightly admitted until the time to live of the last answer has passed.
    """
    return () if mutant in _TRANSIENT or any(map(_has_domain_names, directories)) else _SHORT_SETTLE


@cache
def _has_domain_names(directory: Path) -> bool:
    try:
        return (directory / SCENARIO_FILE).is_file() and load(directory / SCENARIO_FILE).has_domain_names
    except HarnessError:
        return False


def _start(mutant: str, directories: Sequence[Path], shape: Shape) -> "subprocess.Popen[str]":
    options = (_FIRST_FAILURE, "--netpol-mutant", mutant) if mutant else ()
    arguments = [
        *_CLUSTER,
        *shape.options,
        *options,
        *settle_options(mutant, directories),
        *map(str, directories),
    ]
    return subprocess.Popen(
        [*_WITH_SIGINT, sys.executable, *_PYTEST, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "400"},
    )


def run_until_killed(mutant: str, batches: Iterable[Batch]) -> Trial:
    """Run one batch of scenarios after another, until one kills the mutant for certain."""
    trial = Trial(mutant)
    for batch in batches:
        while remaining := [scenario for scenario in batch() if scenario not in trial.executed]:
            latest = run_trial(mutant, remaining, exhaustive=False)
            trial = merge(mutant, [trial, confirm(latest)])
            if trial.kills or trial.broken:
                return trial
            if not latest.kills:
                break
    return trial


def confirm(trial: Trial) -> Trial:
    """Run the scenarios of transient kills again; return the trial without those kills that do not recur."""
    doubtful = {kill for kill in trial.kills if kill.is_transient}
    if not doubtful:
        return trial
    rerun = run_trial(trial.mutant, sorted({kill.scenario for kill in doubtful}), exhaustive=True)
    kept = tuple(kill for kill in trial.kills if kill not in doubtful or kill in rerun.kills)
    return replace(trial, kills=kept, seconds=trial.seconds + rerun.seconds, broken=trial.broken or rerun.broken)


def merge(mutant: str, trials: Sequence[Trial]) -> Trial:
    """Merge several trials of one mutant."""
    return Trial(
        mutant,
        kills=tuple(kill for trial in trials for kill in trial.kills),
        executed=frozenset(scenario for trial in trials for scenario in trial.executed),
        items=sum(trial.items for trial in trials),
        errors=tuple(error for trial in trials for error in trial.errors),
        seconds=sum(trial.seconds for trial in trials),
        broken="\n".join(trial.broken for trial in trials if trial.broken),
    )


def killers_by_mutant(trials: Sequence[Trial]) -> Mapping[str, Sequence[Path]]:
    """Return the scenarios that kill each mutant, those first that kill the fewest other mutants."""
    counts = Counter(scenario for trial in trials for scenario in trial.killers)
    return {t.mutant: sorted(t.killers, key=lambda scenario: (counts[scenario], scenario)) for t in trials}


def without_baseline_failures(trial: Trial, failures: Sequence[Kill]) -> Trial:
    """Return the trial without the items that also fail on the cluster without a mutant."""
    items = {kill.item for kill in failures}
    return replace(trial, kills=tuple(kill for kill in trial.kills if kill.item not in items))
