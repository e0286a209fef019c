"""The failure message of a truth table or a closed world: its wrong cells, in groups."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from netpol_harness.report.layout import Grid
from netpol_harness.report.message import FailureMessage, verdict
from netpol_harness.results.table import PathResult, TruthTable

MAX_LISTED = 20
"""Maximum number of groups in a message, and of names in a line."""

MAX_SINGLE = 3
"""Maximum number of wrong cells that are listed one by one."""

_AGREES = "agrees"

Names = tuple[str, ...]
Ends = tuple[str, str]
"""A source and a target."""


@dataclass(frozen=True, slots=True)
class CellGroup:
    """Wrong cells with the same verdict: every one of the sources with every one of the targets."""

    sources: Names
    targets: Names
    verdict: str

    def __str__(self) -> str:
        return f"{_ends(self.sources, 'sources')} -> {_ends(self.targets, 'targets')}: {self.verdict}"

    @property
    def members(self) -> tuple[str, ...]:
        """One line with the names of each end that has several."""
        ends = (("sources", self.sources), ("targets", self.targets))
        return tuple(f"{side}: {_listed(names)}" for side, names in ends if len(names) > 1)


def closed_world_message(path_results: Sequence[PathResult], example: FailureMessage) -> FailureMessage:
    """Return the message of a closed world. ``example`` is the message of its first wrong cell."""
    table = TruthTable.of(path_results)
    summary = f"{len(table.wrong)} of the {len(path_results)} other paths are not {_expected(path_results)}"
    return _message(table, summary, example)


def table_message(table: TruthTable, example: FailureMessage) -> FailureMessage:
    """Return the message of a table, or of some of its cells."""
    cells = tuple(table.cells.values())
    return _message(table, f"{len(table.wrong)} of {len(cells)} cells are not {_expected(cells)}", example)


def _message(table: TruthTable, summary: str, example: FailureMessage) -> FailureMessage:
    found = groups(table)
    lines = [
        line for group in found[:MAX_LISTED] for line in (f"  {group}", *(f"    {names}" for names in group.members))
    ]
    rest = [f"  ... and {len(found) - MAX_LISTED} more"] if len(found) > MAX_LISTED else []
    return FailureMessage(summary, "\n".join([f"{summary}:", *lines, *rest, "", "One of them:", example.text]))


def _expected(path_results: Sequence[PathResult]) -> str:
    """The verdict that all cells expect, or ``as expected`` if they differ."""
    verdicts = {path_result.expected for path_result in path_results}
    return verdicts.pop() if len(verdicts) == 1 else "as expected"


def groups(table: TruthTable) -> Sequence[CellGroup]:
    """Return the wrong cells in the fewest groups that folding rows and columns, or columns alone, gives."""
    wrong = {(path_result.source, path_result.target): verdict(path_result) for path_result in table.wrong}
    if len(wrong) <= MAX_SINGLE:
        return [CellGroup((source,), (target,), text) for (source, target), text in wrong.items()]
    narrowed = table.narrowed().cells
    grid = Grid.of_paths({cell.expectation.path: wrong.get(ends, _AGREES) for ends, cell in narrowed.items()})
    return min(list(_by_row(grid.folded(), set(wrong.values()))), list(_by_target(wrong)), key=len)


def _by_row(grid: Grid, verdicts: set[str]) -> Iterator[CellGroup]:
    for sources, marks in zip(grid.rows, grid.marks, strict=True):
        by_mark: dict[str, list[str]] = {}
        for targets, mark in zip(grid.columns, marks, strict=True):
            if mark in verdicts:
                by_mark.setdefault(str(mark), []).extend(name.text for name in targets)
        names = tuple(name.text for name in sources)
        yield from (CellGroup(names, tuple(targets), mark) for mark, targets in by_mark.items())


def _by_target(wrong: Mapping[Ends, str]) -> Iterator[CellGroup]:
    by_target: dict[tuple[str, str], list[str]] = {}
    for (source, target), text in wrong.items():
        by_target.setdefault((target, text), []).append(source)
    yield from (CellGroup(tuple(sources), (target,), text) for (target, text), sources in by_target.items())


def _ends(names: Names, side: str) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} {side}"


def _listed(names: Names) -> str:
    rest = f", ... and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return ", ".join(names[:MAX_LISTED]) + rest
