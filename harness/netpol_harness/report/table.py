"""Truth tables as aligned text that fits a width."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from textwrap import fill

from netpol_harness.escape import one_line
from netpol_harness.report.fold import Grid, Names
from netpol_harness.results.table import TruthTable

LEGEND = ". allowed   X blocked   ! probe failed   ? not asked   .≠X observed allowed, expected blocked   X? unproven"

WIDE = 16
"""Columns above which a table that shows what is wrong leaves out the rows and columns where nothing is."""

_CORNER = "from \\ to"
_GAP = "   "


def render(table: TruthTable, width: int | None = None) -> str:
    """The table as text, in ``width`` columns or as wide as it is. ``.≠X`` is observed allowed, expected blocked."""
    return draw(truth_grid(table), width, unasked="?")


def grid(
    rows: Iterable[str], columns: Sequence[str], glyph: Callable[[str, str], str], width: int | None = None
) -> str:
    """Aligned text with a glyph for each row and column."""
    return draw(Grid.of([*rows], columns, glyph), width)


def truth_grid(table: TruthTable) -> Grid:
    """The table's glyphs; a cell that nobody asked has none."""

    def mark(row: str, column: str) -> str:
        return table.glyph(row, column) if (row, column) in table.cells else ""

    return Grid.of(table.rows, table.columns, mark)


def wrong_grid(table: TruthTable) -> Grid:
    """The glyphs of a table that shows what is wrong."""
    return truth_grid(table.narrowed() if len(table.columns) > WIDE and table.wrong else table)


def draw(whole: Grid, width: int | None = None, *, unasked: str = "") -> str:
    """A grid in ``width`` columns.

    One that is too wide has its equal rows and columns folded; where that does not do, its columns are numbered, and
    what is still too wide is continued below. What was folded or numbered is listed under it.
    """
    if width is None or _width(whole, _labels(whole.columns)) <= width:
        return "\n".join(_lines(whole, _labels(whole.columns), unasked))
    folded = whole.folded()
    heads = _labels(folded.columns)
    key = [(label, names) for label, names in zip(_labels(folded.rows), folded.rows, strict=True) if len(names) > 1]
    if _width(folded, heads) > width:
        heads = tuple(str(number) for number, _ in enumerate(heads, 1))
        key += zip(heads, folded.columns, strict=True)
    else:
        key += [(label, names) for label, names in zip(heads, folded.columns, strict=True) if len(names) > 1]
    drawn = ["\n".join(_lines(part, part_heads, unasked)) for part, part_heads in _parts(folded, heads, width)]
    listed = [_listed(label, names, width) for label, names in dict.fromkeys(key)]
    return "\n\n".join([*drawn, "\n".join(listed)] if listed else drawn)


def _labels(several: Sequence[Names]) -> Names:
    """``web``, or ``web +3`` where it stands for four."""
    return tuple(one_line(names[0]) + (f" +{len(names) - 1}" if len(names) > 1 else "") for names in several)


def _listed(label: str, names: Names, width: int) -> str:
    text = f"{label} = {', '.join(map(one_line, names))}"
    return fill(text, width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _sizes(whole: Grid, heads: Sequence[str]) -> list[int]:
    """How wide each column of marks is."""
    marks = [max((len(mark or "?") for mark in column), default=0) for column in zip(*whole.marks, strict=True)]
    return [max(len(head), mark) for head, mark in zip(heads, marks or [0] * len(heads), strict=True)]


def _first(whole: Grid) -> int:
    return max(map(len, (_CORNER, *_labels(whole.rows))))


def _width(whole: Grid, heads: Sequence[str]) -> int:
    return _first(whole) + sum(len(_GAP) + size for size in _sizes(whole, heads))


def _parts(whole: Grid, heads: Sequence[str], width: int) -> Iterator[tuple[Grid, Sequence[str]]]:
    """As many columns at a time as there is room for, and at least one."""
    start, used = 0, _first(whole)
    for place, size in enumerate(_sizes(whole, heads)):
        used += len(_GAP) + size
        if used > width and place > start:
            yield _part(whole, start, place), heads[start:place]
            start, used = place, _first(whole) + len(_GAP) + size
    yield _part(whole, start, len(heads)), heads[start:]


def _part(whole: Grid, start: int, end: int) -> Grid:
    return Grid(whole.rows, whole.columns[start:end], tuple(marks[start:end] for marks in whole.marks))


def _lines(whole: Grid, heads: Sequence[str], unasked: str) -> Iterator[str]:
    first, sizes = _first(whole), _sizes(whole, heads)

    def line(name: str, cells: Iterable[str]) -> str:
        centred = (cell.center(size) for cell, size in zip(cells, sizes, strict=True))
        return _GAP.join([name.ljust(first), *centred]).rstrip()

    yield line(_CORNER, heads)
    yield "─" * _width(whole, heads)
    for name, marks in zip(_labels(whole.rows), whole.marks, strict=True):
        yield line(name, (mark or unasked for mark in marks))
