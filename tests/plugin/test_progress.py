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
    """A lab with activities that do not end."""

    activities: tuple[str, ...]


class Terminal(io.StringIO):
    """Keeps its output when it is closed, and knows when there is any."""

    def __init__(self, *, tty: bool = True) -> None:
        super().__init__()
        self.tty = tty
        self.written = threading.Event()
        self.output = ""

    def write(self, text: str) -> int:
        self.output += text
        if "cluster" in self.output:
            self.written.set()
        return super().write(text)

    def isatty(self) -> bool:
        return self.tty


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_INTERVAL", 0.005)
    monkeypatch.setenv("TERM", "xterm")


def shown(activities: tuple[str, ...], seconds: float, *, tty: bool = True) -> str:
    """Return the output to a terminal, or to a log, within this time; ends as soon as there is any."""
    terminal = Terminal(tty=tty)
    display = Display(Busy(activities), terminal)  # type: ignore[arg-type]
    display.start()
    terminal.written.wait(Deadline(seconds).remaining)
    display.stop()
    return terminal.output


def test_a_long_activity_is_shown_on_its_own_line() -> None:
    output = shown(("making cluster demo",), 10.0)
    assert output.startswith("\n")
    assert "making cluster demo" in output


def test_without_an_activity_nothing_is_shown() -> None:
    assert shown((), 0.1) == ""


def test_a_long_activity_is_logged_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_LOG_INTERVAL", 0.05)
    output = shown(("making cluster demo", "pulling"), 10.0, tty=False)
    assert re.match(r"\nnetpol: after \d+ s: making cluster demo; pulling\n", output)
    assert "\x1b" not in output


def test_a_short_activity_is_not_logged() -> None:
    assert shown(("making cluster demo",), 0.1, tty=False) == ""


@dataclass
class Config:
    """The methods of pytest's configuration that are called."""

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
