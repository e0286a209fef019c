"""Truth tables as aligned text that fits a width."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from textwrap import fill

from netpol_harness.escape import one_line
from netpol_harness.report.fold import Grid, Names
from netpol_harness.results.table import TruthTable

LEGEND = ". allowed   X blocked   ! probe failed   ? not probed   .≠X observed allowed, expected blocked   X? unproven"

WIDE = 16
"""Columns above which a table of wrong cells leaves out the rows and columns without a wrong cell."""

_CORNER = "from \\ to"
_GAP = "   "


def render(table: TruthTable, width: int | None = None) -> str:
    """Return the table as text, at most ``width`` columns wide. ``.≠X`` is observed allowed, expected blocked."""
    return draw(truth_grid(table), width, unprobed="?")


def grid(
    rows: Iterable[str], columns: Sequence[str], glyph: Callable[[str, str], str], width: int | None = None
) -> str:
    """Return aligned text with a glyph for each row and column."""
    return draw(Grid.of([*rows], columns, glyph), width)


def truth_grid(table: TruthTable) -> Grid:
    """Return the table's glyphs; a cell that was not probed has none."""

    def mark(row: str, column: str) -> str:
        return table.glyph(row, column) if (row, column) in table.cells else ""

    return Grid.of(table.rows, table.columns, mark)


def wrong_grid(table: TruthTable) -> Grid:
    """Return the glyphs of a table, narrowed to its wrong rows and columns if it is wide."""
    return truth_grid(table.narrowed() if len(table.columns) > WIDE and table.wrong else table)


def draw(table: Grid, width: int | None = None, *, unprobed: str = "") -> str:
    """Draw a grid in at most ``width`` columns.

    If it is too wide, equal rows and columns are folded; if that does not suffice, columns are numbered, and columns
    without room are continued below. A key of the folded and numbered names follows.
    """
    if width is None or _width(table, _labels(table.columns)) <= width:
        return "\n".join(_lines(table, _labels(table.columns), unprobed))
    folded = table.folded()
    heads = _labels(folded.columns)
    key = [(label, names) for label, names in zip(_labels(folded.rows), folded.rows, strict=True) if len(names) > 1]
    if _width(folded, heads) > width:
        heads = tuple(str(number) for number, _ in enumerate(heads, 1))
        key += zip(heads, folded.columns, strict=True)
    else:
        key += [(label, names) for label, names in zip(heads, folded.columns, strict=True) if len(names) > 1]
    drawn = ["\n".join(_lines(part, part_heads, unprobed)) for part, part_heads in _parts(folded, heads, width)]
    listed = [_listed(label, names, width) for label, names in dict.fromkeys(key)]
    return "\n\n".join([*drawn, "\n".join(listed)] if listed else drawn)


def _labels(several: Sequence[Names]) -> Names:
    """Return ``web``, or ``web +3`` if it stands for four."""
    return tuple(one_line(names[0]) + (f" +{len(names) - 1}" if len(names) > 1 else "") for names in several)


def _listed(label: str, names: Names, width: int) -> str:
    text = f"{label} = {', '.join(map(one_line, names))}"
    return fill(text, width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _sizes(table: Grid, heads: Sequence[str]) -> list[int]:
    """Return the width of each column of marks."""
    marks = [max((len(mark or "?") for mark in column), default=0) for column in zip(*table.marks, strict=True)]
    return [max(len(head), mark) for head, mark in zip(heads, marks or [0] * len(heads), strict=True)]


def _first(table: Grid) -> int:
    return max(map(len, (_CORNER, *_labels(table.rows))))


def _width(table: Grid, heads: Sequence[str]) -> int:
    return _first(table) + sum(len(_GAP) + size for size in _sizes(table, heads))


def _parts(table: Grid, heads: Sequence[str], width: int) -> Iterator[tuple[Grid, Sequence[str]]]:
    """Split the grid into parts of as many columns as there is room for, and at least one."""
    start, used = 0, _first(table)
    for index, size in enumerate(_sizes(table, heads)):
        used += len(_GAP) + size
        if used > width and index > start:
            yield _part(table, start, index), heads[start:index]
            start, used = index, _first(table) + len(_GAP) + size
    yield _part(table, start, len(heads)), heads[start:]


def _part(table: Grid, start: int, end: int) -> Grid:
    return Grid(table.rows, table.columns[start:end], tuple(marks[start:end] for marks in table.marks))


def _lines(table: Grid, heads: Sequence[str], unprobed: str) -> Iterator[str]:
    first, sizes = _first(table), _sizes(table, heads)

    def line(name: str, cells: Iterable[str]) -> str:
        centred = (cell.center(size) for cell, size in zip(cells, sizes, strict=True))
        return _GAP.join([name.ljust(first), *centred]).rstrip()

    yield line(_CORNER, heads)
    yield "─" * _width(table, heads)
    for name, marks in zip(_labels(table.rows), table.marks, strict=True):
        yield line(name, (mark or unprobed for mark in marks))
