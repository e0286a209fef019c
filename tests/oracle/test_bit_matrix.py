import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.oracle.bit_matrix import pack, transpose, unpack, width_for


@pytest.mark.parametrize(("count", "width"), [(0, 8), (1, 8), (8, 8), (9, 16), (1000, 1024), (1024, 1024)])
def test_the_width_is_a_power_of_two_with_room(count: int, width: int) -> None:
    assert width_for(count) == width


@given(st.integers(1, 40).flatmap(lambda n: st.lists(st.integers(0, (1 << n) - 1), min_size=n, max_size=n)))
def test_transposing_swaps_rows_and_columns(content: list[int]) -> None:
    width = width_for(len(content))
    turned = unpack(transpose(pack(content, width), width), width)
    assert len(turned) == width
    for row, bits in enumerate(content):
        for column in range(len(content)):
            assert turned[column] >> row & 1 == bits >> column & 1
    assert not any(turned[len(content) :])
