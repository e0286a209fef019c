"""pytest's side of known deviations: failures become expected ones, and lines that no longer hold fail the run."""

import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from _pytest.junitxml import xml_key  # as in reports.run

from netpol_harness.errors import ScenarioInvalid
from netpol_harness.plugin.known.deviation import Deviation
from netpol_harness.plugin.known.file import deviations
from netpol_harness.plugin.known.parts import agreeing_ids, ids, shows_a_deviation, wrong_ids
from netpol_harness.plugin.known.scope import unmatched
from netpol_harness.plugin.lab import lab_of
from netpol_harness.plugin.reports.results import RESULTS
from netpol_harness.plugin.reports.tested import facts_of

_OUTPUT = "netpol_unmatched"
_PASSED = "passed, though {} expects it to fail: take the line away, or narrow its glob"


class Known:
    """The lines of the file, and which of them were found to match nothing. A plugin of pytest."""

    def __init__(self, lines: Sequence[Deviation], config: pytest.Config) -> None:
        today = datetime.now(UTC).date()
        self._config = config
        self._expired = [line for line in lines if line.has_expired(today)]
        self._lines = [line for line in lines if not line.has_expired(today)]
        self._unmatched: dict[str, str] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Look at the tests before anybody selects some of them."""
        found = unmatched(self._lines, [nodeid for item in items for nodeid in ids(item)], config)
        self._unmatched.update({line.where: line.tests for line in found})

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn an expected failure into pytest's xfailed, and an unexpected pass into a failure."""
        report = yield
        if report.when != "call" or report.skipped or item.config.option.runxfail:
            return report
        if not (report.passed or shows_a_deviation(item, call.excinfo)):
            return report
        excuses, unexpected = ([], self._first(ids(item))) if report.passed else self._reading(item)
        if unexpected:
            report.outcome = "failed"
            report.longrepr = f"{_PASSED.format(unexpected.where)}\n  {unexpected}"
        elif excuses:
            report.outcome = "skipped"
            report.wasxfail = "; ".join(dict.fromkeys(map(str, excuses)))
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the run for lines that no longer hold; a worker leaves that to its controller."""
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[_OUTPUT] = self._unmatched
        elif not session.config.option.collectonly:
            self._condemn(session)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker has found."""
        self._unmatched.update(getattr(node, "workeroutput", {}).get(_OUTPUT, {}))

    def _lines_for(self, nodeids: Iterable[str]) -> Iterator[Deviation]:
        """For each id the first line that speaks of it and of what carries its packets, where there is one."""
        for nodeid in nodeids:
            lines = [line for line in self._lines if line.matches(nodeid)]
            plugins = facts_of(lab_of(self._config)).plugins if any(line.dataplane for line in lines) else ()
            yield from islice((line for line in lines if line.applies(plugins)), 1)

    def _first(self, nodeids: Iterable[str]) -> Deviation | None:
        return next(self._lines_for(nodeids), None)

    def _reading(self, item: pytest.Item) -> tuple[list[Deviation], Deviation | None]:
        """Of a test that failed: the lines that expect all that is wrong, and one that expects what is not wrong.

        There are no lines where they do not expect all of it.
        """
        if whole := self._first([item.nodeid]):
            return [whole], None
        wrong = wrong_ids(item)
        lines = list(self._lines_for(wrong))
        return (lines, self._first(agreeing_ids(item))) if len(lines) == len(wrong) else ([], None)

    def _condemn(self, session: pytest.Session) -> None:
        expired = {
            line.where: f"this known deviation has expired on {line.expires}: look whether it still holds, then set "
            f"another date or take the line away\n  {line.tests}\n  {line}"
            for line in self._expired
        }
        nothing = {
            where: f"this known deviation matches no test: correct its glob, or take the line away\n  {tests}"
            for where, tests in self._unmatched.items()
        }
        for where, message in (expired | nothing).items():
            _tell(session.config, pytest.CollectReport(where, "failed", message, []))
        if (expired or nothing) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def register(config: pytest.Config, file: Path) -> None:
    """Have the lines of ``file`` apply to this run. ``UsageError`` where the file says something that cannot be."""
    try:
        lines = deviations(file, os.path.relpath(file, config.invocation_params.dir))
    except ScenarioInvalid as invalid:
        raise pytest.UsageError(str(invalid)) from None
    config.pluginmanager.register(Known(lines, config))


def _tell(config: pytest.Config, report: pytest.CollectReport) -> None:
    """Show an error at the end, where nothing is collected any more: on the terminal and in the reports."""
    terminal: Any = config.pluginmanager.get_plugin("terminalreporter")
    if terminal:
        terminal.stats.setdefault("error", []).append(report)
    for listener in (config.stash.get(xml_key, None), config.stash.get(RESULTS, None)):
        if listener:
            listener.pytest_collectreport(report)
