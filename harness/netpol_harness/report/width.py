"""The width of text."""

import os
import shutil
import sys
from textwrap import fill

from netpol_harness.analysis.explain import COLUMNS

_MIN_COLUMNS = 40
"""Minimum width, whatever the terminal says: text is not readable below it."""


def screen_width() -> int:
    """Return the width of the terminal, or ``COLUMNS``; without both, a width that is easy to read."""
    return max(_MIN_COLUMNS, shutil.get_terminal_size((COLUMNS, 0)).columns)


def output_width() -> int | None:
    """Return the width of standard output; ``None`` if it is not a terminal and ``COLUMNS`` is not set."""
    return screen_width() if os.environ.get("COLUMNS") or sys.stdout.isatty() else None


def fitted(line: str, width: int | None) -> str:
    """Return a line folded to a width, without breaking names."""
    return line if width is None else fill(line, width, break_long_words=False, break_on_hyphens=False)
