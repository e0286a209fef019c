"""Truth tables as text: predicted verdicts and observations, each with a legend of the marks that occur."""

from collections.abc import Iterable, Sequence
from textwrap import fill

from netpol_harness.analysis.table import VerdictTable
from netpol_harness.paths.arrangement import Arrangement
from netpol_harness.report.layout import Grid, draw
from netpol_harness.report.layout.grid import WIDE
from netpol_harness.results.marks import NOT_PROBED, legend
from netpol_harness.results.table import TruthTable

_SOLID = "\N{NO-BREAK SPACE}"


def predicted_grid(table: VerdictTable) -> Grid:
    """Return the marks of predicted verdicts, in groups."""
    return Grid.of_paths(table.marks, table.arrangement)


def observed_grid(table: TruthTable, arrangement: Arrangement | None = None) -> Grid:
    """Return the marks of observations, in groups if there is an arrangement; a cell that was not probed is ``?``."""
    return Grid.of_paths(table.marks, arrangement).filled(NOT_PROBED)


def wrong_grid(table: TruthTable, arrangement: Arrangement) -> Grid:
    """Return the marks of a table, narrowed to its wrong rows and columns if it is wide."""
    return observed_grid(table.narrowed() if len(table.columns) > WIDE and table.wrong else table, arrangement)


def predicted_text(table: VerdictTable, width: int | None = None) -> str:
    """Return the table and the meanings of its marks."""
    grid = predicted_grid(table)
    return f"{draw(grid, width)}\n{predicted_legend(grid.occurring, width)}"


def observed_text(table: TruthTable, arrangement: Arrangement | None = None, width: int | None = None) -> str:
    """Return the table and the meanings of its marks."""
    grid = observed_grid(table, arrangement)
    return f"{draw(grid, width)}\n{observed_legend(grid.occurring, width)}"


def predicted_legend(marks: Iterable[str], width: int | None = None) -> str:
    """Return the meanings of the marks of predicted verdicts."""
    return _wrapped(legend(marks, unknown="undefined"), width)


def observed_legend(marks: Iterable[str], width: int | None = None) -> str:
    """Return the meanings of the marks of observations."""
    return _wrapped(legend(marks, unknown="not probed"), width)


def _wrapped(entries: Sequence[str], width: int | None) -> str:
    """Return the entries in lines of this width; an entry is not broken."""
    solid = "   ".join(entry.replace(" ", _SOLID) for entry in entries)
    return (solid if width is None else fill(solid, width)).replace(_SOLID, " ")
