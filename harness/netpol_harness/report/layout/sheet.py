"""The positions of a table's columns, and its rows. Heads of several kinds go above them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from netpol_harness.report.layout.grid import Grid, group_of

CORNER = "from \\ to"
_INDENT = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """The room of a column in a line. ``new_group`` is the name of the group that starts with it, else empty."""

    start: int
    size: int
    new_group: str = ""

    @property
    def end(self) -> int:
        """The position behind its last character."""
        return self.start + self.size

    @property
    def centre(self) -> int:
        """The position of a single character in its middle."""
        return self.start + (self.size - 1) // 2


@dataclass(frozen=True, slots=True)
class Sheet:
    """A grid with a label for each row, and the positions of its columns."""

    grid: Grid
    labels: Sequence[str]
    columns: Sequence[Column]

    @classmethod
    def of(cls, grid: Grid, labels: Sequence[str], sizes: Iterable[int], *, gap: int, group_gap: int = 0) -> "Sheet":
        """Place columns of these widths, ``gap`` apart, and ``group_gap`` more between groups."""
        columns: list[Column] = []
        end, known = _first_width(grid, labels), ""
        for names, size in zip(grid.columns, sizes, strict=True):
            group = group_of(names)
            opened = group if group != known else ""
            start = end + gap + (group_gap if opened and columns else 0)
            columns.append(Column(start, size, opened))
            end, known = start + size, group
        return cls(grid, labels, columns)

    @property
    def width(self) -> int:
        """The width of the rows."""
        return self.columns[-1].end if self.columns else _first_width(self.grid, self.labels)

    def rows(self) -> Iterator[str]:
        """Yield the rule and the rows, with the name of each group above its rows."""
        yield "─" * self.width
        known = ""
        for label, names, marks in zip(self.labels, self.grid.rows, self.grid.marks, strict=True):
            if (group := group_of(names)) != known:
                yield shortened(group, self.width)
                known = group
            centred = (
                (column.start, (mark or "").center(column.size))
                for column, mark in zip(self.columns, marks, strict=True)
            )
            yield placed([(0, (_INDENT if group else "") + label), *centred])


def mark_sizes(grid: Grid) -> list[int]:
    """Return the width of the widest mark of each column, at least 1."""
    return [max((len(marks[index] or " ") for marks in grid.marks), default=1) for index in range(len(grid.columns))]


def indent(grid: Grid) -> int:
    """Return the number of characters before each row label."""
    return len(_INDENT) if any(map(group_of, grid.rows)) else 0


def _first_width(grid: Grid, labels: Sequence[str]) -> int:
    return max(len(CORNER), *(indent(grid) + len(label) for label in labels), 0)


def placed(pieces: Iterable[tuple[int, str]]) -> str:
    """Return a line with each text at its position. Positions ascend, and texts do not overlap."""
    line = ""
    for start, text in pieces:
        line = line.ljust(start) + text
    return line.rstrip()


def shortened(text: str, width: int, tag: str = "") -> str:
    """Return a text of at most ``width`` characters: a longer one is cut, with an ellipsis and the tag at its end."""
    return text if len(text) <= width else text[: max(0, width - 1 - len(tag))] + "…" + tag
