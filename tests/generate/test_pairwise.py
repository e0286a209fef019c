import random
from collections.abc import Sequence
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.generate.pairwise import Row, pairs, pairwise

columns = st.lists(st.integers(1, 4), min_size=2, max_size=5)


@given(columns, st.floats(0, 1), st.randoms(use_true_random=False))
def test_every_pair_of_a_row_is_in_a_selected_row(sizes: list[int], share: float, chance: random.Random) -> None:
    everything = list(product(*(range(size) for size in sizes)))
    rows = [row for row in everything if chance.random() < share] or everything[:1]

    chosen = [rows[position] for position in pairwise(rows)]

    assert met(chosen) == met(rows)


@given(columns)
def test_no_row_is_selected_twice_and_each_adds_a_pair(sizes: list[int]) -> None:
    rows = list(product(*(range(size) for size in sizes)))

    chosen = pairwise(rows)

    assert len(set(chosen)) == len(chosen)
    for count, position in enumerate(chosen):
        assert met([rows[position]]) - met([rows[earlier] for earlier in chosen[:count]])


def test_few_rows_are_selected() -> None:
    """Three columns of ten values have 100 pairs of two columns, for which 100 rows are needed."""
    rows = list(product(range(10), repeat=3))

    assert len(pairwise(rows)) <= 130


def test_values_are_selected_about_equally_often() -> None:
    rows = list(product("ab", range(12), range(4)))

    chosen = [rows[position][0] for position in pairwise(rows)]

    assert abs(chosen.count("a") - chosen.count("b")) <= 2


def test_the_selection_is_deterministic() -> None:
    rows = list(product(range(3), range(4), range(2)))

    assert pairwise(rows) == pairwise(rows)


def met(rows: Sequence[Row]) -> set[object]:
    return {pair for row in rows for pair in pairs(row)}
