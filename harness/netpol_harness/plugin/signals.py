"""SIGTERM and SIGHUP, of a cancelled job and a closed terminal: they end a run as Ctrl-C does, with all clean-up.

A signal that has another handler, or that is ignored (``nohup``), is left alone. Once the run is ending for any reason,
further signals are ignored: CI runners send several, and the removal of a cluster takes some seconds.
"""

import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType

import pytest

from netpol_harness.plugin.workers import worker_processes

_HANDLED = (signal.SIGTERM, signal.SIGHUP)
_SIGNALS = pytest.StashKey["Signals"]()


class Terminated(KeyboardInterrupt):
    """A signal has ended the run."""


@dataclass(slots=True, eq=False)  # pytest hashes its plugins
class Signals:
    """A plugin that handles those of the signals that have no other handler.

    ``received``: a signal has ended the run. ``workers`` are the processes of xdist's workers, which get SIGTERM as
    well: without it they continue for five seconds, and a cancelled job is killed soon.
    """

    received: bool = False
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    handled: list[signal.Signals] = field(default_factory=list)

    def install(self) -> None:
        """Install the handlers."""
        self.handled = [number for number in _HANDLED if signal.getsignal(number) is signal.SIG_DFL]
        self._handle(self._end)

    def ignore(self) -> None:
        """Ignore the signals from now on: nothing may interrupt the clean-up."""
        self._handle(signal.SIG_IGN)

    def restore(self) -> None:
        """Restore the handlers that the process had before."""
        self._handle(signal.SIG_DFL)

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self) -> None:
        """Ignore the signals after Ctrl-C as well, and end the workers."""
        self.ignore()
        for worker in self.workers:
            worker.send_signal(signal.SIGTERM)

    def _handle(self, handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
        for number in self.handled:
            signal.signal(number, handler)

    def _end(self, number: int, _: FrameType | None) -> None:
        self.received = True
        self.ignore()
        raise Terminated(f"ended by {signal.Signals(number).name}; what the run has created is being removed")


def close_at_exit(config: pytest.Config, close: Callable[[], None]) -> None:
    """Call ``close`` when pytest ends, also if it is ended by one of the signals."""
    signals = config.stash[_SIGNALS] = Signals(workers=worker_processes(config))
    config.pluginmanager.register(signals)
    if threading.current_thread() is threading.main_thread():
        signals.install()
    config.add_cleanup(signals.restore)  # the clean-ups run in reverse order
    config.add_cleanup(close)
    config.add_cleanup(signals.ignore)


def was_terminated(config: pytest.Config) -> bool:
    """Return whether a signal has ended the run, so that little time is left."""
    signals = config.stash.get(_SIGNALS, None)
    return signals is not None and signals.received
