"""The width of text."""

import os
import shutil
import sys

from netpol_harness.analysis.explain import COLUMNS

_MIN_COLUMNS = 40
"""Minimum width, whatever the terminal says: text is not readable below it."""


def screen_width() -> int:
    """Return the width of the terminal, or ``COLUMNS``; without both, a width that is easy to read."""
    return max(_MIN_COLUMNS, shutil.get_terminal_size((COLUMNS, 0)).columns)


def output_width() -> int | None:
    """Return the width of standard output; ``None`` if it is not a terminal and ``COLUMNS`` is not set."""
    return screen_width() if os.environ.get("COLUMNS") or sys.stdout.isatty() else None
