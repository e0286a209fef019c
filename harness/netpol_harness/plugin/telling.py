"""Stories as pytest shows them: no traceback, folded to the terminal, what is wrong in colour, each told once.

A worker of pytest-xdist sends its stories as they are. The process that has the terminal folds and paints them, so that
a story is told once for all workers together.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import fill

import pytest
from _pytest._code.code import ExceptionRepr, ReprEntry, ReprExceptionInfo, ReprFileLocation, ReprTraceback
from _pytest._io import TerminalWriter
from _pytest.outcomes import Failed

from netpol_harness.errors import CapabilityMissing, HarnessError
from netpol_harness.report.story import Story
from netpol_harness.report.width import screen_width

_OURS = "netpol_story"
"""Attribute of a report whose message is one of our stories; it survives the way from an xdist worker."""

STORY_SECTION = "netpol: what was seen, and why"
"""Name of the section of a report that tells a story below a traceback."""

_LABELLED = re.compile(r"  (?P<label>[a-z]\w* *) (?=\S)")
_LABELS = 13
"""Columns before the text of a labelled line."""

_NAMES = "    "
"""What begins a list of names."""

_AS_TYPED = "repeat"
"""Label of the line that is for pasting, and so is never folded."""

_WRONG = ("observed", "lost")
"""Labels of lines that say what is wrong."""


class FailureWithStory(Failed):
    """A failure whose story is finished: it needs no traceback."""

    def __init__(self, story: Story) -> None:
        self.story = story
        super().__init__(story.text, pytrace=False)


@contextmanager
def as_pytest_outcome() -> Iterator[None]:
    """The harness's own errors as pytest shows them best: their message, without a traceback; a lack as a skip."""
    try:
        yield
    except CapabilityMissing as lack:
        raise pytest.skip.Exception(str(lack)) from None
    except HarnessError as error:
        raise FailureWithStory(of(error)) from None


def of(error: Exception) -> Story:
    """The story that an error's message is."""
    text = str(error)
    return Story(text.partition("\n")[0], text)


def mark(report: pytest.TestReport, excinfo: pytest.ExceptionInfo[BaseException] | None) -> None:
    """Where a test failed with a story, give its report this instead of a traceback."""
    if report.failed and excinfo and isinstance(excinfo.value, FailureWithStory):
        setattr(report, _OURS, True)
        report.longrepr = _plain(excinfo.value.story, *report.location[:2])


class FailureRenderer:
    """In the process that has the terminal: every story is told once, and the tests that share it refer to it."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    @classmethod
    def start(cls, config: pytest.Config) -> None:
        """Do so in this run; a worker of pytest-xdist only sends what is to be told."""
        if not hasattr(config, "workerinput"):
            config.pluginmanager.register(cls())

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Before anybody prints or files the report, paint its story or refer to the one that was told."""
        plain = report.longrepr
        if isinstance(plain, ExceptionRepr):
            _fold_sections(plain)
        if not hasattr(report, _OURS) or not isinstance(plain, ReprExceptionInfo):
            return
        text = "\n".join(plain.reprtraceback.reprentries[0].lines)
        first = self._told.setdefault(text, report.nodeid)
        if first != report.nodeid and "\n" in text:
            head = text.partition("\n")[0]
            text = f"{head} (told in full under {first})"
        report.longrepr = Painted(_traceback(text), plain.reprcrash)


class Painted(ReprExceptionInfo):
    """A story on the terminal; as plain text, such as for a file, it is not folded."""

    def __str__(self) -> str:
        return "\n".join([*self.reprtraceback.reprentries[0].lines, *(content for _, content, _ in self.sections)])

    def toterminal(self, tw: TerminalWriter) -> None:
        """Fold and paint."""
        width = screen_width()
        for number, line in enumerate(self.reprtraceback.reprentries[0].lines):
            tw.line(_folded(line, width), red=number == 0 or _label(line) in _WRONG, bold=number == 0)
        for name, content, separator in self.sections:
            tw.sep(separator, name)
            tw.line(content)


def _fold_sections(plain: ExceptionRepr) -> None:
    """Stories below tracebacks, of tests in Python."""
    width = screen_width()
    for number, (name, content, separator) in enumerate(plain.sections):
        if name == STORY_SECTION:
            folded = "\n".join(_folded(line, width) for line in content.split("\n"))
            plain.sections[number] = (name, folded, separator)


def _plain(story: Story, file: str, line: int | None) -> ReprExceptionInfo:
    return ReprExceptionInfo(_traceback(story.text), ReprFileLocation(file, (line or 0) + 1, story.summary))


def _traceback(text: str) -> ReprTraceback:
    return ReprTraceback([ReprEntry(text.split("\n"), None, None, None, "value")], None, "value")


def _label(line: str) -> str:
    found = _LABELLED.match(line)
    return found["label"].rstrip() if found else ""


def _folded(line: str, width: int) -> str:
    """A line in ``width`` columns: what goes on stands below its text. Names are never broken.

    Lines without a label are left to the terminal: they may hold a command to paste, which must stay in one piece.
    """
    label, lists_names = _label(line), line.startswith(_NAMES)
    if len(line) <= width or label == _AS_TYPED or not (label or lists_names):
        return line
    indent = " " * (_LABELS if label else len(_NAMES) + 2)
    return fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
