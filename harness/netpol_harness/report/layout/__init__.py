"""Truth tables as text that fits a width, for the commands, the terminal summary of pytest, and files."""

from netpol_harness.report.layout.grid import Grid, Name
from netpol_harness.report.layout.text import draw

__all__ = ["Grid", "Name", "draw"]
