"""``--first-failure``: one failure says all of a scenario; the items that are left of it are skipped."""

from collections.abc import Generator
from pathlib import Path

import pytest

_FAILED = pytest.StashKey[set[Path]]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip before the item's step is entered."""
    if item.path in item.config.stash.setdefault(_FAILED, set()):
        pytest.skip("an item of this scenario has failed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Take note of failures; an error tells nothing."""
    report = yield
    if report.when == "call" and report.failed:
        item.config.stash.setdefault(_FAILED, set()).add(item.path)
    return report
