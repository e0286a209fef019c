from collections.abc import Iterable
from dataclasses import astuple

from netpol_harness.generate.axes import (
    AXES,
    SELECTORS,
    AxisChoice,
    Peer,
    RuleCase,
    Spelling,
    every_case,
    every_meeting,
)

CASES = tuple(every_case())


def test_every_value_of_every_axis_occurs() -> None:
    for values, axis in zip(columns(CASES), AXES, strict=True):
        assert values == set(axis)


def test_the_peers_with_selectors_are_the_legal_combinations() -> None:
    """Both absent is no peer, and an entry with neither is not valid; an ipBlock stands alone."""
    assert len(SELECTORS) == len(set(SELECTORS.values())) == 8
    assert (AxisChoice.ABSENT, AxisChoice.ABSENT) not in SELECTORS.values()
    assert set(Peer) - set(SELECTORS) == {Peer.EVERYBODY, Peer.BLOCK, Peer.BLOCK_EXCEPT}


def test_a_spelling_is_varied_only_where_something_is_spelled() -> None:
    spelled = {case.peer for case in CASES if case.spelling is not Spelling.LABELS}

    assert spelled == {peer for peer, chosen in SELECTORS.items() if AxisChoice.SOME in chosen}


def test_names_tell_the_steps_of_a_direction_apart() -> None:
    for steps in (CASES, tuple(every_meeting())):
        assert len({(step.direction, step.name) for step in steps}) == len(steps)


def columns(cases: Iterable[RuleCase]) -> list[set[object]]:
    return [set(column) for column in zip(*map(astuple, cases), strict=True)]
