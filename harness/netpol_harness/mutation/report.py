"""The page of killed mutants: written for people, and read again to run known killers first.

Invariant: ``read_killers`` returns from a page the killers that ``page`` has written to it. Figures are rounded, so
that the page of a second run differs only in what has changed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path

from netpol_harness.backends.facts import EMBEDDED_DATAPLANE
from netpol_harness.emulator.faults import Mutant
from netpol_harness.emulator.faults.sightings import SIGHTINGS
from netpol_harness.mutation.trials import Trial, killers_by_mutant

_LISTED = 3
_ROW = re.compile(r"^\| `(?P<mutant>[^`]+)` \|.*\|(?P<killers>[^|]*)\|$", re.MULTILINE)
_ISSUE = re.compile(r"([\w.-]+/[\w.-]+)#([0-9]+)")
_NEVER = "never seen"
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
correct cluster. Of the scenarios that kill a mutant, those that kill the fewest other mutants are listed."""
_QUICK = "Scenarios were run\nagainst each mutant until one killed it."
_TAIL = """
## Survivors

{survivors}

## Figures

{executed} pairs of a mutant and a scenario were run, of {pairs}{undetectable}.
Dataplane: {dataplane}. Measured by `netpol mutants{option} --write` in about {minutes} min.
"""


@dataclass(frozen=True, slots=True)
class Measurement:
    """How a campaign was run: the number of scenarios, the time, and whether every scenario was run.

    ``undetectable`` counts the pairs of a mutant and a scenario that cannot detect it; 0 if they were not counted.
    """

    scenarios: int
    seconds: float
    exhaustive: bool = False
    undetectable: int = 0


def page(
    mutants: Mapping[str, Mutant],
    trials: Sequence[Trial],
    measurement: Measurement,
    *,
    root: Path,
    agents: Mapping[str, Sequence[str]],
) -> str:
    """Return the page as Markdown, with links relative to the folder ``root``.

    ``agents`` are those that have shown the bug of a mutant, by its name.
    """
    killers = killers_by_mutant(trials)
    seen = {trial.mutant: _seen(trial.mutant, agents.get(trial.mutant, ())) for trial in trials}
    head = _HEAD.format(
        killed=sum(1 for trial in trials if trial.kills),
        all=len(trials),
        measured=_EXHAUSTIVE if measurement.exhaustive else _QUICK,
        seen=sum(text != _NEVER for text in seen.values()),
    )
    rows = [_row(mutants[t.mutant], t, killers[t.mutant], root, seen[t.mutant]) for t in trials]
    return head + "".join(rows) + _tail(trials, measurement)


def _tail(trials: Sequence[Trial], measurement: Measurement) -> str:
    count = measurement.undetectable
    return _TAIL.format(
        survivors="\n".join(f"- `{t.mutant}`" for t in trials if not t.kills) or "None.",
        executed=sum(len(trial.executed) for trial in trials),
        pairs=len(trials) * measurement.scenarios,
        undetectable=f"; in {count} the scenario cannot detect the mutant" if count else "",
        dataplane=EMBEDDED_DATAPLANE,
        option=" --all" if measurement.exhaustive else "",
        minutes=max(1, round(measurement.seconds / 60)),
    )


def read_killers(file: Path) -> Mapping[str, Sequence[Path]]:
    """Return the killers of each mutant that a page lists, in its order; nothing if the page does not exist."""
    if not file.exists():
        return {}
    rows = _ROW.finditer(file.read_text())
    return {
        row["mutant"]: [Path(relpath(file.parent / target)) for target in _LINK.findall(row["killers"])] for row in rows
    }


def _seen(mutant: str, agents: Sequence[str]) -> str:
    """Return the places where the mutant's bug was seen, with links."""
    reports = [_ISSUE.sub(r"[\g<0>](https://github.com/\1/issues/\2)", text) for text in SIGHTINGS.get(mutant, ())]
    return ", ".join([*(f"**{agent}**" for agent in agents), *reports]) or _NEVER


def _row(mutant: Mutant, trial: Trial, killers: Sequence[Path], root: Path, seen: str) -> str:
    links = ", ".join(f"[{path.name}]({_relative(path, root)})" for path in killers[:_LISTED])
    count = f"; {len(killers)} of {len(trial.executed)} run" if len(trial.executed) > 1 else ""
    return f"| `{mutant.name}` | {mutant.description} | {seen} | {links or '**none**'}{count} |\n"


def _relative(path: Path, root: Path) -> str:
    return Path(relpath(path, root)).as_posix()
