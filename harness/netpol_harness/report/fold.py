"""Marks by row and column, and the same with equal rows and columns folded into one. Pure.

A workload does not ask itself: its own cell is left open, and takes any mark when its row or column is folded. All
other cells must be equal, so that a folded mark is true of every cell that it stands for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

OWN = None
"""The mark of a workload's own cell, which nobody asks."""

Mark = str | None
Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """``marks[row][column]``; each row and each column stands for one name, or for several where it was folded."""

    rows: tuple[Names, ...]
    columns: tuple[Names, ...]
    marks: tuple[tuple[Mark, ...], ...]

    @classmethod
    def of(cls, rows: Sequence[str], columns: Sequence[str], mark: Callable[[str, str], str]) -> "Grid":
        """A grid of single names; ``mark`` is not asked for a workload's own cell where it has none (an empty mark)."""
        marks = tuple(tuple(mark(row, column) or _unasked(row, column) for column in columns) for row in rows)
        return cls(tuple((row,) for row in rows), tuple((column,) for column in columns), marks)

    @classmethod
    def received(
        cls, rows: Sequence[Sequence[str]], columns: Sequence[Sequence[str]], marks: Sequence[Sequence[Mark]]
    ) -> "Grid":
        """A grid that came as lists from another process."""
        return cls(tuple(map(tuple, rows)), tuple(map(tuple, columns)), tuple(map(tuple, marks)))

    def folded(self) -> "Grid":
        """Equal rows as one, then equal columns as one."""
        return self._with_rows_folded()._turned()._with_rows_folded()._turned()

    def _turned(self) -> "Grid":
        return Grid(self.columns, self.rows, tuple(zip(*self.marks, strict=True)))

    def _with_rows_folded(self) -> "Grid":
        folds = _folds(self.marks)
        rows = (tuple(name for index in members for name in self.rows[index]) for _, members in folds)
        return Grid(tuple(rows), self.columns, tuple(tuple(marks) for marks, _ in folds))


def _folds(lines: Sequence[Sequence[Mark]]) -> list[tuple[list[Mark], list[int]]]:
    """Lines that are equal but for open cells, as one line and the places where they stood."""
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


def _unasked(row: str, column: str) -> Mark:
    """``OWN`` where a workload would ask itself (``web`` at ``web:80``, ``udp://web:53``, ``icmp://web``)."""
    bare = column.rpartition("//")[2]
    return OWN if row in (bare, bare.rpartition(":")[0]) else ""
