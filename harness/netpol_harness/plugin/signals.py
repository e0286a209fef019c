"""The signals of a cancelled job and of a closed terminal: they end a run as Ctrl-C does, and what was made is removed.

Left alone is a signal that something else handles, or that is ignored (``nohup``). Once the run is ending, by whatever,
a further one changes nothing: runners send several, and the removal of a cluster takes some seconds.
"""

import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType

import pytest

from netpol_harness.plugin.workers import worker_processes

_ENDING = (signal.SIGTERM, signal.SIGHUP)
_SIGNALS = pytest.StashKey["Signals"]()


class Terminated(KeyboardInterrupt):
    """A signal asks the run to end."""


@dataclass(slots=True, eq=False)  # pytest hashes its plugins
class Signals:
    """Handles those of the signals that are nobody else's; a plugin of its own.

    ``ended`` tells whether one came. ``workers`` are the processes of xdist's workers, which are told as well: left
    to themselves they go on for five seconds, and a cancelled job is killed soon.
    """

    ended: bool = False
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    mine: list[signal.Signals] = field(default_factory=list)

    def listen(self) -> None:
        """End the run in good order when one comes."""
        self.mine = [one for one in _ENDING if signal.getsignal(one) is signal.SIG_DFL]
        self._handle(self._end)

    def ignore(self) -> None:
        """The run is ending: let nothing interrupt the removal of what it made."""
        self._handle(signal.SIG_IGN)

    def forget(self) -> None:
        """Leave the process as it was found."""
        self._handle(signal.SIG_DFL)

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self) -> None:
        """After Ctrl-C as well."""
        self.ignore()
        for worker in self.workers:
            worker.send_signal(signal.SIGTERM)

    def _handle(self, handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
        for number in self.mine:
            signal.signal(number, handler)

    def _end(self, number: int, _: FrameType | None) -> None:
        self.ended = True
        self.ignore()
        raise Terminated(f"ended by {signal.Signals(number).name}; what the run has made is being removed")


def close_at_exit(config: pytest.Config, close: Callable[[], None]) -> None:
    """Call ``close`` when pytest ends; from now on these signals end it in good order."""
    signals = config.stash[_SIGNALS] = Signals(workers=worker_processes(config))
    config.pluginmanager.register(signals)
    if threading.current_thread() is threading.main_thread():
        signals.listen()
    config.add_cleanup(signals.forget)  # what is added last is called first
    config.add_cleanup(close)
    config.add_cleanup(signals.ignore)


def was_terminated(config: pytest.Config) -> bool:
    """Whether a signal ended the run: little time is left then."""
    signals = config.stash.get(_SIGNALS, None)
    return signals is not None and signals.ended
