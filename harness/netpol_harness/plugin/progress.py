"""Progress of activities that take long: a spinner on a terminal, and a line every 30 s in a log."""

import os
import sys
import threading
from dataclasses import dataclass, field
from time import monotonic
from typing import TextIO

import pytest

from netpol_harness.escape import escaped, one_line
from netpol_harness.lab import Lab
from netpol_harness.plugin.lab import lab_of

_INTERVAL = 0.25  # seconds between two looks at the activities
_LOOKS_BEFORE_SPINNER = 4
_LOG_INTERVAL = 30.0  # seconds between two lines in a log


@dataclass(slots=True)
class Display:
    """A thread that shows the activities of this process and its workers below pytest's output."""

    lab: Lab
    out: TextIO
    done: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    @classmethod
    def watch(cls, config: pytest.Config) -> None:
        """Show the activities on standard error until the run ends. Uses a copy of it, because pytest captures it
        later.
        """
        if hasattr(config, "workerinput") or (out := _standard_error()) is None:
            return
        if out.isatty() and config.getoption("verbose") < 0:
            out.close()
            return
        display = cls(lab_of(config), out)
        display.start()
        config.add_cleanup(display.stop)

    def start(self) -> None:
        """Start the thread."""
        show = self._show if self.out.isatty() else self._log
        self.thread = threading.Thread(target=show, name="progress", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Remove the spinner and end the thread."""
        self.done.set()
        if self.thread:
            self.thread.join()
        self.out.close()

    def _show(self) -> None:
        looks = 0
        while not self.done.wait(_INTERVAL):
            looks = looks + 1 if self.lab.activities else 0
            if looks > _LOOKS_BEFORE_SPINNER:
                self._spin()
                looks = 0

    def _log(self) -> None:
        """Write a line now and then: without output, a run in a log looks as if it hangs."""
        since = last_line = monotonic()
        while not self.done.wait(_INTERVAL):
            activities, now = self.lab.activities, monotonic()
            since = since if activities else now
            if now - max(since, last_line) >= _LOG_INTERVAL:
                self.out.write(f"\nnetpol: after {now - since:.0f} s: {one_line('; '.join(activities))}\n")
                self.out.flush()
                last_line = now

    def _spin(self) -> None:
        from rich.console import Console  # 50 ms to import, and most runs have nothing to show
        from rich.status import Status
        from rich.text import Text

        console = Console(file=self.out)
        console.print()  # pytest's line stays as it is
        with Status("", console=console) as status:
            while (activities := self.lab.activities) and not self.done.wait(_INTERVAL):
                status.update(Text(escaped("\n  ".join(activities))))


def _standard_error() -> TextIO | None:
    """Return a copy of standard error; ``None`` if it is not a file, as in a notebook."""
    try:
        return os.fdopen(os.dup(sys.stderr.fileno()), "w")
    except (AttributeError, OSError, ValueError):
        return None
