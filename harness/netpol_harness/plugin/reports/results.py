"""The result of each test, gathered as pytest tells them; in a run with workers, by the controller."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

RESULTS = pytest.StashKey["Results"]()

_WORST_FIRST = ("error", "failed", "xpassed", "xfailed", "skipped", "passed")
"""pytest's own words, and which of them speaks for a test of which several were told."""

_LONGEST = 8_000
"""Characters of a message that are kept."""


@dataclass(slots=True)
class ItemResult:
    """What became of one test. ``message`` says why it did not pass."""

    outcome: str
    seconds: float = 0.0
    message: str = ""


@dataclass(slots=True, eq=False)  # pytest hashes its plugins
class Results:
    """All tests of the run, by node id, in order of their end; and when the run began. A plugin of pytest."""

    tests: dict[str, ItemResult] = field(default_factory=dict)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """What cannot be collected is an error under its own name."""
        if report.failed:
            self._add(report.nodeid, ItemResult("error", 0.0, report.longreprtext))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Set-up, call and teardown of a test are told one after the other."""
        self._add(report.nodeid, ItemResult(_outcome(report), report.duration, _message(report)))

    @property
    def counts(self) -> Mapping[str, int]:
        """How many tests have each outcome; all six words are there."""
        return dict.fromkeys(_WORST_FIRST, 0) | Counter(result.outcome for result in self.tests.values())

    def _add(self, nodeid: str, new: ItemResult) -> None:
        old = self.tests.setdefault(nodeid, ItemResult(new.outcome))
        old.seconds += new.seconds
        rank, before = _WORST_FIRST.index(new.outcome), _WORST_FIRST.index(old.outcome)
        if rank < before or (rank == before and not old.message):
            old.outcome, old.message = new.outcome, new.message[:_LONGEST]


def gather(config: pytest.Config) -> None:
    """Begin to gather, if nobody has; a worker of pytest-xdist leaves it to its controller."""
    if RESULTS not in config.stash and not hasattr(config, "workerinput"):
        config.stash[RESULTS] = Results()
        config.pluginmanager.register(config.stash[RESULTS])


def _outcome(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed"
    if report.failed:
        return "failed" if report.when == "call" else "error"
    return "skipped" if report.skipped else "passed"


def _message(report: pytest.TestReport) -> str:
    if report.passed:
        return ""
    if reason := getattr(report, "wasxfail", ""):
        return str(reason)
    longrepr: Any = report.longrepr
    return str(longrepr[2] if isinstance(longrepr, tuple) else longrepr)
