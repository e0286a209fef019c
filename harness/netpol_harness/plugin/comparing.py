"""Assertions on what was seen: the failure names what was seen, and below it the whole story is told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import pytest
from _pytest._code.code import ExceptionRepr, Traceback

import netpol_harness
from netpol_harness.errors import HarnessError
from netpol_harness.paths.outcome import Expected
from netpol_harness.plugin.seen import ObservedPath, ObservedTable
from netpol_harness.plugin.telling import STORY_SECTION
from netpol_harness.report.story import Story
from netpol_harness.report.world import table_story
from netpol_harness.results.evidence import Judgement
from netpol_harness.results.table import TruthTable


@dataclass(slots=True)
class Notes:
    """Of one test: headlines of comparisons that failed and their stories, and what the test was given last."""

    compared: list[tuple[str, Story]] = field(default_factory=list)
    last: ObservedPath | ObservedTable | None = None

    def stories(self, message: str) -> list[Story]:
        """What lies behind the assertion with this message: the comparisons that it names, or what was seen last."""
        named = [story for headline, story in self.compared if headline in message]
        last = self.last
        if named or last is None:
            return named
        wrong = last.wrong if isinstance(last, ObservedTable) else last.judgement is not Judgement.AGREES
        return [last.story] if wrong and last.story.text not in message else []


_NOTES = pytest.StashKey[Notes]()

_FIXTURES = {"cluster", "scenario", "probe", "truth_table"}
_HARNESS = Path(netpol_harness.__file__).parent


def compared(config: pytest.Config, op: str, left: object, right: object) -> list[str] | None:
    """The headline of a comparison of ours that failed, instead of pytest's own explanation."""
    try:
        told = _told(left, right) if op == "==" else None
    except HarnessError:
        return None
    if told is None:
        return None
    config.stash.setdefault(_NOTES, Notes()).compared.append(told)
    return [told[0]]


def noticing(config: pytest.Config) -> Callable[[ObservedPath | ObservedTable], None]:
    """What is to be told of everything that a test is given, so that it is known when the test fails."""

    def notice(seen: ObservedPath | ObservedTable) -> None:
        config.stash.setdefault(_NOTES, Notes()).last = seen

    return notice


def add_stories(report: pytest.TestReport, call: pytest.CallInfo[None], config: pytest.Config) -> None:
    """Put the stories of the assertion that ended the test below its traceback."""
    notes, config.stash[_NOTES] = config.stash.get(_NOTES, Notes()), Notes()
    if call.excinfo and call.excinfo.errisinstance(AssertionError) and isinstance(report.longrepr, ExceptionRepr):
        for story in notes.stories(str(call.excinfo.value)):
            report.longrepr.addsection(STORY_SECTION, story.text, "-")


def _told(left: object, right: object) -> tuple[str, Story] | None:
    seen, other = (right, left) if isinstance(right, ObservedPath | ObservedTable) else (left, right)
    if isinstance(seen, ObservedPath | ObservedTable) and isinstance(other, str):
        judged = seen.judged(Expected(other))
        name = str(judged) if isinstance(judged, ObservedPath) else "truth table"
        return f"{name}: {judged.story.summary}", judged.story
    if isinstance(left, tuple) and left and right in ((), []) and all(isinstance(cell, ObservedPath) for cell in left):
        story = table_story(TruthTable.of(left), left[0].story)
        return story.summary, story
    return None


def bare(item: pytest.Item, excinfo: pytest.ExceptionInfo[BaseException] | None) -> None:
    """Show an error of ours in a test that uses our fixtures without our own frames, unless the user wants them all."""
    if excinfo is None or not isinstance(excinfo.value, HarnessError) or item.config.getoption("fulltrace"):
        return
    if _FIXTURES & set(getattr(item, "fixturenames", ())):
        excinfo.value.__cause__, excinfo.value.__suppress_context__ = None, True
        excinfo.traceback = Traceback(_theirs(excinfo.tb) or excinfo.tb)


def _theirs(top: TracebackType | None) -> TracebackType | None:
    """The frames of a traceback that are not in this package."""
    if top is None:
        return None
    below = _theirs(top.tb_next)
    if Path(top.tb_frame.f_code.co_filename).is_relative_to(_HARNESS):
        return below
    return TracebackType(below, top.tb_frame, top.tb_lasti, top.tb_lineno)
