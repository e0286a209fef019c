"""The hooks of a run that needs a cluster, in addition to those of ``plugin``."""

from collections.abc import Generator

import pytest

from netpol_harness.errors import CapabilityMissing
from netpol_harness.lab import Lab
from netpol_harness.plugin.assertions import add_messages, explain_comparison, hide_frames
from netpol_harness.plugin.failure import FailureRenderer, attach_message
from netpol_harness.plugin.items import ScenarioItem
from netpol_harness.plugin.known.hooks import register
from netpol_harness.plugin.lab import lab_of
from netpol_harness.plugin.notes import attach_notes
from netpol_harness.plugin.reports.files import REPORTS, ReportFiles, receive_unwritten, send_unwritten, show_unwritten
from netpol_harness.plugin.reports.results import collect_results
from netpol_harness.plugin.reports.run import write_run_reports
from netpol_harness.plugin.summary import attach_summary, save_logs, summarize


def start(config: pytest.Config, lab: Lab) -> None:
    """Register the hooks."""
    config.stash[REPORTS] = ReportFiles(lab.settings.report)
    collect_results(config)
    FailureRenderer.start(config)
    config.pluginmanager.register(Hooks())
    if known := lab.known_deviations:
        register(config, known, is_complete=False)


class Hooks:
    """The plugin with the hooks."""

    def pytest_assertrepr_compare(
        self, config: pytest.Config, op: str, left: object, right: object
    ) -> list[str] | None:
        """Explain a failed comparison with a result."""
        return explain_comparison(config, op, left, right)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None, None, None]:
        """Skip a test that asks for a capability which the cluster lacks."""
        try:
            return (yield)
        except CapabilityMissing as missing:
            raise pytest.skip.Exception(str(missing)) from None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach to the report what the summary needs; end the run if nothing that follows could count."""
        hide_frames(item, call.excinfo)
        report = yield
        attach_message(report, call.excinfo)
        add_messages(report, call, item.config)
        if isinstance(item, ScenarioItem):
            attach_summary(report, item)
            attach_notes(report, item)
        lab = lab_of(item.config)
        if lab.canary.has_failed:
            item.session.shouldfail = "no verdict on this cluster means anything; see the canary's error"
        elif report.failed and (failure := lab.failure):
            report.sections.append(("cluster", failure))
            item.session.shouldfail = "the cluster has failed; see the section 'cluster' of the error"
        return report

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the reports and, after a failure, the cluster's logs.

        This is called before JUnit's file is written, because its plugin is registered earlier.
        """
        if exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            with session.config.stash[REPORTS].recording_errors("the cluster's logs"):
                save_logs(session.config)
        write_run_reports(session.config, session.exitstatus)
        send_unwritten(session.config)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node) -> None:  # type: ignore[no-untyped-def]  # xdist's WorkerController has no types
        """Receive the errors of a worker."""
        receive_unwritten(node.config, getattr(node, "workeroutput", {}))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the summary."""
        summarize(terminalreporter)
        show_unwritten(terminalreporter)
