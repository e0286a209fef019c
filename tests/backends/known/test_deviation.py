"""What a line of known deviations speaks of."""

from datetime import date

import pytest
from packaging.specifiers import SpecifierSet

from netpol_harness.backends.facts import Plugin
from netpol_harness.backends.known.deviation import Deviation, version_of


def line(tests: str = "*", dataplane: str = "", versions: str = "") -> Deviation:
    found = SpecifierSet(versions) if versions else None
    return Deviation(tests, "why", "source", date(2027, 1, 31), "known.yaml:1", dataplane, found)


@pytest.mark.parametrize(
    ("glob", "nodeid", "matches"),
    [
        ("a/*", "a/b/scenario.yaml::s::x -> y:80", True),
        ("*::s::x -> ?:80", "a/scenario.yaml::s::x -> y:80", True),
        ("*::x -> [2001:db8::1]:80", "a/scenario.yaml::s::x -> [2001:db8::1]:80", True),
        ("*::x -> [2001:db8::1]:80", "a/scenario.yaml::s::x -> 2:80", False),
        ("a/scenario.yaml", "a/scenario.yaml::s::x -> y:80", False),
        ("a.*", "ab", False),
    ],
)
def test_a_glob_is_of_the_whole_id_and_brackets_stand_for_themselves(glob: str, nodeid: str, matches: object) -> None:
    assert line(glob).matches(nodeid) is matches


@pytest.mark.parametrize(
    ("dataplane", "versions", "applies"),
    [
        ("", "", True),
        ("calico", "", True),
        ("Cilium", "", False),
        ("Calico", ">=3.30,<3.33", True),
        ("Calico", ">=3.33", False),
        ("kindnet", "==20250512", True),
        ("kube-router", ">=0", False),
    ],
)
def test_a_dataplane_is_a_plugin_of_the_cluster_in_the_range(dataplane: str, versions: str, applies: object) -> None:
    plugins = (
        Plugin("Calico", "v3.32.2", ""),
        Plugin("kindnet", "v20250512-df8de77b", ""),
        Plugin("kube-router", "", "kube-router@sha256:00"),
    )
    assert line(dataplane=dataplane, versions=versions).applies(plugins) is applies


def test_a_prerelease_is_in_its_range() -> None:
    assert line(dataplane="calico", versions=">=3.30").applies([Plugin("Calico", "v3.33.0-rc.1", "")])


def test_the_last_day_still_counts() -> None:
    assert not line().has_expired(date(2027, 1, 31))
    assert line().has_expired(date(2027, 2, 1))


def test_what_has_no_number_has_no_version() -> None:
    assert version_of("latest") is None
    assert version_of("") is None
