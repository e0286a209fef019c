"""Running scenarios against mutants: one pytest process a mutant, read line by line as it goes on.

Invariant: a mutant is killed by an item that FAILED and by nothing else; an ERROR is a broken laboratory, and no kill.
A kill is certain. A path that is asked in a state that lasts has failed again and again for the whole settle time when
its item fails; an embedded cluster's policies are in force before that time begins, so that it may be short. One that
is asked on the way, and a test in Python, may fail by a moment, which a busy machine can make as well: the scenario is
asked once more, and has to fail in the same item.
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
from pathlib import Path

from netpol_harness.emulator.faults import MUTANTS
from netpol_harness.paths.path import ProbeMode
from netpol_harness.scenario import SCENARIO_FILE

FAULTLESS = ""
"""The name of no mutant."""

_ITEM = re.compile(r"(?P<item>\S.*?::.*?) (?P<word>PASSED|FAILED|ERROR|SKIPPED)\b.*\[ *\d+%\]$")
_PYTEST = ("-m", "pytest", "-v", "--tb=no", "--no-header", "-p", "no:cacheprovider", "-n0")
_CLUSTER = ("--netpol-cluster", "embedded", "--netpol-no-canary")
_HEARING = ("env", "--default-signal=INT")  # a shell has those that it runs in the background ignore it
_HURRY = "--netpol-first-failure"
_SOON = ("--netpol-settle-deadline", "0.7")
_NOTHING_WRONG = (0, 1)  # pytest's exit codes where every item was asked
_MOMENTARY = {name for name, mutant in MUTANTS.items() if mutant.after_change or mutant.after_restart}
_ASKED = ("PASSED", "FAILED")
_PASSING = tuple(f"{mode} " for mode in ProbeMode if mode)
_SAID = 15

Batch = Callable[[], Sequence[Path]]
"""Scenarios to be asked together, found when it is their turn."""


@dataclass(frozen=True, slots=True)
class Kill:
    """An item that failed: where, and its name in pytest."""

    scenario: Path
    item: str

    @property
    def is_of_a_moment(self) -> bool:
        """Whether it was asked on the way, over one connection or by a test: not again and again in a lasting state."""
        file, _, path = self.item.partition("::")
        return not file.endswith(SCENARIO_FILE) or path.rpartition("::")[2].startswith(_PASSING)


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one mutant. ``broken`` says why its run tells nothing; it is empty where it does.

    Scenarios that were not ``asked`` were skipped, or passed over because they cannot tell, or came after the kill.
    """

    mutant: str
    kills: tuple[Kill, ...] = ()
    asked: frozenset[Path] = frozenset()
    items: int = 0
    errors: tuple[str, ...] = ()
    seconds: float = 0.0
    broken: str = ""

    @property
    def scenarios(self) -> Set[Path]:
        """Those that kill it."""
        return {kill.scenario for kill in self.kills}


@dataclass(slots=True)
class _Progress:
    """What was read of a run so far."""

    kills: list[Kill] = field(default_factory=list)
    asked: set[Path] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    items: int = 0
    said: list[str] = field(default_factory=list)

    def read(self, line: str) -> bool:
        """Take note of a line; whether it tells of a kill."""
        self.said = [*self.said[-_SAID:], line.rstrip()]
        found = _ITEM.match(line)
        if found is None:
            return False
        scenario = Path(found["item"].partition("::")[0]).parent
        self.items += 1
        if found["word"] in _ASKED:
            self.asked.add(scenario)
        if found["word"] == "ERROR":
            self.errors.append(found["item"])
        if found["word"] != "FAILED":
            return False
        self.kills.append(Kill(scenario, found["item"]))
        return True


def try_out(mutant: str, directories: Sequence[Path], *, whole: bool) -> Trial:
    """Run the scenarios against a cluster with this mutant, all of them if ``whole``, else until one kills it.

    A scenario that has killed a mutant is asked no further. Mutants that are wrong for a moment get the usual time to
    settle, since only what outlasts it is a failure.
    """
    began, seen = time.monotonic(), _Progress()
    options = (_HURRY, "--netpol-mutant", mutant) if mutant else ()
    arguments = [*_CLUSTER, *options, *(() if mutant in _MOMENTARY else _SOON), *map(str, directories)]
    process = subprocess.Popen(
        [*_HEARING, sys.executable, *_PYTEST, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "400"},
    )
    enough = False
    with process:
        for line in process.stdout or ():
            if seen.read(line) and not whole and not enough:
                enough = True
                process.send_signal(signal.SIGINT)
    told = enough or process.returncode in _NOTHING_WRONG
    return Trial(
        mutant,
        kills=tuple(seen.kills),
        asked=frozenset(seen.asked),
        items=seen.items,
        errors=tuple(seen.errors),
        seconds=time.monotonic() - began,
        broken="" if told else "\n".join(seen.said),
    )


def try_in_order(mutant: str, batches: Iterable[Batch]) -> Trial:
    """Ask one batch of scenarios after the other, until one kills the mutant for certain."""
    trial = Trial(mutant)
    for batch in batches:
        while left := [scenario for scenario in batch() if scenario not in trial.asked]:
            latest = try_out(mutant, left, whole=False)
            trial = together(mutant, [trial, certain(latest)])
            if trial.kills or trial.broken:
                return trial
            if not latest.kills:
                break
    return trial


def certain(trial: Trial) -> Trial:
    """The trial without those kills of a moment that do not come again."""
    doubtful = {kill for kill in trial.kills if kill.is_of_a_moment}
    if not doubtful:
        return trial
    again = try_out(trial.mutant, sorted({kill.scenario for kill in doubtful}), whole=True)
    kept = tuple(kill for kill in trial.kills if kill not in doubtful or kill in again.kills)
    return replace(trial, kills=kept, seconds=trial.seconds + again.seconds)


def together(mutant: str, trials: Sequence[Trial]) -> Trial:
    """Several runs of one mutant as one."""
    return Trial(
        mutant,
        kills=tuple(kill for trial in trials for kill in trial.kills),
        asked=frozenset(scenario for trial in trials for scenario in trial.asked),
        items=sum(trial.items for trial in trials),
        errors=tuple(error for trial in trials for error in trial.errors),
        seconds=sum(trial.seconds for trial in trials),
        broken="\n".join(trial.broken for trial in trials if trial.broken),
    )


def telling(trials: Sequence[Trial]) -> Mapping[str, Sequence[Path]]:
    """The scenarios that kill each mutant, those that kill the fewest others first."""
    killed = Counter(scenario for trial in trials for scenario in trial.scenarios)
    return {t.mutant: sorted(t.scenarios, key=lambda scenario: (killed[scenario], scenario)) for t in trials}


def without(trial: Trial, failing: Sequence[Kill]) -> Trial:
    """The trial without what fails on a faultless cluster, too."""
    void = {kill.item for kill in failing}
    return replace(trial, kills=tuple(kill for kill in trial.kills if kill.item not in void))
