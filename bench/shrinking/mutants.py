"""One mutant: find a world in which it shows, and shrink it by the command."""

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Timer

import yaml

from bench.shrinking.planting import plantings, random_world
from netpol_harness.cli.cluster import lab_of
from netpol_harness.cli.cluster_options import declare_cluster
from netpol_harness.emulator.faults import MUTANTS
from netpol_harness.errors import CapabilityMissing, HarnessError
from netpol_harness.lab import Lab, Settings
from netpol_harness.mutation.report import read_killers
from netpol_harness.paths.outcome import Expected
from netpol_harness.reproduce.shrink.draft import Draft, draft_of
from netpol_harness.reproduce.shrink.files import write
from netpol_harness.reproduce.shrink.trial import WRONG, Trials
from netpol_harness.results.proof import Proof
from netpol_harness.scenario import SCENARIO_FILE
from netpol_harness.scenario.load import load

ROOT = Path(__file__).parents[2]
LIMIT = 400.0
"""Seconds after which the command is interrupted."""

_RESULT = re.compile(r": (?P<pods>\d+) pods, (?P<policies>\d+) policies, after (?P<trials>\d+) trials")


@dataclass(frozen=True, slots=True)
class Record:
    """What the command has done for one mutant.

    ``world`` says where the mutant was planted. ``problem`` is why there is no result, else it is empty. ``seconds``
    passed, and the command and its cluster took so many ``processor`` seconds.
    """

    mutant: str
    world: str = ""
    path: str = ""
    pods: int = 0
    policies: int = 0
    trials: int = 0
    seconds: float = 0.0
    processor: float = 0.0
    problem: str = ""


def measure(mutant: str, folder: Path) -> Record:
    """Plant a mutant and shrink the world, below a folder."""
    dice = Random(mutant)
    random = random_world(mutant, dice)
    if random is not None and (record := _shrunk(mutant, random[0], f"random, seed {random[1]}", folder)):
        return record
    try:
        return _planted(mutant, dice, folder)
    except HarnessError as error:
        return Record(mutant, problem=str(error).splitlines()[0])


def _planted(mutant: str, dice: Random, folder: Path) -> Record:
    problem = "no scenario without tests in Python shows it"
    for directory in _scenarios(mutant):
        with _lab(mutant) as lab, TemporaryDirectory() as scratch:
            try:
                draft = _wrong_path(lab, directory)
            except CapabilityMissing:
                continue
            if draft is None:
                continue
            problem = f"it does not show in {directory.name} among random objects"
            trials = Trials(lab, Path(scratch), width=1)
            found = next((d for d in plantings(draft, dice) if trials.observe(d).is_wrong), None)
            trials.close()
        if found is not None and (record := _shrunk(mutant, found, f"{directory.name} planted", folder)):
            return record
    return Record(mutant, problem=problem)


def _scenarios(mutant: str) -> Iterator[Path]:
    """Yield the scenarios that are known to show the mutant, small ones first."""
    killers = [Path(each) for each in read_killers(ROOT / "docs" / "mutants.md").get(mutant, ())]
    sources = [file for name in MUTANTS[mutant].sources for file in (ROOT / "scenarios").rglob(name)]
    known = [each for each in dict.fromkeys([*sources, *killers]) if (each / SCENARIO_FILE).is_file()]
    yield from sorted(known, key=lambda each: (each / SCENARIO_FILE).stat().st_size)


def _wrong_path(lab: Lab, directory: Path) -> Draft | None:
    """Return the draft of a scenario up to the first path that is wrong; ``None`` if none is."""
    file = directory / SCENARIO_FILE
    scenario = load(file)
    run = lab.scenario_run(scenario)
    try:
        run.open()
        for step in scenario.steps:
            run.enter(step)
            observed = run.observer.observe(step, step.expectations, others=True)
            for result in (*observed.path_results.values(), *observed.others):
                decided = result.expectation.expected is not Expected.UNDEFINED
                if result.judgement in WRONG and decided:
                    settings = yaml.safe_load(file.read_text(encoding="utf-8"))
                    expected = result.expectation.expected.value
                    return draft_of(scenario, settings, step, result.expectation.path.text, expected)
    finally:
        run.close()
    return None


def _shrunk(mutant: str, draft: Draft, world: str, folder: Path) -> Record | None:
    """Run the command; ``None`` if the mutant does not show."""
    directory, out = folder / mutant / "world", folder / mutant / "small"
    subprocess.run(["rm", "-rf", str(folder / mutant)], check=True)
    write(draft, directory, f"The mutant {mutant}: {world}")
    command = [str(Path(sys.executable).with_name("netpol")), "shrink", str(directory), "--path", draft.path]
    command += ["--step", draft.tree["steps"][-1]["name"], "--out", str(out), *_options(mutant)]
    start = time.perf_counter()
    code, output, used = _output(command)
    seconds, processor = round(time.perf_counter() - start, 1), round(used, 1)
    match = _RESULT.search(output)
    if match is None:
        last = (output.strip().splitlines() or [f"exit code {code}"])[-1]
        return None if code == 3 else Record(mutant, world, draft.path, seconds=seconds, problem=last)
    pods, policies, trials = (int(match[name]) for name in ("pods", "policies", "trials"))
    problem = "" if code == 0 else f"interrupted after {LIMIT:.0f} s"
    return Record(mutant, world, draft.path, pods, policies, trials, seconds, processor, problem)


def _output(command: Sequence[str]) -> tuple[int, str, float]:
    """Return the exit code of a command, what it prints, and the processor seconds of it and its children."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT) as process:
        timer = Timer(LIMIT, lambda: process.send_signal(signal.SIGTERM))
        timer.start()
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, output, usage.ru_utime + usage.ru_stime


def _options(mutant: str) -> Sequence[str]:
    shape = [word.replace("--netpol-", "--") for word in MUTANTS[mutant].shape.options]
    return ["--cluster", "embedded", "--mutant", mutant, *shape]


@contextmanager
def _lab(mutant: str) -> Iterator[Lab]:
    parser = argparse.ArgumentParser()
    declare_cluster(parser)
    settings = Settings(settle_deadline=0.7, proof=Proof.LISTENER)
    with lab_of(parser.parse_args(_options(mutant)), settings) as lab:
        yield lab
