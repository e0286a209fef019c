"""The plugin of known deviations: turns failures into expected ones, and fails the run for outdated entries."""

import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from _pytest.junitxml import xml_key  # as in reports.run

from netpol_harness.backends.known.deviation import Deviation
from netpol_harness.backends.known.file import deviations
from netpol_harness.errors import ScenarioInvalid
from netpol_harness.plugin.known.parts import agreeing_ids, ids, shows_a_deviation, wrong_ids
from netpol_harness.plugin.known.scope import unmatched
from netpol_harness.plugin.lab import lab_of
from netpol_harness.plugin.reports.metadata import facts_of
from netpol_harness.plugin.reports.results import RESULTS

_OUTPUT = "netpol_unmatched"
_PASSED = "passed, but {} expects it to fail: remove that entry, or narrow its glob"


class KnownDeviations:
    """A plugin that applies entries, and collects those that match no test.

    ``is_complete``: an entry that matches no test is an error. Entries that are shipped with an agent are about this
    project's scenarios, and a run may be about others.
    """

    def __init__(self, deviations: Sequence[Deviation], config: pytest.Config, *, is_complete: bool = True) -> None:
        today = datetime.now(UTC).date()
        self._config = config
        self._is_complete = is_complete
        self._expired = [known for known in deviations if known.has_expired(today)]
        self._deviations = [known for known in deviations if not known.has_expired(today)]
        self._unmatched: dict[str, str] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Compare the entries with the tests before any of these are deselected."""
        if not self._is_complete:
            return
        without_tests = unmatched(self._deviations, [nodeid for item in items for nodeid in ids(item)], config)
        self._unmatched.update({known.where: known.tests for known in without_tests})

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn an expected failure into xfailed, and an unexpected pass into a failure."""
        report = yield
        if report.when != "call" or report.skipped or item.config.option.runxfail:
            return report
        if not (report.passed or shows_a_deviation(item, call.excinfo)):
            return report
        excuses, unexpected = ([], self._first(ids(item))) if report.passed else self._excuses(item)
        if unexpected and unexpected.is_strict:
            report.outcome = "failed"
            report.longrepr = f"{_PASSED.format(unexpected.where)}\n  {unexpected}"
        elif excuses:
            report.outcome = "skipped"
            report.wasxfail = "; ".join(dict.fromkeys(map(str, excuses)))
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the run for outdated entries; a worker leaves that to its controller."""
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[_OUTPUT] = self._unmatched
        elif not session.config.option.collectonly:
            self._report_outdated(session)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take the unmatched entries of a worker from its output."""
        self._unmatched.update(getattr(node, "workeroutput", {}).get(_OUTPUT, {}))

    def _deviations_for(self, nodeids: Iterable[str]) -> Iterator[Deviation]:
        """Yield for each id the first entry that names it and the cluster's dataplane, if there is one."""
        for nodeid in nodeids:
            matching = [known for known in self._deviations if known.matches(nodeid)]
            plugins = facts_of(lab_of(self._config)).plugins if any(known.dataplane for known in matching) else ()
            yield from islice((known for known in matching if known.applies(plugins)), 1)

    def _first(self, nodeids: Iterable[str]) -> Deviation | None:
        return next(self._deviations_for(nodeids), None)

    def _excuses(self, item: pytest.Item) -> tuple[list[Deviation], Deviation | None]:
        """Return the entries that expect all that is wrong with a test, and one that expects a correct cell to fail.

        There are no excuses if the entries do not expect all of it.
        """
        if of_item := self._first([item.nodeid]):
            return [of_item], None
        wrong = wrong_ids(item)
        excuses = list(self._deviations_for(wrong))
        return (excuses, self._first(agreeing_ids(item))) if len(excuses) == len(wrong) else ([], None)

    def _report_outdated(self, session: pytest.Session) -> None:
        expired = {
            known.where: f"this known deviation expired on {known.expires}: check whether it still holds, then set "
            f"another date or remove the entry\n  {known.tests}\n  {known}"
            for known in self._expired
        }
        without_tests = {
            where: f"this known deviation matches no test: correct its glob, or remove the entry\n  {tests}"
            for where, tests in self._unmatched.items()
        }
        for where, message in (expired | without_tests).items():
            _show_error(session.config, pytest.CollectReport(where, "failed", message, []))
        if (expired or without_tests) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def register(config: pytest.Config, file: Path, *, is_complete: bool = True) -> None:
    """Apply the entries of ``file`` to this run (``KnownDeviations``). Raises ``UsageError`` for an invalid file."""
    try:
        entries = deviations(file, os.path.relpath(file, config.invocation_params.dir))
    except ScenarioInvalid as invalid:
        raise pytest.UsageError(str(invalid)) from None
    config.pluginmanager.register(KnownDeviations(entries, config, is_complete=is_complete))


def _show_error(config: pytest.Config, report: pytest.CollectReport) -> None:
    """Report an error after the collection: on the terminal and in the reports."""
    terminal: Any = config.pluginmanager.get_plugin("terminalreporter")
    if terminal:
        terminal.stats.setdefault("error", []).append(report)
    for listener in (config.stash.get(xml_key, None), config.stash.get(RESULTS, None)):
        if listener:
            listener.pytest_collectreport(report)
