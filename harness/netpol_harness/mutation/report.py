"""The page that says which scenarios kill which mutants: written for people, and read again for their order.

Invariant: ``written`` finds in a page what ``page`` has put there. Figures are rounded, so that the page of a rerun
differs in what is different.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path

from netpol_harness.backends.facts import EMBEDDED_DATAPLANE
from netpol_harness.emulator.faults import Mutant
from netpol_harness.mutation.trials import Trial, telling

_NAMED = 3
_ROW = re.compile(r"^\| `(?P<mutant>[^`]+)` \|.*\|(?P<killers>[^|]*)\|$", re.MULTILINE)
_PLACE = re.compile(r"\]\((?P<place>[^)]+)\)")
_HEAD = """\
# Mutants

Bugs that network plugins have had, each as a variant of the embedded cluster (`pytest --mutant NAME`). A test suite is
worth what it notices: of {all} mutants, the scenarios of this repository kill {killed}. A mutant is killed by a
scenario that fails with it and passes without. {measured}

| mutant | what is wrong | killed by |
|---|---|---|
"""
_WHOLE = """\
Every scenario was asked that could tell the mutant; the others are not: in all states that they ask about, it writes
the rules of a faultless cluster. Of the scenarios that kill a mutant, those that kill fewest others are named."""
_HASTY = "Each mutant was asked until the first scenario killed it."
_SURVIVORS = """
## Survivors

{survivors}

## Figures

{asked} pairs of a mutant and a scenario were asked, of {pairs}{foreseen}.
Dataplane: {dataplane}. Measured by `netpol mutants{option} --write` in about {minutes} min.
"""


@dataclass(frozen=True, slots=True)
class Measure:
    """How the trials were made: over so many scenarios, in so many seconds, each until its first kill or not.

    ``foreseen`` are the pairs of a mutant and a scenario that cannot tell it; 0 where they were not looked for.
    """

    scenarios: int
    seconds: float
    whole: bool = False
    foreseen: int = 0


def page(mutants: Mapping[str, Mutant], trials: Sequence[Trial], measure: Measure, *, root: Path) -> str:
    """The page as Markdown, with links as from a file in ``root``."""
    order = telling(trials)
    head = _HEAD.format(
        killed=sum(1 for trial in trials if trial.kills), all=len(trials), measured=_WHOLE if measure.whole else _HASTY
    )
    rows = [_row(mutants[trial.mutant], trial, order[trial.mutant], root) for trial in trials]
    tail = _SURVIVORS.format(
        survivors="\n".join(f"- `{t.mutant}`" for t in trials if not t.kills) or "None.",
        asked=sum(len(trial.asked) for trial in trials),
        pairs=len(trials) * measure.scenarios,
        foreseen=f"; in {measure.foreseen} the scenario cannot tell the mutant" if measure.foreseen else "",
        dataplane=EMBEDDED_DATAPLANE,
        option=" --all" if measure.whole else "",
        minutes=max(1, round(measure.seconds / 60)),
    )
    return head + "".join(rows) + tail


def written(file: Path) -> Mapping[str, Sequence[Path]]:
    """The killers of each mutant in the page, the most telling first; nothing where there is no page."""
    if not file.exists():
        return {}
    rows = _ROW.finditer(file.read_text())
    return {
        row["mutant"]: [Path(relpath(file.parent / place)) for place in _PLACE.findall(row["killers"])] for row in rows
    }


def _row(mutant: Mutant, trial: Trial, killers: Sequence[Path], root: Path) -> str:
    named = ", ".join(f"[{path.name}]({_relative(path, root)})" for path in killers[:_NAMED])
    count = f"; {len(killers)} of {len(trial.asked)} asked" if len(trial.asked) > 1 else ""
    return f"| `{mutant.name}` | {mutant.sentence} | {named or '**nobody**'}{count} |\n"


def _relative(path: Path, root: Path) -> str:
    return Path(relpath(path, root)).as_posix()
