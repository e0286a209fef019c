"""Failed assertions on observed results: a headline in pytest's own message, and all of the message below it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import pytest
from _pytest._code.code import ExceptionRepr, Traceback

from netpol_harness.errors import HarnessError
from netpol_harness.paths.outcome import Expected
from netpol_harness.plugin.failure import MESSAGE_SECTION
from netpol_harness.plugin.observed import ObservedPath, ObservedTable
from netpol_harness.report.closed_world import table_message
from netpol_harness.report.message import FailureMessage
from netpol_harness.results.evidence import Judgement
from netpol_harness.results.table import TruthTable


@dataclass(slots=True)
class AssertionNotes:
    """Notes on one test: the headline and message of each failed comparison, and the last result that it received."""

    failed: list[tuple[str, FailureMessage]] = field(default_factory=list)
    last: ObservedPath | ObservedTable | None = None

    def messages(self, assertion: str) -> list[FailureMessage]:
        """Return the messages for an assertion's text: of the comparisons that it names, else of the last result."""
        named = [message for headline, message in self.failed if headline in assertion]
        last = self.last
        if named or last is None:
            return named
        wrong = last.wrong if isinstance(last, ObservedTable) else last.judgement is not Judgement.AGREES
        return [last.message] if wrong and last.message.text not in assertion else []


_NOTES = pytest.StashKey[AssertionNotes]()

_FIXTURES = {"cluster", "scenario", "probe", "truth_table"}
_PACKAGE = Path(__file__).parents[1]


def explain_comparison(config: pytest.Config, op: str, left: object, right: object) -> list[str] | None:
    """Return the headline of a failed comparison with a result; ``None`` leaves the explanation to pytest."""
    try:
        explanation = _explanation(left, right) if op == "==" else None
    except HarnessError:
        return None
    if explanation is None:
        return None
    config.stash.setdefault(_NOTES, AssertionNotes()).failed.append(explanation)
    return [explanation[0]]


def note_results(config: pytest.Config) -> Callable[[ObservedPath | ObservedTable], None]:
    """Return a callback that notes each result that a test receives, in case that the test fails."""

    def note(result: ObservedPath | ObservedTable) -> None:
        config.stash.setdefault(_NOTES, AssertionNotes()).last = result

    return note


def add_messages(report: pytest.TestReport, call: pytest.CallInfo[None], config: pytest.Config) -> None:
    """Add the messages for the assertion that ended a test to its report, below the traceback."""
    notes, config.stash[_NOTES] = config.stash.get(_NOTES, AssertionNotes()), AssertionNotes()
    if call.excinfo and call.excinfo.errisinstance(AssertionError) and isinstance(report.longrepr, ExceptionRepr):
        for message in notes.messages(str(call.excinfo.value)):
            report.longrepr.addsection(MESSAGE_SECTION, message.text, "-")


def _explanation(left: object, right: object) -> tuple[str, FailureMessage] | None:
    result, other = (right, left) if isinstance(right, ObservedPath | ObservedTable) else (left, right)
    if isinstance(result, ObservedPath | ObservedTable) and isinstance(other, str):
        judged = result.judged(Expected(other))
        name = str(judged) if isinstance(judged, ObservedPath) else "truth table"
        return f"{name}: {judged.message.summary}", judged.message
    if isinstance(left, tuple) and left and right in ((), []) and all(isinstance(cell, ObservedPath) for cell in left):
        message = table_message(TruthTable.of(left), left[0].message)
        return message.summary, message
    return None


def hide_frames(item: pytest.Item, excinfo: pytest.ExceptionInfo[BaseException] | None) -> None:
    """Remove the harness's own frames from a HarnessError in a test that uses the fixtures, unless ``--full-trace``."""
    if excinfo is None or not isinstance(excinfo.value, HarnessError) or item.config.getoption("fulltrace"):
        return
    if _FIXTURES & set(getattr(item, "fixturenames", ())):
        excinfo.value.__cause__, excinfo.value.__suppress_context__ = None, True
        excinfo.traceback = Traceback(_frames_of_test(excinfo.tb) or excinfo.tb)


def _frames_of_test(top: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of this package."""
    if top is None:
        return None
    below = _frames_of_test(top.tb_next)
    if Path(top.tb_frame.f_code.co_filename).is_relative_to(_PACKAGE):
        return below
    return TracebackType(below, top.tb_frame, top.tb_lasti, top.tb_lineno)
