"""Notes on the files of scenarios that were run, told once, at the end of a run."""

from collections.abc import Iterable
from typing import Any

import pytest

from netpol_harness.analysis.notes.all_notes import notes_on
from netpol_harness.escape import one_line
from netpol_harness.plugin.items import ScenarioItem

_KEY = "netpol_notes"
"""Attribute of a report: notes as texts, which an xdist worker can send."""

_TOLD = pytest.StashKey[bool]()
_MOST = 3
"""How many notes are shown; more are counted."""


def attach_notes(report: pytest.TestReport, item: ScenarioItem) -> None:
    """Attach the notes of a scenario to the first report of one of its items."""
    file = item.parent.parent
    if not file.stash.get(_TOLD, False):
        file.stash[_TOLD] = True
        setattr(report, _KEY, [f"{file.scenario.name}/{note}" for note in notes_on(file.scenario)])


def note_lines(reports: Iterable[Any]) -> list[str]:
    """Return the notes of a run in a few lines."""
    notes = [note for report in reports for note in getattr(report, _KEY, ())]
    lines = [one_line(f"netpol: note: {note}") for note in notes[:_MOST]]
    rest = len(notes) - _MOST
    return (
        [*lines, f"netpol: ... and {rest} more notes: `netpol table` prints those of a scenario"] if rest > 0 else lines
    )
