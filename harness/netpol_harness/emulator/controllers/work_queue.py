"""The queue between the store's events and the controllers.

Invariant: an object that an event affects is reconciled after that event, once for any number of events in between.
Controllers run in separate turns of the event loop, never inside a commit.
"""

import asyncio
import logging
from collections.abc import Callable, Container, Iterable, Sequence
from functools import partial
from typing import Protocol

from netpol_harness.emulator.apiserver.errors import StatusError
from netpol_harness.emulator.store import Event, EventType, Key, Store, StoreError

log = logging.getLogger(__name__)

Schedule = Callable[[Callable[[], None]], object]


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> object:
        """Do not call."""
        ...


ScheduleLater = Callable[[float, Callable[[], None]], Timer]


class Controller(Protocol):
    """Reconciles the objects of one resource."""

    @property
    def resources(self) -> Container[str]:
        """The resources whose events the controller needs."""
        ...

    def affected_keys(self, event: Event) -> Iterable[Key]:
        """Return the objects to reconcile after this event."""
        ...

    def reconcile(self, key: Key) -> float | None:
        """Move one object, which may be deleted by now, closer to its desired state.

        Return the seconds after which to reconcile it again even without an event; None for never.
        """
        ...


class WorkQueue:
    """Runs controllers. ``schedule`` calls back soon, and ``schedule_later`` after some seconds; by default on the
    running event loop.
    """

    def __init__(
        self,
        store: Store,
        controllers: Sequence[Controller],
        schedule: Schedule | None = None,
        schedule_later: ScheduleLater | None = None,
    ) -> None:
        self._controllers = controllers
        self._schedule = schedule or asyncio.get_running_loop().call_soon
        self._schedule_later = schedule_later or asyncio.get_running_loop().call_later
        self._pending: dict[tuple[int, Key], None] = {}
        self._timers: dict[tuple[int, Key], Timer] = {}
        for resource in store.resources():
            for data in store.list(resource):
                self._on_event(Event(EventType.ADDED, Key.of(resource, data), data, None, store.resource_version))
        store.subscribe(self._on_event)

    def run_pending(self) -> None:
        """Reconcile everything that waits. Changes that this causes wait for the next turn."""
        pending, self._pending = self._pending, {}
        for number, key in pending:
            if (timer := self._timers.pop((number, key), None)) is not None:
                timer.cancel()
            try:
                seconds = self._controllers[number].reconcile(key)
            except (StoreError, StatusError) as error:
                log.warning("%s %s/%s: %s", key.resource, key.namespace, key.name, error)
            else:
                if seconds is not None:
                    again = partial(self._add, ((number, key),))
                    self._timers[number, key] = self._schedule_later(seconds, again)

    def _on_event(self, event: Event) -> None:
        for number, controller in enumerate(self._controllers):
            if event.key.resource in controller.resources:
                self._add((number, key) for key in controller.affected_keys(event))

    def _add(self, work: Iterable[tuple[int, Key]]) -> None:
        idle = not self._pending
        self._pending.update(dict.fromkeys(work))
        if idle and self._pending:
            self._schedule(self.run_pending)
