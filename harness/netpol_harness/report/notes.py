"""Notes on a scenario's files as text."""

from collections.abc import Iterable
from textwrap import fill

from netpol_harness.analysis.notes.note import Note

_INDENT = " " * 6


def notes_text(notes: Iterable[Note], width: int | None) -> str:
    """Return a paragraph for each note, folded to ``width`` columns if there is one; empty without notes."""
    lines = [f"note  {note}" for note in notes]
    return "\n".join(_folded(line, width) if width else line for line in lines)


def _folded(line: str, width: int) -> str:
    return fill(line, width, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False)
