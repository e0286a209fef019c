"""The layout of a grid as plain values, which the JSON files carry and the HTML page reads."""

from collections.abc import Sequence
from typing import Any

from netpol_harness.report.layout.grid import Grid, Names


def layout(grid: Grid) -> dict[str, Any]:
    """Return the ``sources`` and ``targets`` of a grid of single names in its order, and those to fold together.

    Each has a ``name`` as in paths, and a ``group``, which is empty if nothing is grouped. ``folded`` lists the
    names of each folded row and column.
    """
    folded = grid.folded()
    return {
        "sources": _named(grid.rows),
        "targets": _named(grid.columns),
        "folded": {"sources": _texts(folded.rows), "targets": _texts(folded.columns)},
    }


def _named(several: Sequence[Names]) -> list[dict[str, str]]:
    return [{"name": name.text, "group": name.group} for names in several for name in names]


def _texts(several: Sequence[Names]) -> list[list[str]]:
    return [[name.text for name in names] for names in several]
