"""Drawn tables: nothing is lost, nothing is too wide, and every kind of layout is as expected."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.report.layout import Grid, Name, draw
from tests.report.layout.tables import grids, read

PODS = tuple(f"pod-{number}" for number in range(48))


def closed_world(mark: str = "X", other: str = ".", wrong: tuple[str, ...] = ()) -> Grid:
    """All pairs of pods, none with itself; columns of ``wrong`` have the other mark."""
    pairs = {(row, f"{to}:80"): other if to in wrong else mark for row, to in product(PODS, PODS) if row != to}
    own = frozenset((pod, f"{pod}:80") for pod in PODS)
    return Grid.of([*map(Name, PODS)], [Name(f"{pod}:80") for pod in PODS], pairs, own)


@given(grids(), st.one_of(st.none(), st.integers(40, 200)))
def test_a_drawn_table_that_is_read_again_is_the_table(grid: Grid, width: int | None) -> None:
    cells = read(draw(grid, width))
    assert {ends: mark for ends, mark in cells.items() if ends not in grid.own} == grid.cells()


@given(grids(longest=120), st.integers(40, 200))
def test_no_line_is_wider_than_the_width(grid: Grid, width: int) -> None:
    assert max(map(len, draw(grid, width).splitlines())) <= width


def test_a_table_that_fits_is_whole() -> None:
    own = frozenset({("web", "web:80"), ("api", "api:80")})
    table = Grid.of(
        [Name("web"), Name("api")],
        [Name("web:80"), Name("api:80")],
        {("web", "api:80"): ".", ("api", "web:80"): "."},
        own,
    )
    assert draw(table, 40).splitlines() == [
        "from \\ to   web:80   api:80",
        "───────────────────────────",
        "web                    .",
        "api           .",
    ]


def test_groups_have_names_above_their_columns_and_rows() -> None:
    cells = {("web", "web:80"): ".", ("web", "db:1"): "X", ("db", "web:80"): "N", ("db", "db:1"): "."}
    rows, columns = [Name("web", "shop"), Name("db", "data")], [Name("web:80", "shop"), Name("db:1", "datastore")]
    assert draw(Grid.of(rows, columns, cells, frozenset()), 60).splitlines() == [
        "            shop     datastore",
        "from \\ to   web:80      db:1",
        "──────────────────────────────",
        "shop",
        "  web         .          X",
        "data",
        "  db          N          .",
    ]


def test_equal_rows_and_columns_of_a_wide_table_are_folded_and_listed() -> None:
    lines = draw(closed_world(wrong=("pod-3",)), 80).splitlines()
    assert lines[:5] == [
        "from \\ to   pod-0:80 +46   pod-3:80",
        "───────────────────────────────────",
        "pod-0 +47        X            .",
        "",
        "Folded together, because all cells but their own are equal:",
    ]
    listed = "\n".join(lines[5:])
    assert "  pod-0 +47 = pod-0, pod-1, pod-2, pod-3, " in listed
    assert "  pod-0:80 +46 = pod-0:80, pod-1:80, pod-2:80, pod-4:80, " in listed


def test_heads_that_do_not_fit_side_by_side_are_a_staircase() -> None:
    rows = [Name("a", "shop"), Name("b", "shop")]
    columns = [Name("service(frontend):80", "shop"), Name("pod(frontend):8080", "shop"), Name("grafana:3000", "watch")]
    marks = dict(zip(product("ab", [column.text for column in columns]), "N.XX.N", strict=True))
    assert draw(Grid.of(rows, columns, marks, frozenset()), 40).splitlines() == [
        "          shop",
        "          ┌ service(frontend):80",
        "          │ ┌ pod(frontend):8080",
        "          │ │  watch",
        "from \\ to │ │  ┌ grafana:3000",
        "────────────────",
        "shop",
        "  a       N .  X",
        "  b       X .  N",
    ]


def test_columns_without_room_are_continued_below() -> None:
    whole = closed_world()
    cut = Grid(whole.rows, whole.columns, tuple(tuple("X" if r == c else "." for c in range(48)) for r in range(48)))
    lines = draw(cut, 80).splitlines()
    assert sum(line.startswith("from ") for line in lines) == 2
    assert sum(line.count("X") for line in lines) == 48


def test_a_label_that_is_cut_is_written_in_full_below() -> None:
    long = "a-very-long-name-of-a-workload-that-nobody-types"
    grid = Grid.of([Name(f"{long}-{end}") for end in "ab"], [Name("x:1"), Name("y:2")], {}, frozenset()).filled("?")
    marks = tuple(tuple("X" if r == c else "." for c in range(2)) for r in range(2))
    lines = draw(Grid(grid.rows, grid.columns, marks), 40).splitlines()
    first, second = lines[3:5]
    assert first.split() == ["a-very-long-nam…", "X", "."]
    assert second.split() == ["a-very-long-na…2", ".", "X"]
    assert lines[6:] == ["In full:", *lines[7:]]
    assert f"{long}-b" in "".join(line.strip() for line in lines)


def test_without_a_width_nothing_is_folded() -> None:
    drawn = draw(closed_world())
    assert sum(line.count("X") for line in drawn.splitlines()) == 48 * 47
    assert "Folded" not in drawn
