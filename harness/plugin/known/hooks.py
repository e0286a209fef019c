"""pytest's side of known deviations: failures become expected ones, and lines that no longer hold fail the run."""

import os
from collections.abc import Generator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from _pytest.junitxml import xml_key  # as in reports.run

from harness.errors import ScenarioInvalid
from harness.matrix.evidence import Judgement
from harness.plugin.items import ScenarioItem
from harness.plugin.known.deviation import Deviation
from harness.plugin.known.file import deviations
from harness.plugin.known.scope import unmatched
from harness.plugin.lab import lab_of
from harness.plugin.reports.results import RESULTS
from harness.plugin.reports.tested import facts_of

_OUTPUT = "netpol_unmatched"
_PASSED = "passed, though {} expects it to fail: take the line away, or narrow its glob"
_DOUBTS = frozenset({Judgement.BROKEN, Judgement.UNPROVEN})
_DISAGREEMENTS = frozenset({Judgement.DISAGREES, Judgement.FLAPPING})


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
        found = unmatched(self._lines, [item.nodeid for item in items], config)
        self._unmatched.update({line.where: line.tests for line in found})

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn an expected failure into pytest's xfailed, and an unexpected pass into a failure."""
        report = yield
        if report.when != "call" or report.skipped or item.config.option.runxfail:
            return report
        line = self._line_for(item)
        if line and report.passed:
            report.outcome = "failed"
            report.longrepr = f"{_PASSED.format(line.where)}\n  {line}"
        elif line and _shows_a_deviation(item, call.excinfo):
            report.outcome = "skipped"
            report.wasxfail = str(line)
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

    def _line_for(self, item: pytest.Item) -> Deviation | None:
        """The first line that speaks of this test and of what carries its packets."""
        lines = [line for line in self._lines if line.matches(item.nodeid)]
        plugins = facts_of(lab_of(self._config)).plugins if any(line.dataplane for line in lines) else ()
        return next((line for line in lines if line.applies(plugins)), None)

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


def _shows_a_deviation(item: pytest.Item, raised: pytest.ExceptionInfo[BaseException] | None) -> bool:
    """Whether the network disagreed, or a test's assertion: nothing is excused where the lab may be broken."""
    if isinstance(item, ScenarioItem):
        judgements = {finding.judgement for finding in item.findings}
        return bool(judgements & _DISAGREEMENTS) and not judgements & _DOUBTS
    return raised is not None and isinstance(raised.value, AssertionError)


def _tell(config: pytest.Config, report: pytest.CollectReport) -> None:
    """Show an error at the end, where nothing is collected any more: on the terminal and in the reports."""
    terminal: Any = config.pluginmanager.get_plugin("terminalreporter")
    if terminal:
        terminal.stats.setdefault("error", []).append(report)
    for listener in (config.stash.get(xml_key, None), config.stash.get(RESULTS, None)):
        if listener:
            listener.pytest_collectreport(report)
