"""The result of each test, collected from pytest's reports; in a run with workers, by the controller."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from netpol_harness.plugin.summary import asked_by, warning_of
from netpol_harness.results.asked import Asked

RESULTS = pytest.StashKey["Results"]()

_WORST_FIRST = ("error", "failed", "xpassed", "xfailed", "skipped", "passed")
"""pytest's outcomes. The first of these that a phase of a test has is the outcome of the test."""

_MAX_MESSAGE = 8_000
"""Characters of a message that are kept."""


@dataclass(slots=True)
class ItemResult:
    """The outcome of one test. ``message`` says why it did not pass."""

    outcome: str
    seconds: float = 0.0
    message: str = ""


@dataclass(slots=True, eq=False)  # pytest hashes its plugins
class Results:
    """A plugin that collects the results of all tests, by node id in order of their end.

    ``asked`` is what the tests of scenarios have asked, ``warnings`` are those of steps, by node id.
    """

    tests: dict[str, ItemResult] = field(default_factory=dict)
    asked: Asked = field(default_factory=Asked)
    warnings: dict[str, str] = field(default_factory=dict)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record a collection error under its own node id."""
        if report.failed:
            self._add(report.nodeid, ItemResult("error", 0.0, report.longreprtext))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Merge the reports of set-up, call and teardown."""
        self.asked += asked_by(report)
        step, warning = warning_of(report)
        if warning:
            self.warnings[step] = warning
        self._add(report.nodeid, ItemResult(_outcome(report), report.duration, _message(report)))

    @property
    def counts(self) -> Mapping[str, int]:
        """The number of tests with each of the six outcomes."""
        return dict.fromkeys(_WORST_FIRST, 0) | Counter(result.outcome for result in self.tests.values())

    def _add(self, nodeid: str, new: ItemResult) -> None:
        old = self.tests.setdefault(nodeid, ItemResult(new.outcome))
        old.seconds += new.seconds
        new_rank, old_rank = _WORST_FIRST.index(new.outcome), _WORST_FIRST.index(old.outcome)
        if new_rank < old_rank or (new_rank == old_rank and not old.message):
            old.outcome, old.message = new.outcome, new.message[:_MAX_MESSAGE]


def collect_results(config: pytest.Config) -> None:
    """Register the plugin, unless that is done already or this is a worker of pytest-xdist."""
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
