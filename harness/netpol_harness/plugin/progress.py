"""What the run is busy with, while it takes long: a spinner on a terminal, a line now and then in a log."""

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

_LOOK = 0.25  # seconds between two looks at what is being done
_PATIENCE = 4  # looks that something must last before it is worth a spinner
_PAUSE = 30.0  # seconds between two lines in a log


@dataclass(slots=True)
class Display:
    """Below pytest's own output, by a thread. Workers' doings show as well. A spinner leaves no trace."""

    lab: Lab
    out: TextIO
    done: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    @classmethod
    def watch(cls, config: pytest.Config) -> None:
        """Show, until the run ends, on standard error. pytest captures it later: hence the copy."""
        if hasattr(config, "workerinput") or (out := _standard_error()) is None:
            return
        if out.isatty() and config.getoption("verbose") < 0:
            out.close()
            return
        display = cls(lab_of(config), out)
        display.start()
        config.add_cleanup(display.stop)

    def start(self) -> None:
        """Begin to look."""
        show = self._show if self.out.isatty() else self._log
        self.thread = threading.Thread(target=show, name="progress", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Take the spinner away."""
        self.done.set()
        if self.thread:
            self.thread.join()
        self.out.close()

    def _show(self) -> None:
        seen = 0
        while not self.done.wait(_LOOK):
            seen = seen + 1 if self.lab.activities else 0
            if seen > _PATIENCE:
                self._spin()
                seen = 0

    def _log(self) -> None:
        """Tell of what lasts, in lines of their own. A log that says nothing looks like a run that hangs."""
        since = told = monotonic()
        while not self.done.wait(_LOOK):
            activities, now = self.lab.activities, monotonic()
            since = since if activities else now
            if now - max(since, told) >= _PAUSE:
                self.out.write(f"\nnetpol: after {now - since:.0f} s: {one_line('; '.join(activities))}\n")
                self.out.flush()
                told = now

    def _spin(self) -> None:
        from rich.console import Console  # 50 ms to import, and most runs have nothing to show
        from rich.status import Status
        from rich.text import Text

        console = Console(file=self.out)
        console.print()  # pytest's line stays as it is
        with Status("", console=console) as status:
            while (activities := self.lab.activities) and not self.done.wait(_LOOK):
                status.update(Text(escaped("\n  ".join(activities))))


def _standard_error() -> TextIO | None:
    """A copy of it; ``None`` where it is no file, as in a notebook."""
    try:
        return os.fdopen(os.dup(sys.stderr.fileno()), "w")
    except (AttributeError, OSError, ValueError):
        return None
