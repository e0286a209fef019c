"""The page of killed mutants: written for people, and read again to run known killers first.

Invariant: ``read_killers`` returns from a page the killers that ``page`` has written to it. Figures are rounded, so
that the page of a second run differs only in what has changed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path
from types import MappingProxyType

from netpol_harness.backends.facts import EMBEDDED_DATAPLANE
from netpol_harness.emulator.faults import Mutant
from netpol_harness.emulator.faults.sightings import SIGHTINGS
from netpol_harness.mutation.trials import NO_MUTANT, Trial, killers_by_mutant

_LISTED = 3
_ROW = re.compile(r"^\| `(?P<mutant>[^`]+)` \|.*\|(?P<killers>[^|]*)\|$", re.MULTILINE)
_ISSUE = re.compile(r"([\w.-]+/[\w.-]+)#([0-9]+)")
_NEVER = "never seen"
_NONE = "**none**"
NOTHING: Mapping[str, str] = MappingProxyType({})
_LINK = re.compile(r"\]\((?P<target>[^)]+)\)")
_HEAD = """\
# Mutants

Bugs of real network plugins, each as a variant of the embedded cluster (`pytest --mutant NAME`). They measure what a
test suite detects: of {all} mutants, the scenarios of this repository kill {killed}. A scenario kills a mutant if it
fails with the mutant and passes without it. {measured}

{seen} of the mutants were seen in real implementations: the issues and pull requests describe this very bug, and agents
showed it in a run of this library ([results](agents.md)). The others are misreadings that nobody has reported. They
measure the library, and say nothing about a network plugin.

| mutant | bug | seen in | killed by |
|---|---|---|---|
"""
_EXHAUSTIVE = """\
Every scenario that
could detect the mutant was run. The others cannot: in all states that they probe, the mutant writes the rules of the
correct cluster. Where a mutant needs another cluster, the scenarios that need one were run, and those about it. Of the
scenarios that kill a mutant, those that kill the fewest other mutants are listed."""
_QUICK = "Scenarios were run\nagainst each mutant until one killed it."
_PARTIAL = """
{rows} rows are of this run; those of the other mutants are of earlier ones."""
_TAIL = """
## Survivors

{survivors}

## Figures

{executed} pairs of a mutant and a scenario were run, of {pairs}{undetectable}.
Dataplane: {dataplane}. Measured by `netpol mutants{option} --write` {time}.
Without a mutant, {baseline}.
"""

_NOT_RUN = Trial(NO_MUTANT)


@dataclass(frozen=True, slots=True)
class Measurement:
    """How a campaign was run: the number of scenarios, the time, and whether every scenario was run.

    ``undetectable`` counts the pairs of a mutant and a scenario that cannot detect it; 0 if they were not counted.
    ``turns`` are the times, in ISO 8601, at which the commands began that have run the trials; empty if it was one.
    ``baseline`` is the trial without a mutant.
    """

    scenarios: int
    seconds: float
    exhaustive: bool = False
    undetectable: int = 0
    turns: Sequence[str] = ()
    baseline: Trial = _NOT_RUN

    def time(self, trials: Sequence[Trial]) -> str:
        """Return how long it took, in words."""
        if not self.turns:
            return f"in about {_minutes(self.seconds)} min"
        days = " to ".join(sorted({min(self.turns)[:10], max(self.turns)[:10]}))
        minutes = _minutes(sum(trial.seconds for trial in trials))
        turns = f"{len(self.turns)} turn{'s' if len(self.turns) > 1 else ''}"
        return f"in {turns} of one version ({days}), {minutes} min of runs, several at a time"


def page(
    mutants: Mapping[str, Mutant],
    trials: Sequence[Trial],
    measurement: Measurement,
    *,
    root: Path,
    agents: Mapping[str, Sequence[str]],
    earlier: Mapping[str, str] = NOTHING,
) -> str:
    """Return the page as Markdown, with links relative to the folder ``root``.

    ``agents`` are those that have shown the bug of a mutant, by its name. ``earlier`` has the killers of mutants that
    were not run, as an earlier page writes them.
    """
    killers, ran = killers_by_mutant(trials), {trial.mutant: trial for trial in trials}
    killed_by = {
        name: _killed_by(ran[name], killers[name], root) if name in ran else earlier[name]
        for name in mutants
        if name in ran or name in earlier
    }
    seen = {name: _seen(name, agents.get(name, ())) for name in killed_by}
    measured = _EXHAUSTIVE if measurement.exhaustive else _QUICK
    head = _HEAD.format(
        killed=sum(not text.startswith(_NONE) for text in killed_by.values()),
        all=len(killed_by),
        measured=measured if len(ran) == len(killed_by) else measured + _PARTIAL.format(rows=len(ran)),
        seen=sum(text != _NEVER for text in seen.values()),
    )
    rows = [f"| `{n}` | {mutants[n].description}{_on(mutants[n])} | {seen[n]} | {killed_by[n]} |\n" for n in killed_by]
    survivors = [name for name, text in killed_by.items() if text.startswith(_NONE)]
    return head + "".join(rows) + _tail(trials, measurement, survivors)


def _tail(trials: Sequence[Trial], measurement: Measurement, survivors: Sequence[str]) -> str:
    count, baseline = measurement.undetectable, measurement.baseline
    return _TAIL.format(
        survivors="\n".join(f"- `{name}`" for name in survivors) or "None.",
        executed=sum(len(trial.executed) for trial in trials),
        pairs=len(trials) * measurement.scenarios,
        undetectable=f"; in {count} the scenario cannot detect the mutant" if count else "",
        dataplane=EMBEDDED_DATAPLANE,
        option=" --all" if measurement.exhaustive else "",
        time=measurement.time([*trials, baseline]),
        baseline=f"{baseline.items} items of {len(baseline.executed)} scenarios were run: {_verdict(baseline)}",
    )


def _minutes(seconds: float) -> int:
    return max(1, round(seconds / 60))


def _verdict(baseline: Trial) -> str:
    """Return what a run without a mutant has shown."""
    failed = "".join(f"\n- `{kill.item}` failed" for kill in baseline.kills)
    broken = "".join(f"\n- `{item}` could not be run" for item in baseline.errors)
    return failed + broken or "none failed"


def read_killers(file: Path) -> Mapping[str, Sequence[Path]]:
    """Return the killers of each mutant that a page lists, in its order; nothing if the page does not exist."""
    if not file.exists():
        return {}
    rows = _ROW.finditer(file.read_text())
    return {
        row["mutant"]: [Path(relpath(file.parent / target)) for target in _LINK.findall(row["killers"])] for row in rows
    }


def read_rows(file: Path) -> Mapping[str, str]:
    """Return what a page writes about the killers of each mutant; nothing if the page does not exist."""
    return {row["mutant"]: row["killers"].strip() for row in _ROW.finditer(file.read_text())} if file.exists() else {}


def _seen(mutant: str, agents: Sequence[str]) -> str:
    """Return the places where the mutant's bug was seen, with links."""
    reports = [_ISSUE.sub(r"[\g<0>](https://github.com/\1/issues/\2)", text) for text in SIGHTINGS.get(mutant, ())]
    return ", ".join([*(f"**{agent}**" for agent in agents), *reports]) or _NEVER


def _killed_by(trial: Trial, killers: Sequence[Path], root: Path) -> str:
    links = ", ".join(f"[{path.name}]({_relative(path, root)})" for path in killers[:_LISTED])
    count = f"; {len(killers)} of {len(trial.executed)} run" if len(trial.executed) > 1 else ""
    return f"{links or _NONE}{count}"


def _on(mutant: Mutant) -> str:
    """Return the cluster that the mutant needs, in parentheses; nothing for the default one."""
    return f" (On a cluster with {mutant.shape}.)" if str(mutant.shape) else ""


def _relative(path: Path, root: Path) -> str:
    return Path(relpath(path, root)).as_posix()
