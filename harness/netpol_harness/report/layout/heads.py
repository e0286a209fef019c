"""The heads of a table: side by side, or as a staircase in which each head has a line above its column."""

from collections.abc import Iterator, Sequence

from netpol_harness.report.layout.grid import Grid, group_of
from netpol_harness.report.layout.sheet import CORNER, Sheet, mark_sizes, placed, shortened

_GAP = 3
_STEM, _CORNER_OF_STAIR = "│", "┌ "

STAIR = len(_CORNER_OF_STAIR)
"""The distance between the middle of a column and its head in a staircase."""


def wide_sheet(grid: Grid, rows: Sequence[str], columns: Sequence[str]) -> Sheet:
    """Return a sheet whose columns have room for their heads side by side, and groups for their names."""
    sizes = [max(len(head), size) for head, size in zip(columns, mark_sizes(grid), strict=True)]
    groups = [group_of(names) for names in grid.columns]
    for group in dict.fromkeys(groups):
        members = [index for index, name in enumerate(groups) if name == group]
        span = sum(sizes[index] for index in members) + _GAP * (len(members) - 1)
        sizes[members[-1]] += max(0, len(group) - span)
    return Sheet.of(grid, rows, sizes, gap=_GAP)


def side_by_side(sheet: Sheet, heads: Sequence[str]) -> Iterator[str]:
    """Yield the names of the groups if there are any, and the heads."""
    groups = [(column.start, column.new_group) for column in sheet.columns if column.new_group]
    if groups:
        yield placed(groups)
    centred = ((column.start, head.center(column.size)) for column, head in zip(sheet.columns, heads, strict=True))
    yield placed([(0, CORNER), *centred])


def narrow_sheet(grid: Grid, rows: Sequence[str]) -> Sheet:
    """Return a sheet whose columns have room for their marks only."""
    return Sheet.of(grid, rows, mark_sizes(grid), gap=1, group_gap=1)


def staircase(sheet: Sheet, heads: Sequence[str], width: int | None) -> Iterator[str]:
    """Yield a line for each head, to the right of its column's middle, and one above the first head of a group."""
    last = len(heads) - 1
    for index, (column, head) in enumerate(zip(sheet.columns, heads, strict=True)):
        stems = [(before.centre, _STEM) for before in sheet.columns[:index]]
        if column.new_group:
            room = len(column.new_group) if width is None else width - column.centre
            yield placed([*stems, (column.centre, shortened(column.new_group, room))])
        corner = [(0, CORNER)] if index == last else []
        yield placed([*corner, *stems, (column.centre, _CORNER_OF_STAIR + head)])
