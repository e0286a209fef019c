import pytest

from netpol_harness.oracle.points import Point
from netpol_harness.oracle.profiles import EMBEDDED, PROFILES


@pytest.mark.parametrize("name", PROFILES)
def test_profiles_are_found_by_their_names(name: str) -> None:
    assert PROFILES[name].name == name


def test_what_is_not_known_is_decided_by_no_profile() -> None:
    assert not any(Point.NOT_KNOWN in profile.decided for profile in PROFILES.values())


def test_the_embedded_cluster_leaves_nothing_of_the_api_open_that_it_implements() -> None:
    assert set(Point) - set(EMBEDDED.decided) == {Point.NOT_KNOWN, Point.ADMIN_TIERS}
