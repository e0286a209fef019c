"""Results and truth tables as text for people. Knows nothing about pytest."""

from netpol_harness.report.table import LEGEND, grid, render

__all__ = ["LEGEND", "grid", "render"]
