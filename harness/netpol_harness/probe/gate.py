"""How many execs may run at once: few enough for an API server that refuses some because of its load (HTTP 429).

Additive increase, multiplicative decrease: a server that throttles halves the limit, once for all execs of the same
generation, those that ran when it was last halved; every exec that was not throttled raises it by a fraction, up to the
maximum.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

log = logging.getLogger("netpol_harness.probe")


@dataclass(slots=True)
class Slot:
    """Permission for one exec. Its holder sets ``throttled`` if the server refused for a while."""

    generation: int
    throttled: bool = False


class Gate:
    """Lets in at most ``most`` at a time. Safe to share between threads."""

    def __init__(self, most: int) -> None:
        self._most = float(max(1, most))
        self._limit = self._most
        self._running = 0
        self._generation = 0
        self._changed = threading.Condition()

    @property
    def limit(self) -> int:
        """How many may run at present; at least one."""
        return max(1, int(self._limit))

    @contextmanager
    def slot(self) -> Iterator[Slot]:
        """Wait for a slot, and keep it for the block."""
        with self._changed:
            self._changed.wait_for(lambda: self._running < self.limit)
            self._running += 1
            slot = Slot(self._generation)
        try:
            yield slot
        finally:
            self._release(slot)

    def _release(self, slot: Slot) -> None:
        with self._changed:
            self._running -= 1
            if not slot.throttled:
                self._limit = min(self._most, self._limit + 1 / self._limit)
            elif slot.generation == self._generation:
                self._generation += 1
                self._limit = max(1.0, self._limit / 2)
                log.info("the API server throttles: at most %d execs at once from now on", self.limit)
            self._changed.notify_all()
