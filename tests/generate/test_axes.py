from collections.abc import Iterable
from dataclasses import astuple

from netpol_harness.generate.axes import (
    AXES,
    SELECTORS,
    Peer,
    RuleCase,
    SelectorChoice,
    SelectorForm,
    every_case,
    every_pair,
)

CASES = tuple(every_case())


def test_every_value_of_every_axis_occurs() -> None:
    for values, axis in zip(columns(CASES), AXES, strict=True):
        assert values == set(axis)


def test_the_peers_with_selectors_are_the_legal_combinations() -> None:
    """A peer without both is not valid, and an ipBlock has no selectors."""
    assert len(SELECTORS) == len(set(SELECTORS.values())) == 8
    assert (SelectorChoice.ABSENT, SelectorChoice.ABSENT) not in SELECTORS.values()
    assert set(Peer) - set(SELECTORS) == {Peer.EVERYBODY, Peer.BLOCK, Peer.BLOCK_EXCEPT}


def test_the_form_varies_only_for_selectors_that_select_some() -> None:
    spelled = {case.peer for case in CASES if case.selector_form is not SelectorForm.LABELS}

    assert spelled == {peer for peer, chosen in SELECTORS.items() if SelectorChoice.SOME in chosen}


def test_the_steps_of_a_direction_have_different_names() -> None:
    for steps in (CASES, tuple(every_pair())):
        assert len({(step.direction, step.name) for step in steps}) == len(steps)


def columns(cases: Iterable[RuleCase]) -> list[set[object]]:
    return [set(column) for column in zip(*map(astuple, cases), strict=True)]
