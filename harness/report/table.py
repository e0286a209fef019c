"""Truth tables as aligned text."""

import io
from collections.abc import Callable, Iterable, Sequence

from harness.escape import one_line
from harness.matrix.table import TruthTable

WIDE = 16
"""Columns above which a table shows only the rows and columns that hold a wrong cell."""


def render(table: TruthTable, width: int = 200) -> str:
    """The table as aligned text, at most ``width`` characters wide. ``.≠X`` is observed allowed, expected blocked."""
    shown = table.narrowed() if len(table.columns) > WIDE and table.wrong else table
    return grid(shown.rows, shown.columns, shown.glyph, width)


def grid(rows: Iterable[str], columns: Sequence[str], glyph: Callable[[str, str], str], width: int = 200) -> str:
    """Aligned text with a glyph for each row and column, at most ``width`` characters wide."""
    from rich import box  # rich takes 50 ms to import and is needed only where a table is shown
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False)
    table.add_column("from \\ to", no_wrap=True)
    for column in columns:
        table.add_column(one_line(column), justify="center", overflow="fold")
    for row in rows:
        table.add_row(one_line(row), *(glyph(row, column) for column in columns))
    out = io.StringIO()
    Console(file=out, width=width, color_system=None, highlight=False, markup=False, emoji=False).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().split("\n") if line.strip())


LEGEND = ". allowed   X blocked   ! probe failed   ? not asked   .≠X observed allowed, expected blocked   X? unproven"
