"""Running scenarios against mutants: one pytest process a mutant, read line by line as it goes on.

Invariant: a mutant is killed by an item that FAILED and by nothing else; an ERROR is a broken laboratory, and no kill.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

FAULTLESS = ""
"""The name of no mutant."""

_ITEM = re.compile(r"(?P<item>\S.*?::.*?) (?P<word>PASSED|FAILED|ERROR|SKIPPED)\b.*\[ *\d+%\]$")
_PYTEST = ("-m", "pytest", "-v", "--tb=no", "--no-header", "-p", "no:cacheprovider")
_CLUSTER = ("--cluster", "embedded", "--no-canary")
_HEARING = ("env", "--default-signal=INT")  # a shell has those that it runs in the background ignore it
_HURRY = "--first-failure"
_NOTHING_WRONG = (0, 1)  # pytest's exit codes where every item was asked
_SAID = 15


@dataclass(frozen=True, slots=True)
class Kill:
    """An item that failed: where, and its name in pytest."""

    scenario: Path
    item: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one mutant. ``broken`` says why its run tells nothing; it is empty where it does."""

    mutant: str
    kills: tuple[Kill, ...] = ()
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
    errors: list[str] = field(default_factory=list)
    items: int = 0
    said: list[str] = field(default_factory=list)

    def read(self, line: str) -> bool:
        """Take note of a line; whether it tells of a kill."""
        self.said = [*self.said[-_SAID:], line.rstrip()]
        found = _ITEM.match(line)
        if found is None:
            return False
        self.items += 1
        if found["word"] == "ERROR":
            self.errors.append(found["item"])
        if found["word"] != "FAILED":
            return False
        self.kills.append(Kill(Path(found["item"].partition("::")[0]).parent, found["item"]))
        return True


def try_out(mutant: str, directories: Sequence[Path], *, whole: bool) -> Trial:
    """Run the scenarios against a cluster with this mutant, all of them if ``whole``, else until one kills it.

    A scenario that has killed a mutant is asked no further.
    """
    began, seen = time.monotonic(), _Progress()
    arguments = [*_CLUSTER, *((_HURRY, "--mutant", mutant) if mutant else ()), *map(str, directories)]
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
        items=seen.items,
        errors=tuple(seen.errors),
        seconds=time.monotonic() - began,
        broken="" if told else "\n".join(seen.said),
    )


def try_in_order(mutant: str, first: Sequence[Path], directories: Sequence[Path]) -> Trial:
    """Ask the scenarios that are likely to kill the mutant, then all, until one does."""
    trial = try_out(mutant, first, whole=False) if first else Trial(mutant)
    return trial if trial.kills else try_out(mutant, directories, whole=False)


def telling(trials: Sequence[Trial]) -> Mapping[str, Sequence[Path]]:
    """The scenarios that kill each mutant, those that kill the fewest others first."""
    killed = Counter(scenario for trial in trials for scenario in trial.scenarios)
    return {t.mutant: sorted(t.scenarios, key=lambda scenario: (killed[scenario], scenario)) for t in trials}


def without(trial: Trial, failing: Sequence[Kill]) -> Trial:
    """The trial without what fails on a faultless cluster, too."""
    void = {kill.item for kill in failing}
    kept: Iterator[Kill] = (kill for kill in trial.kills if kill.item not in void)
    return Trial(trial.mutant, tuple(kept), trial.items, trial.errors, trial.seconds, trial.broken)
