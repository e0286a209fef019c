"""Settings of every test: a time limit, and property tests that neither chance nor a slow machine can fail."""

import os

import pytest
from hypothesis import HealthCheck, settings

LIMIT = 600
"""Seconds for one test with its fixtures, on a machine that thirty other processes use as well."""

settings.register_profile("steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", settings.get_profile("steady"), derandomize=False, max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

UNUSED = ("anyio", "hypothesispytest")
"""Installed plugins that runs inside tests do not need: to import them is a third of the time of a small run."""


@pytest.fixture
def pytester(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Pytest's own fixture, whose runs, their workers too, leave out plugins that they do not need."""
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(f"-p no:{name}" for name in UNUSED))
    return pytester


@pytest.fixture(autouse=True)
def _no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make output as wide as without a terminal, whatever the width of the one that the tests run in."""
    monkeypatch.delenv("COLUMNS", raising=False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test the limit, unless it sets its own."""
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(LIMIT))
