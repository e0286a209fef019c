import re
from pathlib import Path

import pytest

from netpol_harness.oracle.points import OpenPoint
from netpol_harness.oracle.profiles import EMBEDDED, PROFILES


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_found_by_its_name(name: str) -> None:
    assert PROFILES[name].name == name


def test_no_profile_decides_what_is_not_known() -> None:
    unknown = {OpenPoint.NOT_KNOWN, OpenPoint.NAMESPACE_LABELS}
    assert not any(unknown & set(profile.decided) for profile in PROFILES.values())


def test_the_embedded_cluster_decides_every_point_that_it_implements() -> None:
    assert set(OpenPoint) - set(EMBEDDED.decided) == {
        OpenPoint.NOT_KNOWN,
        OpenPoint.NAMESPACE_LABELS,
        OpenPoint.DOMAIN_NAMES_ELSEWHERE,
    }


PAGE = Path(__file__).parents[2] / "docs" / "open-points.md"


@pytest.mark.parametrize("point", OpenPoint)
def test_the_page_of_open_points_has_every_decision(point: OpenPoint) -> None:
    row = re.search(rf"^\| `{point}` \|.*\| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    decisions = [f"{name} {profile.decided[point]}" for name, profile in PROFILES.items() if point in profile.decided]
    assert row is not None
    assert row[1] == ("; ".join(decisions) or "nobody")
