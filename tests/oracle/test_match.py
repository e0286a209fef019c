from itertools import product

import pytest

from netpol_harness.oracle.match import (
    ALWAYS,
    NEVER,
    Certainty,
    Match,
    both,
    by_profile,
    supported,
    undecided,
)
from netpol_harness.oracle.pod_set import PodSet, members, union
from netpol_harness.oracle.pod_set import by_profile as set_by_profile
from netpol_harness.oracle.points import Decision, OpenPoint, Profile

HAIRPIN, OWN_NODE = OpenPoint.HAIRPIN, OpenPoint.OWN_NODE
MAYBE = undecided(HAIRPIN)
OPEN = Profile("open")
DECIDED = {decision: Profile(decision, {OWN_NODE: decision}) for decision in Decision}


@pytest.mark.parametrize(
    ("first", "second", "certainty"),
    [
        (ALWAYS, ALWAYS, Certainty.ALWAYS),
        (ALWAYS, MAYBE, Certainty.MAYBE),
        (MAYBE, NEVER, Certainty.NEVER),
        (ALWAYS, NEVER, Certainty.NEVER),
    ],
)
def test_both(first: Match, second: Match, certainty: Certainty) -> None:
    assert both(first, second).certainty is both(second, first).certainty is certainty


def test_both_depend_on_the_points_of_each() -> None:
    assert both(MAYBE, undecided(OWN_NODE)).depends_on == {HAIRPIN, OWN_NODE}


def test_a_choice_between_equal_matches_depends_on_nothing() -> None:
    assert by_profile(OPEN, OWN_NODE, yes=ALWAYS, no=ALWAYS) == ALWAYS
    assert by_profile(DECIDED[Decision.NO], OWN_NODE, yes=NEVER, no=NEVER) == NEVER


def test_the_profile_decides_a_point_or_it_stays_open() -> None:
    assert by_profile(OPEN, OWN_NODE, yes=MAYBE, no=NEVER) == undecided(HAIRPIN, OWN_NODE)
    assert by_profile(DECIDED[Decision.YES], OWN_NODE) == Match(Certainty.ALWAYS, decided=frozenset({OWN_NODE}))
    assert by_profile(DECIDED[Decision.NO], OWN_NODE) == Match(Certainty.NEVER, decided=frozenset({OWN_NODE}))


def test_only_a_profile_takes_away_what_the_api_promises() -> None:
    assert supported(OPEN, OWN_NODE) is supported(DECIDED[Decision.YES], OWN_NODE) is ALWAYS
    assert supported(DECIDED[Decision.NO], OWN_NODE).certainty is Certainty.NEVER


@pytest.mark.parametrize("profile", [OPEN, *DECIDED.values()], ids=lambda profile: profile.name)
def test_sets_follow_the_algebra_of_single_matches(profile: Profile) -> None:
    """Pod ``n`` matches in each set as the n-th pair of matches says."""
    pairs = list(product((ALWAYS, MAYBE, NEVER), repeat=2))
    left, right = (union(PodSet.uniform(pair[at], 1 << n) for n, pair in enumerate(pairs)) for at in (0, 1))
    chosen = set_by_profile(profile, OWN_NODE, yes=left, no=right)
    for n, (first, second) in enumerate(pairs):
        assert (left & right).within(1 << n) == PodSet.uniform(both(first, second), 1 << n)
        assert chosen.within(1 << n) == PodSet.uniform(by_profile(profile, OWN_NODE, yes=first, no=second), 1 << n)


def test_members_are_the_numbers_of_a_set() -> None:
    assert list(members(0b1010010)) == [1, 4, 6]
    assert list(members(0)) == []
