"""Findings and truth tables for people: text that stands alone. Knows nothing of pytest."""

from netpol_harness.report.story import Surroundings, describe, surroundings
from netpol_harness.report.table import LEGEND, grid, render

__all__ = ["LEGEND", "Surroundings", "describe", "grid", "render", "surroundings"]
