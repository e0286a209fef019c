"""How wide text may be."""

import shutil

from harness.reasoning.explain import COLUMNS

_NARROWEST = 40
"""Columns below which nothing can be read, whatever the terminal says."""


def screen_width() -> int:
    """The columns of the terminal, or those that COLUMNS says; where there is neither, as many as are easy to read."""
    return max(_NARROWEST, shutil.get_terminal_size((COLUMNS, 0)).columns)
