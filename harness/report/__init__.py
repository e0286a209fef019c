"""Findings and truth tables for people: text that stands alone. Knows nothing of pytest."""

from harness.report.story import Surroundings, describe, surroundings
from harness.report.table import LEGEND, grid, render

__all__ = ["LEGEND", "Surroundings", "describe", "grid", "render", "surroundings"]
