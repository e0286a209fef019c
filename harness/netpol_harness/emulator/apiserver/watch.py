"""Watches: the changes of a collection as a stream of JSON lines.

A watch starts from a resource version (410 Expired if that is no longer in the history), from the current state ("0" or
none: synthetic ADDED events), or as a WatchList (``sendInitialEvents``: the state, then a bookmark that marks its end).
With selectors, an object that starts or stops to match is ADDED or DELETED. From registration on no commit is missed,
because the store's hook fills the queue.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from netpol_harness.emulator.apiserver.errors import bad_request, version_expired
from netpol_harness.emulator.apiserver.request import RequestOptions, RequestTarget
from netpol_harness.emulator.store import Event, EventType, Expired, Store
from netpol_harness.model.json_object import JsonObject

_INITIAL_EVENTS_END = {"k8s.io/initial-events-end": "true"}


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One line of a watch: ADDED, MODIFIED or DELETED with an object, or BOOKMARK with metadata only."""

    type: str
    object: JsonObject


class WatchStream:
    """The stream of one client: ``batches`` until the client leaves."""

    def __init__(self, target: RequestTarget, options: RequestOptions) -> None:
        self.target = target
        self.options = options
        self._pending: list[WatchEvent] = []
        self._has_pending = asyncio.Event()
        self._ended = False

    async def batches(self) -> AsyncIterator[Sequence[WatchEvent]]:
        """Yield events in commit order, as many at a time as are pending, until the end or the client's timeout."""
        timeout = self.options.timeout
        deadline = None if timeout is None else asyncio.get_running_loop().time() + timeout
        while await self._wait(deadline):
            batch, self._pending = self._pending, []
            self._has_pending.clear()
            yield batch
            if self._ended:
                return

    async def _wait(self, deadline: float | None) -> bool:
        """Wait until something is pending or the watch has ended. Return False at the deadline."""
        try:
            async with asyncio.timeout_at(deadline):
                await self._has_pending.wait()
        except TimeoutError:
            return False
        return True

    def end(self) -> None:
        """End the stream after the pending events."""
        self._ended = True
        self._has_pending.set()

    def push(self, event: WatchEvent) -> None:
        """Queue an event."""
        self._pending.append(event)
        self._has_pending.set()

    def offer(self, event: Event) -> None:
        """Queue what this store event means to the client, if anything."""
        namespace = self.target.namespace
        if event.key.resource != self.target.resource.storage or namespace not in ("", event.key.namespace):
            return
        matched = event.previous is not None and self.options.matches(event.previous)
        matches = event.type is not EventType.DELETED and self.options.matches(event.object)
        if matches:
            self.push(WatchEvent("MODIFIED" if matched else "ADDED", event.object))
        elif matched:
            self.push(WatchEvent("DELETED", event.object))


class Watches:
    """All open watches of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: set[WatchStream] = set()
        store.subscribe(self._on_event)

    def open(self, target: RequestTarget, options: RequestOptions) -> WatchStream:
        """Return a watch with its first events pending. Raises StatusError 410 for a version that is not in the
        history.
        """
        watch = WatchStream(target, options)
        if options.initial_events or options.resource_version in ("", "0"):
            self._begin_with_state(watch)
        else:
            self._begin_with_history(watch)
        self._open.add(watch)
        return watch

    def close(self, watch: WatchStream) -> None:
        """Drop a watch whose client has left."""
        self._open.discard(watch)

    def end_all(self) -> None:
        """End every stream."""
        for watch in self._open:
            watch.end()

    def _begin_with_state(self, watch: WatchStream) -> None:
        for obj in self._store.list(watch.target.resource.storage, watch.target.namespace):
            if watch.options.matches(obj):
                watch.push(WatchEvent("ADDED", obj))
        if watch.options.initial_events and watch.options.bookmarks:
            metadata = {"resourceVersion": str(self._store.resource_version), "annotations": _INITIAL_EVENTS_END}
            resource = watch.target.resource
            bookmark = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
            watch.push(WatchEvent("BOOKMARK", bookmark))

    def _begin_with_history(self, watch: WatchStream) -> None:
        text = watch.options.resource_version
        if not text.isdecimal():
            raise bad_request(f'Invalid value: "{text}": resourceVersion must be a number')
        try:
            for event in self._store.events_since(watch.target.resource.storage, int(text)):
                watch.offer(event)
        except Expired:
            raise version_expired(f"too old resource version: {text} ({self._store.resource_version})") from None

    def _on_event(self, event: Event) -> None:
        for watch in self._open:
            watch.offer(event)
