"""Grids of marks by row and column, and grids whose equal rows and columns are folded into one. Pure.

A workload is not probed by itself: its own cell is open, and takes any mark when its row or column is folded. All other
cells must be equal, so that a folded mark is true of every cell that it stands for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

OWN = None
"""The mark of a workload's own cell, which is never probed."""

Mark = str | None
Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """``marks[row][column]``; each row and each column has one name, or several if it is folded."""

    rows: tuple[Names, ...]
    columns: tuple[Names, ...]
    marks: tuple[tuple[Mark, ...], ...]

    @classmethod
    def of(cls, rows: Sequence[str], columns: Sequence[str], mark: Callable[[str, str], str]) -> "Grid":
        """Return a grid of single names. ``mark`` returns an empty mark for a cell that does not exist."""
        marks = tuple(tuple(mark(row, column) or _empty(row, column) for column in columns) for row in rows)
        return cls(tuple((row,) for row in rows), tuple((column,) for column in columns), marks)

    @classmethod
    def from_lists(
        cls, rows: Sequence[Sequence[str]], columns: Sequence[Sequence[str]], marks: Sequence[Sequence[Mark]]
    ) -> "Grid":
        """Return a grid that was sent as lists by another process."""
        return cls(tuple(map(tuple, rows)), tuple(map(tuple, columns)), tuple(map(tuple, marks)))

    def folded(self) -> "Grid":
        """Fold equal rows into one, then equal columns."""
        return self._with_rows_folded()._transposed()._with_rows_folded()._transposed()

    def _transposed(self) -> "Grid":
        return Grid(self.columns, self.rows, tuple(zip(*self.marks, strict=True)))

    def _with_rows_folded(self) -> "Grid":
        folds = _folds(self.marks)
        rows = (tuple(name for index in members for name in self.rows[index]) for _, members in folds)
        return Grid(tuple(rows), self.columns, tuple(tuple(marks) for marks, _ in folds))


def _folds(lines: Sequence[Sequence[Mark]]) -> list[tuple[list[Mark], list[int]]]:
    """Merge lines that are equal but for open cells; return each merged line with the indices of its members."""
    folds: list[tuple[list[Mark], list[int]]] = []
    for index, line in enumerate(lines):
        for known, members in folds:
            if all(a == b or a is OWN or b is OWN for a, b in zip(known, line, strict=True)):
                known[:] = [b if a is OWN else a for a, b in zip(known, line, strict=True)]
                members.append(index)
                break
        else:
            folds.append((list(line), [index]))
    return folds


def _empty(row: str, column: str) -> Mark:
    """``OWN`` for the column of the row's own workload (``web``: ``web:80``, ``udp://web:53``, ``icmp://web``)."""
    bare = column.rpartition("//")[2]
    return OWN if row in (bare, bare.rpartition(":")[0]) else ""
