"""What is wrong with a closed world: its wrong cells, grouped by what they have in common."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netpol_harness.report.fold import Grid, Names
from netpol_harness.report.story import Story, verdict
from netpol_harness.results.table import PathResult, TruthTable

MOST = 20
"""Groups of wrong cells that one message lists, and names that it gives of one group."""

FEW = 3
"""Wrong cells that are listed one by one."""


@dataclass(frozen=True, slots=True)
class PodGroup:
    """Wrong cells of one verdict: all of these sources, asking all of these targets."""

    sources: Names
    targets: Names
    verdict: str

    def __str__(self) -> str:
        return f"{_ends(self.sources, 'sources')} -> {_ends(self.targets, 'targets')}: {self.verdict}"

    @property
    def members(self) -> tuple[str, ...]:
        """The names behind the numbers, one line for each end that has several."""
        ends = (("sources", self.sources), ("targets", self.targets))
        return tuple(f"{what}: {_listed(names)}" for what, names in ends if len(names) > 1)


def world_story(path_results: Sequence[PathResult], example: Story) -> Story:
    """The story of a closed world. ``example`` is that of its first wrong cell, told whole."""
    table = TruthTable.of(path_results)
    return cells_story(
        table, f"{len(table.wrong)} of the {len(path_results)} other paths are not {_word(path_results)}", example
    )


def table_story(table: TruthTable, example: Story) -> Story:
    """The story of a table, or of some of its cells."""
    cells = tuple(table.cells.values())
    return cells_story(table, f"{len(table.wrong)} of {len(cells)} cells are not {_word(cells)}", example)


def cells_story(table: TruthTable, said: str, example: Story) -> Story:
    """The wrong cells of a table in groups, and one of them told whole."""
    told = groups(table)
    lines = [line for group in told[:MOST] for line in (f"  {group}", *(f"    {names}" for names in group.members))]
    rest = [f"  ... and {len(told) - MOST} more"] if len(told) > MOST else []
    return Story(said, "\n".join([f"{said}:", *lines, *rest, "", "One of them:", example.text]))


def _word(path_results: Sequence[PathResult]) -> str:
    """The word that all share, or what each has of its own."""
    words = {path_result.expected for path_result in path_results}
    return words.pop() if len(words) == 1 else "as expected"


def groups(table: TruthTable) -> Sequence[PodGroup]:
    """The wrong cells in as few groups as can be had by folding rows and columns, or columns alone."""
    wrong = {(path_result.source, path_result.target): verdict(path_result) for path_result in table.wrong}
    if len(wrong) <= FEW:
        return [PodGroup((source,), (target,), said) for (source, target), said in wrong.items()]
    rows, columns = ([name for name in names if name in ends] for names, ends in _sides(table, wrong))
    right = "right"
    grid = Grid.of(rows, columns, lambda *cell: wrong.get(cell) or (right if cell in table.cells else ""))
    said = set(wrong.values())
    return min(list(_folded(grid.folded(), said)), list(_by_target(wrong)), key=len)


def _sides(table: TruthTable, wrong: dict[tuple[str, str], str]) -> Iterator[tuple[Names, set[str]]]:
    yield table.rows, {source for source, _ in wrong}
    yield table.columns, {target for _, target in wrong}


def _folded(grid: Grid, said: set[str]) -> Iterator[PodGroup]:
    for sources, marks in zip(grid.rows, grid.marks, strict=True):
        by_mark: dict[str, list[str]] = {}
        for targets, mark in zip(grid.columns, marks, strict=True):
            if mark in said:
                by_mark.setdefault(str(mark), []).extend(targets)
        yield from (PodGroup(sources, tuple(targets), mark) for mark, targets in by_mark.items())


def _by_target(wrong: dict[tuple[str, str], str]) -> Iterator[PodGroup]:
    found: dict[tuple[str, str], list[str]] = {}
    for (source, target), said in wrong.items():
        found.setdefault((target, said), []).append(source)
    yield from (PodGroup(tuple(sources), (target,), said) for (target, said), sources in found.items())


def _ends(names: Names, what: str) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} {what}"


def _listed(names: Names) -> str:
    rest = f", ... and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + rest
