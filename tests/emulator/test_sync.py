import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import count

import pytest

from netpol_harness.emulator.dataplane.engine import PolicyEngine, RuleUpdate
from netpol_harness.emulator.dataplane.rules import Chain, Ruleset
from netpol_harness.emulator.dataplane.snapshot import Snapshot
from netpol_harness.emulator.kernel.nft import NftFailed
from netpol_harness.emulator.store import Store
from netpol_harness.emulator.sync import Dataplane
from netpol_harness.model.json_object import JsonObject

POLICY: JsonObject = {"metadata": {"namespace": "x", "name": "deny"}, "spec": {"podSelector": {}}}


class Tables:
    """Records transactions. It refuses them while ``refuse`` is set, and waits until ``open``."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.refuse = False
        self.open = threading.Event()
        self.open.set()

    def apply(self, text: str) -> None:
        assert self.open.wait(10)
        if self.refuse:
            raise NftFailed("no", text)
        self.texts.append(text)


def pod(name: str, address: str) -> JsonObject:
    return {"metadata": {"namespace": "x", "name": name}, "spec": {}, "status": {"podIPs": [{"ip": address}]}}


def run(test: Callable[[Store, Tables, Dataplane], Awaitable[None]], agent: PolicyEngine | None = None) -> None:
    async def body() -> None:
        uids = count()
        store = Store(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), new_uid=lambda: str(next(uids)))
        tables = Tables()
        dataplane = Dataplane(store, tables, agent)
        await test(store, tables, dataplane)
        await dataplane.close()

    asyncio.run(body())


def test_settled_means_installed() -> None:
    async def test(store: Store, tables: Tables, dataplane: Dataplane) -> None:
        await dataplane.settled()
        store.create("pods", pod("a", "10.244.0.2"))
        store.create("networkpolicies", POLICY)
        await dataplane.settled()
        assert "jump policy/x/deny/ingress" in tables.texts[-1]

    run(test)


def test_without_changes_nothing_is_done() -> None:
    async def test(store: Store, tables: Tables, dataplane: Dataplane) -> None:
        await dataplane.settled()
        store.create("configmaps", {"metadata": {"namespace": "x", "name": "c"}})
        await dataplane.settled()
        assert len(tables.texts) == 1

    run(test)


def test_changes_during_a_transaction_are_taken_together() -> None:
    async def test(store: Store, tables: Tables, dataplane: Dataplane) -> None:
        tables.open.clear()
        store.create("networkpolicies", POLICY)
        first = asyncio.ensure_future(dataplane.settled())
        await asyncio.sleep(0)
        for i in range(2, 50):
            store.create("pods", pod(f"p{i}", f"10.244.0.{i}"))
        tables.open.set()
        await dataplane.settled()
        await first
        assert len(tables.texts) == 2

    run(test)


def test_changes_are_installed_even_if_nobody_waits() -> None:
    async def test(store: Store, tables: Tables, dataplane: Dataplane) -> None:
        await dataplane.settled()
        store.create("pods", pod("a", "10.244.0.2"))
        store.create("networkpolicies", POLICY)
        await dataplane.close()
        assert len(tables.texts) == 2

    run(test)


def test_a_failure_raises_until_a_later_transaction_succeeds() -> None:
    async def test(store: Store, tables: Tables, dataplane: Dataplane) -> None:
        await dataplane.settled()
        tables.refuse = True
        store.create("pods", pod("a", "10.244.0.2"))
        store.create("networkpolicies", POLICY)
        for _ in range(2):
            with pytest.raises(NftFailed):
                await dataplane.settled()
        tables.refuse = False
        await dataplane.settled()
        assert "policy/x/deny/ingress" in tables.texts[-1]

    run(test)


class Hesitant:
    """An engine that returns an empty chain first, and one with a rule the second time."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.restarts = 0

    def compile(self, snapshot: Snapshot) -> RuleUpdate:
        self.asked.append(len(snapshot.world.pods))
        early = len(self.asked) % 2 == 1
        return RuleUpdate(Ruleset({"c": Chain() if early else Chain(("accept",))}), 0.01 if early else None)

    def restarted(self) -> "Hesitant":
        self.restarts += 1
        return self


def test_an_engine_runs_again_after_the_time_that_it_gave() -> None:
    agent = Hesitant()

    async def test(store: Store, tables: Tables, dataplane: Dataplane) -> None:
        await dataplane.settled()
        assert agent.asked == [0]
        while len(tables.texts) < 2:
            await asyncio.sleep(0.005)
        assert "accept" in tables.texts[1]

    run(test, agent)


def test_no_engine_runs_after_close() -> None:
    agent = Hesitant()

    async def test(store: Store, tables: Tables, dataplane: Dataplane) -> None:
        await dataplane.settled()

    run(test, agent)
    assert agent.asked == [0]


def test_a_restart_reads_everything_again_and_keeps_the_installed_rules() -> None:
    async def test(store: Store, tables: Tables, dataplane: Dataplane) -> None:
        store.create("pods", pod("a", "10.244.0.2"))
        store.create("networkpolicies", POLICY)
        await dataplane.settled()
        dataplane.restart_engine()
        await dataplane.settled()
        assert len(tables.texts) == 1

    run(test)


def test_a_restart_replaces_the_engine() -> None:
    agent = Hesitant()

    async def test(store: Store, tables: Tables, dataplane: Dataplane) -> None:
        await dataplane.settled()
        store.create("pods", pod("a", "10.244.0.2"))
        dataplane.restart_engine()
        await dataplane.settled()
        assert (agent.restarts, agent.asked[-1]) == (1, 1)

    run(test, agent)
