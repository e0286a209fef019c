"""How many execs may be under way: few enough for an API server that says it has too many (HTTP 429).

Additive increase, multiplicative decrease: a server that throttles halves the crowd, once for all who were inside
together; every exec that met no resistance lets in a fraction of one more, until the crowd is as large as it may be.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

log = logging.getLogger("netpol_harness.probe")


@dataclass(slots=True)
class Slot:
    """A place inside; ``throttled`` is set by who holds it, where the server refused for a while."""

    crowd: int
    throttled: bool = False


class Gate:
    """Lets in at most ``most`` at a time. Safe to share between threads."""

    def __init__(self, most: int) -> None:
        self._most = float(max(1, most))
        self._limit = self._most
        self._inside = 0
        self._crowd = 0
        self._moved = threading.Condition()

    @property
    def limit(self) -> int:
        """How many may be inside at present; at least one."""
        return max(1, int(self._limit))

    @contextmanager
    def slot(self) -> Iterator[Slot]:
        """Wait for a place, and keep it for the block."""
        with self._moved:
            self._moved.wait_for(lambda: self._inside < self.limit)
            self._inside += 1
            slot = Slot(self._crowd)
        try:
            yield slot
        finally:
            self._leave(slot)

    def _leave(self, slot: Slot) -> None:
        with self._moved:
            self._inside -= 1
            if not slot.throttled:
                self._limit = min(self._most, self._limit + 1 / self._limit)
            elif slot.crowd == self._crowd:
                self._crowd += 1
                self._limit = max(1.0, self._limit / 2)
                log.info("the API server throttles: at most %d execs at once from now on", self.limit)
            self._moved.notify_all()
