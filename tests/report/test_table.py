from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.report.fold import OWN, Grid
from netpol_harness.report.table import draw

PODS = tuple(f"pod-{number}" for number in range(48))


def closed_world(mark: str = "X", other: str = ".", wrong: tuple[str, ...] = ()) -> Grid:
    """All pairs of pods, nobody asking itself; who asks one of ``wrong`` gets the other mark."""
    return Grid.of(
        PODS,
        [f"{pod}:80" for pod in PODS],
        lambda row, column: "" if column == f"{row}:80" else other if column.removesuffix(":80") in wrong else mark,
    )


def test_a_table_that_fits_is_whole() -> None:
    table = Grid.of(["web", "api"], ["web:80", "api:80"], lambda row, column: "" if row in column else ".")
    assert draw(table, 40, unprobed="?").splitlines() == [
        "from \\ to   web:80   api:80",
        "───────────────────────────",
        "web           ?        .",
        "api           .        ?",
    ]


def test_a_table_without_a_width_is_whole_however_wide() -> None:
    assert len(draw(closed_world()).splitlines()) == len(PODS) + 2


def test_equal_rows_and_columns_of_a_wide_table_are_folded_and_listed() -> None:
    lines = draw(closed_world(wrong=("pod-3",)), 80).splitlines()
    assert lines[:3] == [
        "from \\ to   pod-0:80 +46   pod-3:80",
        "───────────────────────────────────",
        "pod-0 +47        X            .",
    ]
    listed = "\n".join(lines[3:])
    assert "pod-0 +47 = pod-0, pod-1, pod-2, pod-3, " in listed
    assert "pod-0:80 +46 = pod-0:80, pod-1:80, pod-2:80, pod-4:80, " in listed
    assert max(map(len, lines)) <= 80


def test_what_cannot_be_folded_is_numbered_and_continued() -> None:
    whole = closed_world()
    cut = Grid(whole.rows, whole.columns, tuple(tuple("X" if r == c else "." for c in range(48)) for r in range(48)))
    lines = draw(cut, 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert "48 = pod-47:80" in lines
    assert sum(line.startswith("from ") for line in lines) > 1
    assert sum(line.count("X") for line in lines) == 48


def test_cells_that_nobody_asked_are_not_folded_into_those_that_were() -> None:
    asked = {("a", "x:80"): ".", ("b", "y:80"): "."}
    table = Grid.of(["a", "b"], ["x:80", "y:80"], lambda row, column: asked.get((row, column), ""))
    assert table.folded() == table


@given(st.integers(1, 5), st.integers(1, 5), st.data())
def test_a_folded_mark_is_true_of_every_cell_that_it_stands_for(rows: int, columns: int, data: st.DataObject) -> None:
    names = [f"r{number}" for number in range(rows)], [f"r{number}:80" for number in range(columns)]
    marks = {pair: data.draw(st.sampled_from(["", ".", "X"])) for pair in product(*names)}
    table = Grid.of(*names, lambda row, column: marks[row, column])
    folded = table.folded()
    assert sorted(name for group in folded.rows for name in group) == sorted(names[0])
    assert sorted(name for group in folded.columns for name in group) == sorted(names[1])
    for sources, line in zip(folded.rows, folded.marks, strict=True):
        for targets, mark in zip(folded.columns, line, strict=True):
            told = {marks[pair] or (OWN if pair[1] == f"{pair[0]}:80" else "") for pair in product(sources, targets)}
            assert told - {OWN} <= {mark}
