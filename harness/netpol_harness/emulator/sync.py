"""Keeps the kernel's ruleset equal to the state of the store.

Invariant: when ``settled()`` returns, the table enforces at least the store's state at the time of the call. Changes
that come during a transaction are taken together in the next one. A failed transaction changes nothing, is logged with
its offending line, and makes ``settled()`` raise until a later one succeeds.
"""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Protocol

from netpol_harness.emulator.dataplane.engine import CorrectEngine, PolicyEngine
from netpol_harness.emulator.dataplane.snapshot import Snapshot, WorldView
from netpol_harness.emulator.dataplane.transaction import EMPTY, transaction
from netpol_harness.emulator.dns_zone import Zone
from netpol_harness.emulator.resolved_names import ResolvedNames
from netpol_harness.emulator.store import Event, Store
from netpol_harness.errors import HarnessError

log = logging.getLogger(__name__)


class Tables(Protocol):
    """The target of transactions: ``nft.Nft``, or a stand-in."""

    def apply(self, text: str) -> None:
        """Run one transaction, wholly or not at all."""
        ...


class Dataplanes:
    """The data planes of all nodes."""

    def __init__(self, members: Sequence["Dataplane"]) -> None:
        self._members = members

    async def settled(self) -> None:
        """Return once every node enforces the store's current state. Raises the error of one that does not."""
        await asyncio.gather(*(member.settled() for member in self._members))

    def restart_engine(self) -> None:
        """Restart the policy engine of every node."""
        for member in self._members:
            member.restart_engine()


class Dataplane:
    """Installs rules whenever the store changes.

    It lives on the event loop in whose thread the store is used. Rules are computed and applied in another thread.
    ``tables`` must have been opened in the node's network namespace. ``node`` is its name, or empty if there is no
    other.
    """

    def __init__(self, store: Store, tables: Tables, engine: PolicyEngine | None = None, node: str = "") -> None:
        self._store = store
        self._node = node
        self._view = WorldView.of(store)
        self._names = ResolvedNames(Zone(store), monotonic)
        self._tables = tables
        self._engine = engine or CorrectEngine()
        self._alarm: asyncio.TimerHandle | None = None
        self._installed = EMPTY
        self._requested = 1
        self._completed = 0
        self._work: asyncio.Task[Exception | None] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dataplane")
        store.subscribe(self._on_event)

    async def settled(self) -> None:
        """Return once the store's current state is enforced. Raises the error that prevents it."""
        requested = self._requested
        while self._completed < requested:
            failure = await asyncio.shield(self._working())
            if failure is not None and self._completed < requested:
                raise failure

    def restart_engine(self) -> None:
        """Restart the policy engine: it reads everything again and installs it in place, so no window opens."""
        self._view = WorldView.of(self._store)
        self._engine = self._engine.restarted()
        self._request()

    async def close(self) -> None:
        """Finish the current transaction and stop the thread. The rules stay installed."""
        if self._work is not None:
            await self._work
        self._wake_after(None)
        self._thread.shutdown()

    def _on_event(self, event: Event) -> None:
        if self._view.apply(event):
            self._request()

    def _request(self) -> None:
        """Request a new transaction: the installed rules may be out of date."""
        self._requested += 1
        self._working()

    def _wake_after(self, seconds: float | None) -> None:
        """Request a transaction after this time, unless another request comes first."""
        if self._alarm is not None:
            self._alarm.cancel()
        loop = asyncio.get_running_loop()
        self._alarm = None if seconds is None else loop.call_later(seconds, self._request)

    def _working(self) -> asyncio.Task[Exception | None]:
        """Return the task that brings the table up to date; start one if none is running."""
        if self._work is None or self._work.done():
            self._work = asyncio.get_running_loop().create_task(self._catch_up())
        return self._work

    async def _catch_up(self) -> Exception | None:
        while self._completed < self._requested:
            target, engine = self._requested, self._engine
            names = self._names.known(self._view.domain_names)
            snapshot = self._view.snapshot(self._node, names.addresses)
            try:
                seconds = await asyncio.get_running_loop().run_in_executor(
                    self._thread, self._install, engine, snapshot
                )
            except (HarnessError, ValueError) as error:
                log.exception("the rules for the cluster's current state could not be installed")
                return error
            self._completed = target
            self._wake_after(min((s for s in (seconds, names.seconds) if s is not None), default=None))
        return None

    def _install(self, engine: PolicyEngine, snapshot: Snapshot) -> float | None:
        update = engine.compile(snapshot)
        text = transaction(self._installed, update.rules)
        if text:
            self._tables.apply(text)
        self._installed = update.rules
        return update.seconds
