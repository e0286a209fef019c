"""How wide text may be."""

import os
import shutil
import sys

from netpol_harness.analysis.explain import COLUMNS

_NARROWEST = 40
"""Columns below which nothing can be read, whatever the terminal says."""


def screen_width() -> int:
    """The columns of the terminal, or those that COLUMNS says; where there is neither, as many as are easy to read."""
    return max(_NARROWEST, shutil.get_terminal_size((COLUMNS, 0)).columns)


def output_width() -> int | None:
    """The same for standard output; ``None`` where it goes to a file or another program and COLUMNS is not set."""
    return screen_width() if os.environ.get("COLUMNS") or sys.stdout.isatty() else None
