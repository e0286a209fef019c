"""Failures as pytest shows them: a message without a traceback, folded to the terminal, in colour, each shown once.

A worker of pytest-xdist sends its messages unfolded. The process that has the terminal renders them, so that a message
is shown once for all workers together.
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
from netpol_harness.report.message import FailureMessage
from netpol_harness.report.width import screen_width

_IS_OURS = "netpol_message"
"""Attribute of a report with one of our messages; it is sent from an xdist worker along with the report."""

MESSAGE_SECTION = "netpol: what was observed, and why"
"""Name of the section of a report that shows a message below a traceback."""

_LABELLED = re.compile(r"  (?P<label>[a-z]\w* *) (?=\S)")
_LABEL_COLUMNS = 13
"""Columns before the text of a labelled line."""

_LIST_INDENT = "    "
"""Indentation of a line that lists names."""

_COMMAND_LABEL = "repeat"
"""Label of the line with a command to paste, which is never folded."""

_RED_LABELS = ("observed", "missing")
"""Labels of the lines that say what is wrong."""


class FailureWithMessage(Failed):
    """A failure with a complete message, which needs no traceback."""

    def __init__(self, message: FailureMessage) -> None:
        self.message = message
        super().__init__(message.text, pytrace=False)


@contextmanager
def as_pytest_outcome() -> Iterator[None]:
    """Translate ``HarnessError`` to a failure without a traceback, and ``CapabilityMissing`` to a skip."""
    try:
        yield
    except CapabilityMissing as missing:
        raise pytest.skip.Exception(str(missing)) from None
    except HarnessError as error:
        raise FailureWithMessage(message_of(error)) from None


def message_of(error: Exception) -> FailureMessage:
    """Return an error's text as a failure message; its first line is the summary."""
    text = str(error)
    return FailureMessage(text.partition("\n")[0], text)


def attach_message(report: pytest.TestReport, excinfo: pytest.ExceptionInfo[BaseException] | None) -> None:
    """Replace the traceback of a report by the message, if the test failed with one."""
    if report.failed and excinfo and isinstance(excinfo.value, FailureWithMessage):
        setattr(report, _IS_OURS, True)
        report.longrepr = _unfolded(excinfo.value.message, *report.location[:2])


class FailureRenderer:
    """A plugin of the process that has the terminal: renders each message once, and refers to it in later reports."""

    def __init__(self) -> None:
        self._first_with: dict[str, str] = {}

    @classmethod
    def start(cls, config: pytest.Config) -> None:
        """Register the plugin, unless this is a worker of pytest-xdist."""
        if not hasattr(config, "workerinput"):
            config.pluginmanager.register(cls())

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Render the report's message, or refer to the test that has shown it, before any plugin prints or files it."""
        longrepr = report.longrepr
        if isinstance(longrepr, ExceptionRepr):
            _fold_sections(longrepr)
        if not hasattr(report, _IS_OURS) or not isinstance(longrepr, ReprExceptionInfo):
            return
        text = "\n".join(longrepr.reprtraceback.reprentries[0].lines)
        first = self._first_with.setdefault(text, report.nodeid)
        if first != report.nodeid and "\n" in text:
            head = text.partition("\n")[0]
            text = f"{head} (shown in full under {first})"
        report.longrepr = RenderedMessage(_traceback(text), longrepr.reprcrash)


class RenderedMessage(ReprExceptionInfo):
    """A message that is folded and coloured on the terminal; as plain text, such as for a file, it is not folded."""

    def __str__(self) -> str:
        return "\n".join([*self.reprtraceback.reprentries[0].lines, *(content for _, content, _ in self.sections)])

    def toterminal(self, tw: TerminalWriter) -> None:
        """Fold the lines, and colour those that say what is wrong."""
        width = screen_width()
        for number, line in enumerate(self.reprtraceback.reprentries[0].lines):
            tw.line(_folded(line, width), red=number == 0 or _label(line) in _RED_LABELS, bold=number == 0)
        for name, content, separator in self.sections:
            tw.sep(separator, name)
            tw.line(content)


def _fold_sections(longrepr: ExceptionRepr) -> None:
    """Fold the messages below the tracebacks of tests in Python."""
    width = screen_width()
    for number, (name, content, separator) in enumerate(longrepr.sections):
        if name == MESSAGE_SECTION:
            folded = "\n".join(_folded(line, width) for line in content.split("\n"))
            longrepr.sections[number] = (name, folded, separator)


def _unfolded(message: FailureMessage, file: str, line: int | None) -> ReprExceptionInfo:
    return ReprExceptionInfo(_traceback(message.text), ReprFileLocation(file, (line or 0) + 1, message.summary))


def _traceback(text: str) -> ReprTraceback:
    return ReprTraceback([ReprEntry(text.split("\n"), None, None, None, "value")], None, "value")


def _label(line: str) -> str:
    match = _LABELLED.match(line)
    return match["label"].rstrip() if match else ""


def _folded(line: str, width: int) -> str:
    """Fold a labelled line or a list of names to ``width`` columns, with a hanging indent. Names are never broken.

    Other lines are left to the terminal: they may hold a command to paste or YAML, which must stay in one piece.
    """
    label, lists_names = _label(line), line.startswith(_LIST_INDENT)
    is_block = line.startswith(" " * _LABEL_COLUMNS)
    if len(line) <= width or label == _COMMAND_LABEL or is_block or not (label or lists_names):
        return line
    indent = " " * (_LABEL_COLUMNS if label else len(_LIST_INDENT) + 2)
    return fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
