"""Failed assertions on observed results: a headline in pytest's message, and the story in a section below it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import pytest
from _pytest._code.code import ExceptionRepr, Traceback

from netpol_harness.errors import HarnessError
from netpol_harness.paths.outcome import Expected
from netpol_harness.plugin.observed import ObservedPath, ObservedTable
from netpol_harness.plugin.telling import STORY_SECTION
from netpol_harness.report.story import Story
from netpol_harness.report.world import table_story
from netpol_harness.results.evidence import Judgement
from netpol_harness.results.table import TruthTable


@dataclass(slots=True)
class AssertionNotes:
    """Notes on one test: the headline and story of each failed comparison, and the last result that it received."""

    failed: list[tuple[str, Story]] = field(default_factory=list)
    last: ObservedPath | ObservedTable | None = None

    def stories(self, message: str) -> list[Story]:
        """Return the stories behind an assertion message: of the comparisons that it names, else of the last result."""
        named = [story for headline, story in self.failed if headline in message]
        last = self.last
        if named or last is None:
            return named
        wrong = last.wrong if isinstance(last, ObservedTable) else last.judgement is not Judgement.AGREES
        return [last.story] if wrong and last.story.text not in message else []


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


def add_stories(report: pytest.TestReport, call: pytest.CallInfo[None], config: pytest.Config) -> None:
    """Add the stories behind the assertion that ended a test to its report, below the traceback."""
    notes, config.stash[_NOTES] = config.stash.get(_NOTES, AssertionNotes()), AssertionNotes()
    if call.excinfo and call.excinfo.errisinstance(AssertionError) and isinstance(report.longrepr, ExceptionRepr):
        for story in notes.stories(str(call.excinfo.value)):
            report.longrepr.addsection(STORY_SECTION, story.text, "-")


def _explanation(left: object, right: object) -> tuple[str, Story] | None:
    result, other = (right, left) if isinstance(right, ObservedPath | ObservedTable) else (left, right)
    if isinstance(result, ObservedPath | ObservedTable) and isinstance(other, str):
        judged = result.judged(Expected(other))
        name = str(judged) if isinstance(judged, ObservedPath) else "truth table"
        return f"{name}: {judged.story.summary}", judged.story
    if isinstance(left, tuple) and left and right in ((), []) and all(isinstance(cell, ObservedPath) for cell in left):
        story = table_story(TruthTable.of(left), left[0].story)
        return story.summary, story
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
