"""Keeps the kernel's ruleset equal to what the store says.

Invariant: when ``settled()`` returns, the table enforces at least the store's state of the moment of the call.
Changes that come while a transaction is under way are taken together in the next. A transaction that fails changes
nothing, is logged with its offending line, and makes ``settled()`` raise until some later one succeeds.
"""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from netpol_harness.emulator.dataplane.engine import CorrectEngine, PolicyEngine
from netpol_harness.emulator.dataplane.snapshot import Snapshot, WorldView
from netpol_harness.emulator.dataplane.transaction import EMPTY, transaction
from netpol_harness.emulator.store import Event, Store
from netpol_harness.errors import HarnessError

log = logging.getLogger(__name__)


class Tables(Protocol):
    """Where transactions go: ``nft.Nft``, or a stand-in."""

    def apply(self, text: str) -> None:
        """Run one transaction, wholly or not at all."""
        ...


class Dataplane:
    """Lives on the event loop in whose thread the store is used; rules are computed and applied in a thread beside it.

    ``tables`` must have been opened in the node's network namespace.
    """

    def __init__(self, store: Store, tables: Tables, agent: PolicyEngine | None = None) -> None:
        self._store = store
        self._view = WorldView.of(store)
        self._tables = tables
        self._agent = agent or CorrectEngine()
        self._alarm: asyncio.TimerHandle | None = None
        self._in_force = EMPTY
        self._wanted = 1
        self._reached = 0
        self._work: asyncio.Task[Exception | None] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dataplane")
        store.subscribe(self._note)

    async def settled(self) -> None:
        """Return once the store's state at this moment is enforced; raises what kept it from being."""
        wanted = self._wanted
        while self._reached < wanted:
            failure = await asyncio.shield(self._working())
            if failure is not None and self._reached < wanted:
                raise failure

    def start_over(self) -> None:
        """Restart the policy agent: it reads everything anew and puts it in force, in place, without a window."""
        self._view = WorldView.of(self._store)
        self._agent = self._agent.restarted()
        self._look()

    async def close(self) -> None:
        """Finish what is under way and let the thread go; the rules stay in force."""
        if self._work is not None:
            await self._work
        self._wake_after(None)
        self._thread.shutdown()

    def _note(self, event: Event) -> None:
        if self._view.apply(event):
            self._look()

    def _look(self) -> None:
        """What is in force may not be right any longer."""
        self._wanted += 1
        self._working()

    def _wake_after(self, seconds: float | None) -> None:
        """Look again then, unless something else makes us look before."""
        if self._alarm is not None:
            self._alarm.cancel()
        loop = asyncio.get_running_loop()
        self._alarm = None if seconds is None else loop.call_later(seconds, self._look)

    def _working(self) -> asyncio.Task[Exception | None]:
        """The task that brings the table up to date, a new one if none is at it."""
        if self._work is None or self._work.done():
            self._work = asyncio.get_running_loop().create_task(self._catch_up())
        return self._work

    async def _catch_up(self) -> Exception | None:
        while self._reached < self._wanted:
            target, snapshot, agent = self._wanted, self._view.snapshot(), self._agent
            try:
                again = await asyncio.get_running_loop().run_in_executor(self._thread, self._install, agent, snapshot)
            except (HarnessError, ValueError) as error:
                log.exception("the rules for the cluster's present state could not be put in force")
                return error
            self._reached = target
            self._wake_after(again)
        return None

    def _install(self, agent: PolicyEngine, snapshot: Snapshot) -> float | None:
        wanted = agent.compile(snapshot)
        text = transaction(self._in_force, wanted.rules)
        if text:
            self._tables.apply(text)
        self._in_force = wanted.rules
        return wanted.seconds
