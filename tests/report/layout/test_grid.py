"""Grids: how they are made of paths, and that folding loses no cell."""

from collections.abc import Mapping
from dataclasses import asdict
from itertools import pairwise, product

from hypothesis import given

from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.arrangement import Arrangement
from netpol_harness.paths.ends import ExternalSource, ExternalTarget, PodSource, PodTarget, ServiceTarget
from netpol_harness.paths.path import Inventory, Path, Scheme, Workload
from netpol_harness.report.layout import Grid, Name
from netpol_harness.report.layout.grid import OWN, SEVERAL, group_of
from tests.report.layout.tables import grids

WEB, DB = NamespacedName("shop", "web"), NamespacedName("data", "db")


def path(source: str, target: str) -> Path:
    """A path whose source and target are spelled ``web`` and ``db:80``."""
    refs = {"web": WEB, "db": DB}
    name, _, port = target.partition(":")
    ends = (
        PodSource(refs[source]) if source in refs else ExternalSource(source),
        PodTarget(refs[name], int(port)) if name in refs else ExternalTarget(name, int(port)),
    )
    return Path(ends[0], Scheme.TCP, ends[1], source, target)


def marks(text: str) -> Mapping[Path, str]:
    """``web->db:80=X`` and more, separated by spaces."""
    cells = (cell.split("=") for cell in text.split())
    return {path(*ends.split("->")): mark for ends, mark in cells}


def arrangement(*refs: NamespacedName) -> Arrangement:
    """Those workloads, in this order."""
    return Arrangement(Inventory({ref: Workload(ref, "Pod", {}, ()) for ref in refs}, {}, {}))


@given(grids())
def test_folding_loses_no_cell(grid: Grid) -> None:
    assert grid.folded().cells() == grid.cells()


@given(grids())
def test_no_two_folded_rows_or_columns_are_equal(grid: Grid) -> None:
    folded = grid.folded()
    assert len({*folded.marks}) == len(folded.marks)
    assert folded.folded() == folded


@given(grids())
def test_every_name_is_in_one_fold(grid: Grid) -> None:
    folded = grid.folded()
    for before, after in ((grid.rows, folded.rows), (grid.columns, folded.columns)):
        assert sorted(n.text for names in after for n in names) == sorted(n.text for names in before for n in names)


@given(grids())
def test_groups_stay_together_and_mixed_folds_are_last(grid: Grid) -> None:
    for heads in (grid.folded().rows, grid.folded().columns):
        groups = [group_of(names) for names in heads]
        changes = sum(before != after for before, after in pairwise(groups))
        assert changes <= max(0, len({*groups}) - 1)
        assert SEVERAL not in groups or groups[-1] == SEVERAL


@given(grids())
def test_a_grid_that_was_sent_as_plain_values_is_the_same(grid: Grid) -> None:
    assert Grid.from_plain(**asdict(grid)) == grid


def test_a_workload_and_the_service_of_its_name_are_its_own_cells() -> None:
    service = Path(PodSource(DB), Scheme.TCP, ServiceTarget(WEB, 80), "db", "service(web):80")
    grid = Grid.of_paths({**marks("web->db:1=. db->web:1=X"), service: "N"})
    assert grid.rows == ((Name("web"),), (Name("db"),))
    assert grid.marks == ((".", OWN, OWN), (OWN, "X", "N"))


def test_an_own_cell_that_was_probed_is_a_cell() -> None:
    grid = Grid.of_paths(marks("web->web:1=X web->db:1=."))
    assert grid.marks == (("X", "."),)
    assert grid.folded().cells() == grid.cells() == {("web", "web:1"): "X", ("web", "db:1"): "."}


def test_a_host_is_its_own_target() -> None:
    grid = Grid.of_paths(marks("user->web:1=X web->user:9=."))
    assert grid.marks == (("X", OWN), (OWN, "."))


def test_cells_that_were_not_probed_are_not_folded_into_those_that_were() -> None:
    grid = Grid.of_paths(marks("web->user:1=. user->db:2=."))
    assert grid.folded() == grid


def test_rows_and_columns_are_arranged_by_namespace() -> None:
    grid = Grid.of_paths(marks("web->db:2=. web->db:1=. db->web:1=."), arrangement(DB, WEB))
    assert grid.rows == ((Name("db", "data"),), (Name("web", "shop"),))
    assert grid.columns == ((Name("db:1", "data"),), (Name("db:2", "data"),), (Name("web:1", "shop"),))


def test_one_namespace_is_no_group() -> None:
    grid = Grid.of_paths(marks("user->web:1=."), arrangement(WEB))
    assert {name.group for names in (*grid.rows, *grid.columns) for name in names} == {""}


def test_cells_without_a_mark_can_be_filled() -> None:
    grid = Grid.of_paths(marks("web->user:1=. user->db:2=X")).filled("?")
    assert grid.occurring == {".", "X", "?"}
    assert {*product(("web", "user"), ("user:1", "db:2"))} - {*grid.cells()} == {("user", "user:1")}
