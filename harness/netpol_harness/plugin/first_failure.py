"""The plugin of ``--first-failure``: after the first failure of a scenario, its other items are skipped."""

from collections.abc import Generator
from pathlib import Path

import pytest

_FAILED = pytest.StashKey[set[Path]]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip the item before its step is entered."""
    if item.path in item.config.stash.setdefault(_FAILED, set()):
        pytest.skip("an item of this scenario has failed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Record failures; an error does not count as one."""
    report = yield
    if report.when == "call" and report.failed:
        item.config.stash.setdefault(_FAILED, set()).add(item.path)
    return report
