"""Delta debugging over numbered units."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.reproduce.shrink.minimize import removable

COUNT = 12


@given(needed=st.frozensets(st.integers(0, COUNT - 1)), width=st.integers(1, 5))
def test_exactly_the_units_that_are_needed_are_kept(needed: frozenset[int], width: int) -> None:
    def holds(candidates: Sequence[frozenset[int]]) -> Sequence[bool]:
        return [not needed & removed for removed in candidates]

    assert removable(COUNT, holds, width=width) == frozenset(range(COUNT)) - needed


@given(groups=st.lists(st.frozensets(st.integers(0, COUNT - 1), min_size=1), min_size=1, max_size=4))
def test_the_result_holds_and_no_single_unit_of_it_can_be_removed(groups: list[frozenset[int]]) -> None:
    """The property needs one whole group, whichever: removals that are possible one by one exclude each other."""

    def holds(candidates: Sequence[frozenset[int]]) -> Sequence[bool]:
        return [any(not group & removed for group in groups) for removed in candidates]

    removed = removable(COUNT, holds)
    assert holds([removed]) == [True]
    assert not any(holds([removed | {index} for index in frozenset(range(COUNT)) - removed]))


def test_nothing_is_tested_if_there_is_nothing_to_remove() -> None:
    def fails(_: Sequence[frozenset[int]]) -> Sequence[bool]:
        raise AssertionError

    assert removable(0, fails) == frozenset()
