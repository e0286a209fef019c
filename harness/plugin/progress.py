"""What the run is busy with, on the terminal, while it takes long; nothing where nobody watches."""

import os
import sys
import threading
from dataclasses import dataclass, field
from typing import TextIO

import pytest

from harness.lab import Lab
from harness.plugin.options import LAB

_LOOK = 0.25  # seconds between two looks at what is being done
_PATIENCE = 4  # looks that something must last before it is worth a line


@dataclass(slots=True)
class Display:
    """A spinner below pytest's own output, drawn by a thread; it leaves no trace. Workers' doings show as well."""

    lab: Lab
    out: TextIO
    done: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    @classmethod
    def watch(cls, config: pytest.Config) -> None:
        """Show, until the run ends, where standard error is a terminal. pytest captures it later: hence the copy."""
        if hasattr(config, "workerinput") or not sys.stderr.isatty() or config.getoption("verbose") < 0:
            return
        display = cls(config.stash[LAB], os.fdopen(os.dup(sys.stderr.fileno()), "w"))
        display.thread = threading.Thread(target=display._show, name="progress", daemon=True)
        display.thread.start()
        config.add_cleanup(display.stop)

    def stop(self) -> None:
        """Take the spinner away."""
        self.done.set()
        if self.thread:
            self.thread.join()
        self.out.close()

    def _show(self) -> None:
        seen = 0
        while not self.done.wait(_LOOK):
            seen = seen + 1 if self.lab.doings else 0
            if seen > _PATIENCE:
                self._spin()
                seen = 0

    def _spin(self) -> None:
        from rich.console import Console  # 50 ms to import, and most runs have nothing to show
        from rich.status import Status

        console = Console(file=self.out)
        console.print()  # pytest's line stays as it is
        with Status("", console=console) as status:
            while (doings := self.lab.doings) and not self.done.wait(_LOOK):
                status.update("\n  ".join(doings))
