"""The files of reports. One that cannot be written is reported at the end of the run, and changes no verdict."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

REPORTS = pytest.StashKey["ReportFiles"]()
_OUTPUT = "netpol_unwritten"
"""Key of what an xdist worker could not write, in its output for the controller."""


class ReportFiles:
    """The files of ``--report-dir``, and of other places that the user has named.

    Without a ``folder``, ``write`` does nothing. ``unwritten`` has one line for each file that could not be written.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.unwritten: list[str] = []

    def write(self, name: str, text: str) -> None:
        """Write the file ``name`` in the folder, completely or not at all."""
        if self.folder is None:
            return
        with self.recording_errors(name):
            self.folder.mkdir(parents=True, exist_ok=True)
            draft = self.folder / f".{name}.{os.getpid()}"
            try:
                draft.write_text(text, encoding="utf-8", errors="backslashreplace")
                draft.replace(self.folder / name)
            finally:
                draft.unlink(missing_ok=True)

    def append(self, file: Path, text: str) -> None:
        """Append to a file anywhere."""
        with self.recording_errors(str(file)), file.open("a", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)

    @contextmanager
    def recording_errors(self, what: str) -> Iterator[None]:
        """Record an ``OSError`` instead of raising it."""
        try:
            yield
        except OSError as error:
            self.unwritten.append(f"{what}: {error.strerror or error}")


def send_unwritten(config: pytest.Config) -> None:
    """Put the errors of a worker into its output for the controller."""
    output = getattr(config, "workeroutput", None)
    if output is not None:
        output[_OUTPUT] = config.stash[REPORTS].unwritten


def receive_unwritten(config: pytest.Config, output: dict[str, object]) -> None:
    """Take the errors of a worker from its output, in the controller."""
    lines = output.get(_OUTPUT)
    config.stash[REPORTS].unwritten += lines if isinstance(lines, list) else []


def show_unwritten(terminal: pytest.TerminalReporter) -> None:
    """Print each error once."""
    reports = terminal.config.stash[REPORTS]
    for line in dict.fromkeys(reports.unwritten):
        terminal.write_line(f"netpol: report not written: {line}", red=True)
