"""The page that says which scenarios kill which mutants: written for people, and read again for their order.

Invariant: ``written`` finds in a page what ``page`` has put there.
"""

import re
from collections.abc import Mapping, Sequence
from os.path import relpath
from pathlib import Path

from harness.cli.killing import Trial, telling
from harness.cluster.embedded.mutants import Mutant

_NAMED = 4
_ROW = re.compile(r"^\| `(?P<mutant>[^`]+)` \|.*\|(?P<killers>[^|]*)\|$", re.MULTILINE)
_PLACE = re.compile(r"\]\((?P<place>[^)]+)\)")
_HEAD = """\
# Mutants

Bugs that network plugins have had, each as a variant of the embedded cluster: `pytest --mutant NAME`. A test suite is
worth what it notices. This page was measured and written by `netpol mutants --write`; the scenarios that kill fewest
other mutants come first.

{killed} of {all} mutants are killed.

| mutant | what it does | seen in | killed by |
|---|---|---|---|
"""


def page(mutants: Mapping[str, Mutant], trials: Sequence[Trial], *, root: Path) -> str:
    """The page as Markdown, with links as from a file in ``root``."""
    order = telling(trials)
    killed = sum(1 for trial in trials if trial.kills)
    rows = [_row(mutants[trial.mutant], order[trial.mutant], root) for trial in trials]
    return _HEAD.format(killed=killed, all=len(trials)) + "".join(rows)


def written(file: Path) -> Mapping[str, Sequence[Path]]:
    """The killers of each mutant in the page, the most telling first; nothing where there is no page."""
    if not file.exists():
        return {}
    rows = _ROW.finditer(file.read_text())
    return {
        row["mutant"]: [Path(relpath(file.parent / place)) for place in _PLACE.findall(row["killers"])] for row in rows
    }


def _row(mutant: Mutant, killers: Sequence[Path], root: Path) -> str:
    named = ", ".join(f"[{path.name}]({_relative(path, root)})" for path in killers[:_NAMED])
    rest = f" and {len(killers) - _NAMED} more" if len(killers) > _NAMED else ""
    sources = "<br>".join(mutant.sources)
    return f"| `{mutant.name}` | {mutant.sentence} | {sources} | {named or '**nobody**'}{rest} |\n"


def _relative(path: Path, root: Path) -> str:
    return Path(relpath(path, root)).as_posix()
