"""The only one who writes reports. What cannot be written is told at the end of the run, and costs no verdict."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

REPORTS = pytest.StashKey["ReportFiles"]()
_OUTPUT = "netpol_unwritten"
"""Where an xdist worker leaves what it could not write, for the controller."""


class ReportFiles:
    """The files of ``--report-dir``, and those that the run was told to write elsewhere.

    ``folder`` is ``None`` where the user wants none: then ``write`` does nothing. ``unwritten`` holds one line for each
    thing that could not be written.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.unwritten: list[str] = []

    def write(self, name: str, text: str) -> None:
        """Put ``text`` into the folder's file ``name``, all of it or nothing."""
        if self.folder is None:
            return
        with self.attempted(name):
            self.folder.mkdir(parents=True, exist_ok=True)
            draft = self.folder / f".{name}.{os.getpid()}"
            try:
                draft.write_text(text, encoding="utf-8", errors="backslashreplace")
                draft.replace(self.folder / name)
            finally:
                draft.unlink(missing_ok=True)

    def append(self, file: Path, text: str) -> None:
        """Add ``text`` to the end of any file."""
        with self.attempted(str(file)), file.open("a", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)

    @contextmanager
    def attempted(self, what: str) -> Iterator[None]:
        """Go on where the operating system refuses what is done here, and remember it."""
        try:
            yield
        except OSError as error:
            self.unwritten.append(f"{what}: {error.strerror or error}")


def hand_over(config: pytest.Config) -> None:
    """A worker's: leave what could not be written for the controller."""
    output = getattr(config, "workeroutput", None)
    if output is not None:
        output[_OUTPUT] = config.stash[REPORTS].unwritten


def take_over(config: pytest.Config, output: dict[str, object]) -> None:
    """The controller's: what a worker has left."""
    left = output.get(_OUTPUT)
    config.stash[REPORTS].unwritten += left if isinstance(left, list) else []


def tell_unwritten(terminal: pytest.TerminalReporter) -> None:
    """Say what is missing, once each."""
    reports = terminal.config.stash[REPORTS]
    for line in dict.fromkeys(reports.unwritten):
        terminal.write_line(f"netpol: report not written: {line}", red=True)
