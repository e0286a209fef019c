import io
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from netpol_harness.deadline import Deadline
from netpol_harness.plugin import progress
from netpol_harness.plugin.progress import Display


@dataclass
class Busy:
    """A lab that does the same thing all the time."""

    activities: tuple[str, ...]


class Terminal(io.StringIO):
    """Keeps what was written when it is closed, and knows when something is."""

    def __init__(self, *, tty: bool = True) -> None:
        super().__init__()
        self.tty = tty
        self.written = threading.Event()
        self.said = ""

    def write(self, text: str) -> int:
        self.said += text
        if "cluster" in self.said:
            self.written.set()
        return super().write(text)

    def isatty(self) -> bool:
        return self.tty


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_LOOK", 0.005)
    monkeypatch.setenv("TERM", "xterm")


def shown(activities: tuple[str, ...], seconds: float, *, tty: bool = True) -> str:
    """What a terminal, or a log, is shown within this time, or before if there is anything."""
    terminal = Terminal(tty=tty)
    display = Display(Busy(activities), terminal)  # type: ignore[arg-type]
    display.start()
    terminal.written.wait(Deadline(seconds).remaining)
    display.stop()
    return terminal.said


def test_what_takes_long_is_shown_on_a_line_of_its_own() -> None:
    said = shown(("making cluster demo",), 10.0)
    assert said.startswith("\n")
    assert "making cluster demo" in said


def test_where_nothing_takes_long_nothing_is_shown() -> None:
    assert shown((), 0.1) == ""


def test_in_a_log_what_takes_long_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_PAUSE", 0.05)
    said = shown(("making cluster demo", "pulling"), 10.0, tty=False)
    assert re.match(r"\nnetpol: after \d+ s: making cluster demo; pulling\n", said)
    assert "\x1b" not in said


def test_a_log_is_not_told_of_what_is_short() -> None:
    assert shown(("making cluster demo",), 0.1, tty=False) == ""


@dataclass
class Config:
    """As much of pytest's as is asked."""

    cleanups: list[Callable[[], None]] = field(default_factory=list)

    def getoption(self, name: str) -> int:
        return 0

    def add_cleanup(self, cleanup: Callable[[], None]) -> None:
        self.cleanups.append(cleanup)


@pytest.mark.parametrize("stream", [io.StringIO(), None])
def test_without_a_real_standard_error_nothing_is_shown(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO | None
) -> None:
    monkeypatch.setattr("sys.stderr", stream)
    config = Config()
    Display.watch(config)  # type: ignore[arg-type]
    assert not config.cleanups
