"""A small part of the campaign of malformed directories; ``python -m bench.fuzz`` is the whole."""

import pytest

from bench.fuzz.campaign import campaign


@pytest.mark.parametrize("part", range(4))
def test_malformed_scenarios_and_manifests_are_explained_within_the_limit(part: int) -> None:
    tally = campaign(50, seed=100 + part, limit=10)
    assert not tally.wrong
    assert tally.refused > 20


def test_a_campaign_is_a_function_of_its_seed() -> None:
    first, second = (campaign(20, seed=7, limit=10) for _ in range(2))
    assert (first.loaded, first.refused, first.problems) == (second.loaded, second.refused, second.problems)
