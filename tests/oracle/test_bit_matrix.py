import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.oracle.bit_matrix import matrix, rows, side_for, transposed


@pytest.mark.parametrize(("count", "side"), [(0, 8), (1, 8), (8, 8), (9, 16), (1000, 1024), (1024, 1024)])
def test_a_side_is_a_power_of_two_with_room(count: int, side: int) -> None:
    assert side_for(count) == side


@given(st.integers(1, 40).flatmap(lambda n: st.lists(st.integers(0, (1 << n) - 1), min_size=n, max_size=n)))
def test_transposing_swaps_rows_and_columns(content: list[int]) -> None:
    side = side_for(len(content))
    turned = rows(transposed(matrix(content, side), side), side)
    assert len(turned) == side
    for row, bits in enumerate(content):
        for column in range(len(content)):
            assert turned[column] >> row & 1 == bits >> column & 1
    assert not any(turned[len(content) :])
