import io
from typing import TYPE_CHECKING

import pytest
from _pytest._io import TerminalWriter

from netpol_harness.errors import ClusterFailed
from netpol_harness.plugin.failure import FailureRenderer, FailureWithMessage, as_pytest_outcome, attach_message
from netpol_harness.report.message import FailureMessage

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

REPEAT = f"kubectl{' word' * 30}"
TEXT = "\n".join(
    [
        "a -> b:80: expected allowed, observed TIMED_OUT",
        "  observed   silence",
        f"  egress    {' reason' * 20}",
        f"  repeat     {REPEAT}",
    ]
)
STORY = FailureMessage("expected allowed, observed TIMED_OUT", TEXT)


def report_of(error: BaseException, nodeid: str = "scenario.yaml::open::a -> b:80") -> pytest.TestReport:
    """The report of an item that failed with this error, as the terminal's process receives it from a worker."""
    try:
        with as_pytest_outcome():
            raise error
    except FailureWithMessage:
        excinfo = pytest.ExceptionInfo.from_current()
    report = pytest.TestReport(nodeid, ("scenario.yaml", 5, "open: a -> b:80"), {}, "failed", None, "call")
    attach_message(report, excinfo)
    sent = pytest.TestReport._from_json(report._to_json())
    assert isinstance(sent, pytest.TestReport)
    return sent


def on_terminal(report: pytest.TestReport, *, colour: bool = False) -> list[str]:
    out = io.StringIO()
    writer = TerminalWriter(out)
    writer.hasmarkup = colour
    report.toterminal(writer)
    return out.getvalue().splitlines()


def test_the_short_summary_says_what_was_seen_and_not_the_test_again() -> None:
    crash = report_of(FailureWithMessage(STORY)).longrepr.reprcrash  # type: ignore[union-attr]
    assert (crash.path, crash.lineno, crash.message) == ("scenario.yaml", 6, STORY.summary)


def test_a_story_is_folded_to_the_terminal_but_for_the_line_to_paste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    report = report_of(FailureWithMessage(STORY))
    FailureRenderer().pytest_runtest_logreport(report)
    *folded, repeat = on_terminal(report)
    assert repeat == f"  repeat     {REPEAT}"
    assert len(folded) > len(TEXT.splitlines())
    assert max(map(len, folded)) <= 60
    assert folded[3].startswith(" " * 13 + "reason")


def test_a_message_of_the_lab_is_not_folded_since_it_may_hold_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    text = f"there is no namespace for team-b; add{' --namespace team-b=NAME' * 4}"
    report = report_of(ClusterFailed(text))
    FailureRenderer().pytest_runtest_logreport(report)
    assert on_terminal(report) == [text]


def test_text_for_files_is_not_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    report = report_of(FailureWithMessage(STORY))
    FailureRenderer().pytest_runtest_logreport(report)
    assert str(report.longrepr) == TEXT


def test_what_is_wrong_is_red_where_the_terminal_has_colours() -> None:
    report = report_of(FailureWithMessage(STORY))
    FailureRenderer().pytest_runtest_logreport(report)
    head, observed, egress, *_ = on_terminal(report, colour=True)
    assert "\x1b[31m" in head
    assert "\x1b[31m" in observed
    assert "\x1b[" not in egress
    assert "\x1b[" not in "".join(on_terminal(report))


def test_one_cause_is_told_in_full_once_and_then_in_a_line() -> None:
    telling, cause = FailureRenderer(), ClusterFailed("there is no cluster\nfor two reasons\nof two lines")
    reports = [report_of(cause, nodeid) for nodeid in ("first", "second", "third")]
    for report in reports:
        telling.pytest_runtest_logreport(report)
    assert on_terminal(reports[0]) == ["there is no cluster", "for two reasons", "of two lines"]
    for report in reports[1:]:
        assert on_terminal(report) == ["there is no cluster (shown in full under first)"]


def test_another_cause_is_told_in_full() -> None:
    telling = FailureRenderer()
    for text in ("pod a is not ready\nimage a", "pod a is not ready\nimage b"):
        report = report_of(ClusterFailed(text), text)
        telling.pytest_runtest_logreport(report)
        assert str(report.longrepr) == text


@pytest.mark.live
def test_a_failure_in_a_run_by_workers_is_told_once_without_a_traceback(
    demo: "Demo", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    demo.edit("client -> front:80: allowed", "client -> front:80: blocked")
    result = demo.run("demo", "-n", "1", "-k", "open", "--color", "no")
    told = result.stdout.str()
    result.stdout.fnmatch_lines(["FAILED demo/scenario.yaml::open::client -> front:80 - expected blocked, observed *"])
    assert told.count("client -> front:80: expected blocked, observed CONNECTED") == 1
    assert "Traceback" not in told
    assert "items.py" not in told
