from itertools import product

import pytest

from netpol_harness.oracle.extent import Extent, numbers, union
from netpol_harness.oracle.extent import choice as choice_of_sets
from netpol_harness.oracle.match import NEVER, SURE, Holds, Match, admitted, both, choice, hanging, supported
from netpol_harness.oracle.points import Decision, Point, Profile

HAIRPIN, OWN_NODE = Point.HAIRPIN, Point.OWN_NODE
MAYBE = hanging(HAIRPIN)
OPEN = Profile("open")
DECIDED = {decision: Profile(decision, {OWN_NODE: decision}) for decision in Decision}


@pytest.mark.parametrize(
    ("one", "other", "holds"),
    [
        (SURE, SURE, Holds.SURELY),
        (SURE, MAYBE, Holds.MAYBE),
        (MAYBE, NEVER, Holds.NEVER),
        (SURE, NEVER, Holds.NEVER),
    ],
)
def test_both(one: Match, other: Match, holds: Holds) -> None:
    assert both(one, other).holds is both(other, one).holds is holds


def test_both_keep_all_the_points_that_they_hang_on() -> None:
    assert both(MAYBE, hanging(OWN_NODE)).hangs_on == {HAIRPIN, OWN_NODE}


def test_a_choice_that_makes_no_difference_hangs_on_nothing() -> None:
    assert choice(OPEN, OWN_NODE, yes=SURE, no=SURE) == SURE
    assert choice(DECIDED[Decision.NO], OWN_NODE, yes=NEVER, no=NEVER) == NEVER


def test_a_choice_is_made_by_the_profile_or_stays_open() -> None:
    assert choice(OPEN, OWN_NODE, yes=MAYBE, no=NEVER) == hanging(HAIRPIN, OWN_NODE)
    assert admitted(DECIDED[Decision.YES], OWN_NODE) == Match(Holds.SURELY, decided=frozenset({OWN_NODE}))
    assert admitted(DECIDED[Decision.NO], OWN_NODE) == Match(Holds.NEVER, decided=frozenset({OWN_NODE}))


def test_what_the_text_promises_only_a_profile_takes_away() -> None:
    assert supported(OPEN, OWN_NODE) is supported(DECIDED[Decision.YES], OWN_NODE) is SURE
    assert supported(DECIDED[Decision.NO], OWN_NODE).holds is Holds.NEVER


@pytest.mark.parametrize("profile", [OPEN, *DECIDED.values()], ids=lambda profile: profile.name)
def test_sets_follow_the_algebra_of_single_matches(profile: Profile) -> None:
    """Pod ``n`` of each set holds as the n-th pair of matches does."""
    pairs = list(product((SURE, MAYBE, NEVER), repeat=2))
    ones, others = (union(Extent.uniform(pair[at], 1 << n) for n, pair in enumerate(pairs)) for at in (0, 1))
    chosen = choice_of_sets(profile, OWN_NODE, yes=ones, no=others)
    for n, (one, other) in enumerate(pairs):
        assert (ones & others).within(1 << n) == Extent.uniform(both(one, other), 1 << n)
        assert chosen.within(1 << n) == Extent.uniform(choice(profile, OWN_NODE, yes=one, no=other), 1 << n)


def test_numbers_of_a_set() -> None:
    assert list(numbers(0b1010010)) == [1, 4, 6]
    assert list(numbers(0)) == []
