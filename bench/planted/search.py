"""Search for one mutant, or several at once in processes of their own. What was found, as data."""

import json
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from netpol_harness.cli.cluster import lab_of
from netpol_harness.cli.fuzz import add
from netpol_harness.cli.shrink import trial_settings
from netpol_harness.deadline import Deadline
from netpol_harness.emulator.faults import MUTANTS
from netpol_harness.reproduce.fuzz.campaign import Campaign, Dataplane
from netpol_harness.reproduce.shrink.trial import Trials

JOBS = 4


@dataclass(frozen=True, slots=True)
class Search:
    """One search for a mutant: until a world that ran alone was wrong twice in the same way.

    ``found`` is the path and what was observed, empty if the time was over. ``seconds`` are wall time, the cluster's
    start included; ``worlds`` were probed, and ``unconfirmed`` suspicions were not wrong when their world ran alone.
    """

    mutant: str
    found: str
    seconds: float
    worlds: int
    unconfirmed: int
    problem: str = ""


def search(mutant: str, seconds: float) -> Search:
    """Search in this process."""
    began, deadline = time.monotonic(), Deadline(seconds)
    parser = ArgumentParser()
    add(parser)
    shape = [word.replace("--netpol-", "--") for word in MUTANTS[mutant].shape.options]
    args = parser.parse_args(["--cluster", "embedded", "--mutant", mutant, *shape])
    with TemporaryDirectory() as folder, lab_of(args, trial_settings(args)) as lab:
        trials = Trials(lab, Path(folder), width=JOBS)
        campaign = Campaign([Dataplane(lab, trials)], Path(folder), seed=args.seed, steps=args.steps)
        worlds = campaign.confirmed(deadline)
        suspicion, observation = next(worlds, (None, None))
        elapsed = time.monotonic() - began
        worlds.close()
        trials.close()
    outcome = observation.result.outcome if observation and observation.result else ""
    draft = suspicion.draft if suspicion else None
    found = f"{draft.path}: {outcome}, should be {draft.expected}" if draft else ""
    return Search(mutant, found, round(elapsed, 1), campaign.tally.worlds, campaign.tally.unconfirmed)


def searches(mutants: Sequence[str], seconds: float, *, width: int, turn: Deadline) -> Iterator[Search]:
    """Search for several mutants at once, each in a process; start none after the turn is over."""

    def one(mutant: str) -> Search | None:
        if turn.passed:
            return None
        argv = [sys.executable, "-m", "bench.planted", "--one", mutant, "--seconds", str(seconds)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            return Search(mutant, "", 0.0, 0, 0, problem=done.stderr.strip().splitlines()[-1][:300])
        return Search(**json.loads(done.stdout))

    with ThreadPoolExecutor(width) as pool:
        for future in as_completed([pool.submit(one, mutant) for mutant in mutants]):
            if result := future.result():
                yield result


def text(result: Search) -> str:
    """Return a search as JSON."""
    return json.dumps(asdict(result))
