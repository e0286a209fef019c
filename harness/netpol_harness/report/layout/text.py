"""Grids drawn in a width: whole, or with equal rows and columns folded, or below a staircase of heads."""

from collections.abc import Iterator, Sequence

from netpol_harness.report.layout.grid import Grid
from netpol_harness.report.layout.heads import STAIR, narrow_sheet, side_by_side, staircase, wide_sheet
from netpol_harness.report.layout.labels import fitted, key, labels_of
from netpol_harness.report.layout.sheet import Sheet, indent

WHOLE = 120
"""The width up to which heads stand side by side if no width is given."""


def draw(grid: Grid, width: int | None = None) -> str:
    """Draw a grid in at most ``width`` columns, at least 40; ``None`` draws every row and column, however wide.

    If the heads do not fit side by side, equal rows and columns are
    folded. If they still do not, each head has a line above its column, and columns without room are continued below.
    A key lists the names that are folded together.
    """
    rows, columns = labels_of(grid.rows), labels_of(grid.columns)
    whole = wide_sheet(grid, rows, columns)
    if whole.width <= (width or WHOLE):
        return "\n".join([*side_by_side(whole, columns), *whole.rows()])
    if width is None:
        return "\n".join(_steep(narrow_sheet(grid, rows), columns, None))
    return _folded(grid.folded(), width)


def _folded(grid: Grid, width: int) -> str:
    rows, columns = labels_of(grid.rows), labels_of(grid.columns)
    sheet = wide_sheet(grid, rows, columns)
    if sheet.width <= width:
        return _joined([[*side_by_side(sheet, columns), *sheet.rows()], [*key(grid, rows, columns, width)]])
    rows = fitted(rows, [_row_room(width) - indent(grid)] * len(rows))
    parts = [*_parts(grid, rows, columns, width)]
    rooms = [width - column.centre - STAIR for _, sheet in parts for column in sheet.columns]
    columns = fitted(columns, rooms)
    drawn = [[*_steep(sheet, columns[start : start + len(sheet.columns)], width)] for start, sheet in parts]
    return _joined([*drawn, [*key(grid, rows, columns, width)]])


def _steep(sheet: Sheet, heads: Sequence[str], width: int | None) -> Iterator[str]:
    yield from staircase(sheet, heads, width)
    yield from sheet.rows()


def _parts(grid: Grid, rows: Sequence[str], columns: Sequence[str], width: int) -> Iterator[tuple[int, Sheet]]:
    """Split the columns into parts that fit, each of at least one; yield the index of its first, and its sheet."""
    start = 0
    while start < len(columns):
        rest = narrow_sheet(grid.part(start, len(columns)), rows)
        heads = (min(len(head), width // 3) for head in columns[start:])
        fitting = [
            max(column.end, column.centre + STAIR + head) <= width
            for column, head in zip(rest.columns, heads, strict=True)
        ]
        end = start + max(1, [*fitting, False].index(False))
        yield start, narrow_sheet(grid.part(start, end), rows)
        start = end


def _row_room(width: int) -> int:
    """Return the width of the longest row label in a table that is narrow already."""
    return width * 2 // 5


def _joined(parts: Sequence[Sequence[str]]) -> str:
    return "\n\n".join("\n".join(part) for part in parts if part)
