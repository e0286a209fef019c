"""Deadlines: the only code of the harness that sleeps.

A thread's work can be cancelled while it waits. ``interruptible(stop)`` binds an event to the current thread, in a
thread-local variable, so that no function in between has to pass it on. While it is bound, the thread's sleeps wait for
the event too: once it is set, the current or next sleep raises ``Interrupted``. It raises once only: the event is
cleared, so that clean-up code that runs because of the exception can sleep as usual. Other threads, those that this
one starts included, are not affected.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from netpol_harness.errors import LabError


class Deadline:
    """A point in monotonic time, and the only sleeper of the harness.

    >>> for remaining in Deadline(5.0).ticks(0.2):   # yields at once, then every 0.2 s, at least twice
    ...     if condition(): break
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self._end - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether no time is left."""
        return self.remaining == 0.0

    def ticks(self, interval: float, *, at_least: int = 2) -> Iterator[float]:
        """Yield the seconds left, at once and then every ``interval`` seconds, ``at_least`` times even when late."""
        count = 0
        while count < at_least or not self.passed:
            yield self.remaining
            count += 1
            if count < at_least or not self.passed:
                self.pause(interval)

    def pause(self, seconds: float) -> None:
        """Sleep for ``seconds``, or for the rest of the deadline if that is shorter, but at least a millisecond.

        Raises ``Interrupted`` if the thread's work is cancelled (``interruptible``).
        """
        length = max(0.001, min(seconds, self.remaining or 0.001))
        stop = getattr(_thread, "stop", None)
        if stop is None:
            time.sleep(length)
        elif stop.wait(length):
            stop.clear()  # clean-up code that follows may sleep again
            raise Interrupted("interrupted while waiting")


class Interrupted(LabError):
    """The work of this thread was cancelled while it slept."""


@contextmanager
def interruptible(stop: threading.Event) -> Iterator[None]:
    """Let ``stop`` cancel the work of this thread within the block: its next sleep raises ``Interrupted``, once."""
    _thread.stop = stop
    try:
        yield
    finally:
        _thread.stop = None


_thread = threading.local()
"""``stop``: the event that cancels the work of the current thread, if any."""
