"""Deadlines: the only code of the harness that sleeps."""

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
        """Sleep for ``seconds``, or for what is left of the deadline if that is less (never less than a tick).

        Raises ``Interrupted`` where the thread's work is no longer wanted (``interruptible``).
        """
        length = max(0.001, min(seconds, self.remaining or 0.001))
        stop = getattr(_thread, "stop", None)
        if stop is None:
            time.sleep(length)
        elif stop.wait(length):
            stop.clear()  # what follows is tidying up, and may take its time
            raise Interrupted("interrupted while waiting")


class Interrupted(LabError):
    """Work in the background is no longer wanted."""


@contextmanager
def interruptible(stop: threading.Event) -> Iterator[None]:
    """While inside, setting ``stop`` ends the first sleep of this thread, and no later one, by ``Interrupted``."""
    _thread.stop = stop
    try:
        yield
    finally:
        _thread.stop = None


_thread = threading.local()
