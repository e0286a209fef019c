"""Grids of marks by row and column, and grids whose equal rows and columns are folded into one. Pure.

A workload is not probed by itself: its own cell is open, and takes any mark when its row or column is folded. All other
cells must be equal, so that a folded mark is true of every cell that it stands for.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from operator import attrgetter

from netpol_harness.paths.arrangement import Arrangement
from netpol_harness.paths.ends import (
    ClusterIPTarget,
    ExternalSource,
    ExternalTarget,
    FqdnTarget,
    LoadBalancerTarget,
    PodSource,
    PodTarget,
    ServiceTarget,
    Source,
    Target,
)
from netpol_harness.paths.path import Path

OWN = None
"""The mark of a workload's own cell, which is not probed."""

WIDE = 16
"""The number of columns that can be read in one look."""

SEVERAL = "several namespaces"
"""The group of a folded row or column with members in several groups."""

Mark = str | None
Ends = tuple[str, str]
"""The text of a source and of a target."""


@dataclass(frozen=True, slots=True)
class Name:
    """A source or a target as paths spell it, and its group, empty if the grid has no groups."""

    text: str
    group: str = ""


Names = tuple[Name, ...]


def group_of(names: Names) -> str:
    """Return the group that all names have, or ``SEVERAL``."""
    groups = {name.group for name in names}
    return groups.pop() if len(groups) == 1 else SEVERAL


@dataclass(frozen=True, slots=True)
class Grid:
    """``marks[row][column]``; each row and each column has one name, or several if it is folded.

    An empty mark is a cell that does not exist. ``own`` lists the own cells, which also do not exist.
    """

    rows: tuple[Names, ...]
    columns: tuple[Names, ...]
    marks: tuple[tuple[Mark, ...], ...]
    own: frozenset[Ends] = frozenset()

    @classmethod
    def of(
        cls, rows: Sequence[Name], columns: Sequence[Name], marks: Mapping[Ends, str], own: frozenset[Ends]
    ) -> "Grid":
        """Return a grid of single names."""
        own -= marks.keys()
        lines = (
            tuple(OWN if ends in own else marks.get(ends, "") for ends in product([row.text], _texts(columns)))
            for row in rows
        )
        return cls(tuple((row,) for row in rows), tuple((column,) for column in columns), tuple(lines), own)

    @classmethod
    def of_paths(cls, marks: Mapping[Path, str], arrangement: Arrangement | None = None) -> "Grid":
        """Return the marks of paths: sources as rows, targets as columns.

        With an arrangement, they are in its order, and have their namespaces as groups if there are several. Without
        one, they are in order of first appearance.
        """
        sources = {path.source_text: path.source for path in marks}
        targets = {path.target_text: path.target for path in marks}
        own = (
            (row, column)
            for (row, source), (column, target) in product(sources.items(), targets.items())
            if _is_own(source, target)
        )
        cells = {(path.source_text, path.target_text): mark for path, mark in marks.items()}
        rows, columns = _arranged(sources, targets, arrangement)
        return cls.of(rows, columns, cells, frozenset(own))

    @classmethod
    def from_plain(
        cls,
        rows: Iterable[Iterable[Mapping[str, str]]],
        columns: Iterable[Iterable[Mapping[str, str]]],
        marks: Iterable[Iterable[Mark]],
        own: Iterable[Ends],
    ) -> "Grid":
        """Return a grid that was sent by another process: the opposite of ``dataclasses.asdict``."""
        heads = (tuple(tuple(Name(**name) for name in names) for names in several) for several in (rows, columns))
        return cls(next(heads), next(heads), tuple(map(tuple, marks)), frozenset((row, column) for row, column in own))

    def folded(self) -> "Grid":
        """Fold equal rows into one, then equal columns."""
        return self._with_rows_folded()._transposed()._with_rows_folded()._transposed()

    def filled(self, mark: str) -> "Grid":
        """Write a mark into every cell that does not exist and is not an own cell."""
        return replace(
            self, marks=tuple(tuple(mark if known == "" else known for known in marks) for marks in self.marks)
        )

    @property
    def is_wide(self) -> bool:
        """Whether it has too many columns to be read in one look."""
        return len(self.columns) > WIDE

    @property
    def occurring(self) -> frozenset[str]:
        """All marks."""
        return frozenset(mark for marks in self.marks for mark in marks if mark)

    def cells(self) -> dict[Ends, str]:
        """Return the mark of every cell that exists, folded or not."""
        return {
            (row.text, column.text): mark
            for rows, marks in zip(self.rows, self.marks, strict=True)
            for columns, mark in zip(self.columns, marks, strict=True)
            for row, column in product(rows, columns)
            if mark and (row.text, column.text) not in self.own
        }

    def part(self, start: int, end: int) -> "Grid":
        """Return some of its columns."""
        return Grid(self.rows, self.columns[start:end], tuple(marks[start:end] for marks in self.marks), self.own)

    def _transposed(self) -> "Grid":
        marks = tuple(zip(*self.marks, strict=True)) if self.marks else ((),) * len(self.columns)
        return Grid(self.columns, self.rows, marks, self.own)

    def _with_rows_folded(self) -> "Grid":
        folds = [
            (tuple(name for index in members for name in self.rows[index]), tuple(marks))
            for marks, members in _folds(self.marks)
        ]
        folds.sort(key=lambda fold: group_of(fold[0]) == SEVERAL)
        return Grid(tuple(names for names, _ in folds), self.columns, tuple(marks for _, marks in folds), self.own)


def _arranged(
    sources: Mapping[str, Source], targets: Mapping[str, Target], arrangement: Arrangement | None
) -> tuple[list[Name], list[Name]]:
    if arrangement is None:
        return [*map(Name, sources)], [*map(Name, targets)]
    rows = {text: arrangement.of_source(source) for text, source in sources.items()}
    columns = {text: arrangement.of_target(target) for text, target in targets.items()}
    grouped = arrangement.groups > 1
    ordered = (sorted(slots.items(), key=lambda item: item[1]) for slots in (rows, columns))
    names = ([Name(text, slot.group if grouped else "") for text, slot in slots] for slots in ordered)
    return next(names), next(names)


def _is_own(source: Source, target: Target) -> bool:
    """Return whether the target is the source, or the Service of its name."""
    match source, target:
        case ExternalSource(), ExternalTarget():
            return source.host == target.host
        case PodSource(), PodTarget() | ServiceTarget() | FqdnTarget() | ClusterIPTarget() | LoadBalancerTarget():
            return source.ref == target.ref
    return False


def _texts(names: Iterable[Name]) -> Iterable[str]:
    return map(attrgetter("text"), names)


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
