"""Loads mutations of scenarios, each within a time limit: the result must be a scenario or an explanation."""

import json
import random
import re
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from types import FrameType

from bench.fuzz.corpus import Files, corpus
from bench.fuzz.mutate import mutated
from netpol_harness.errors import ScenarioInvalid
from netpol_harness.oracle.profiles import PROFILES
from netpol_harness.plugin.verdicts import with_predicted_verdicts
from netpol_harness.scenario import SCENARIO_FILE
from netpol_harness.scenario.derive import derive
from netpol_harness.scenario.load import load
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import Scenario, closed_world

SEED = 8
LIMIT = 2.0
"""Time limit for one directory, in seconds."""

_LINE = re.compile(r"[^\n]+:[0-9]+:[0-9]+: [^\n]+", re.DOTALL)


class TookTooLong(BaseException):
    """The time limit has passed. Not an ``Exception``, so that no handler of the loader catches it."""


@dataclass(slots=True)
class Tally:
    """The result of a campaign: counts, the seconds of the slowest mutation, and a message for each that went wrong."""

    loaded: int = 0
    refused: int = 0
    problems: int = 0
    slowest: float = 0.0
    wrong: list[str] = field(default_factory=list)


def campaign(count: int, seed: int = SEED, limit: float = LIMIT) -> Tally:
    """Load ``count`` mutations. Each depends on the seed and its number alone."""
    tally, directories = Tally(), corpus()
    with TemporaryDirectory() as folder:
        for number in range(count):
            dice = random.Random(f"{seed}.{number}")
            files = mutated(dice.choice(directories), dice)
            _load(_written(Path(folder) / str(number), files), number, tally, limit)
    return tally


def _written(folder: Path, files: Files) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def _load(folder: Path, number: int, tally: Tally, limit: float) -> None:
    file = folder / SCENARIO_FILE
    start = perf_counter()
    try:
        with _within(limit):
            _digest(load(file) if file.is_file() else derive(folder))
        tally.loaded += 1
    except ScenarioInvalid as invalid:
        tally.refused += 1
        tally.problems += len(invalid.problems)
        tally.wrong += [
            f"{number}: not a line with a place: {line!r}" for line in invalid.problems if not _has_place(line)
        ]
    except TookTooLong:
        tally.wrong.append(f"{number}: more than {limit} s\n{traceback.format_exc(limit=-12)}")
    except Exception:  # noqa: BLE001  # the campaign exists to find these
        tally.wrong.append(f"{number}: a traceback\n{traceback.format_exc(limit=-6)}")
    tally.slowest = max(tally.slowest, perf_counter() - start)


def _digest(scenario: Scenario) -> None:
    """Do everything with a scenario that a run does before it needs a cluster."""
    placement = Placement.unique(scenario, "x")
    for step in with_predicted_verdicts(scenario, PROFILES["specification"]).steps:
        closed_world(step)
        for manifest in (*scenario.workloads, *step.policies):
            json.dumps(placement.manifest(manifest.data))


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raise ``TookTooLong`` in the body when the seconds have passed."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _has_place(line: str) -> bool:
    return bool(_LINE.fullmatch(line)) and line.isprintable()
