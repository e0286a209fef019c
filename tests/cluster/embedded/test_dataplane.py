import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import count

import pytest

from harness.cluster.embedded.dataplane import Dataplane
from harness.cluster.embedded.nft import NftFailed
from harness.cluster.embedded.ruleset import Enforcement
from harness.cluster.embedded.store import Key, Object, Store

POLICY: Object = {"metadata": {"namespace": "x", "name": "deny"}, "spec": {"podSelector": {}}}


class Tables:
    """Remembers transactions; refuses them for as long as ``refuse`` is set, and waits until ``open``."""

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


def pod(name: str, address: str) -> Object:
    return {"metadata": {"namespace": "x", "name": name}, "spec": {}, "status": {"podIPs": [{"ip": address}]}}


def run(test: Callable[[Store, Tables, Dataplane], Awaitable[None]], enforcement: Enforcement = Enforcement.ON) -> None:
    async def body() -> None:
        uids = count()
        store = Store(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), new_uid=lambda: str(next(uids)))
        tables = Tables()
        dataplane = Dataplane(store, tables, enforcement=enforcement)
        await test(store, tables, dataplane)
        await dataplane.close()

    asyncio.run(body())


def test_settled_means_in_force() -> None:
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


def test_changes_are_put_in_force_without_anyone_waiting() -> None:
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


def test_without_enforcement_policies_are_not_installed() -> None:
    async def test(store: Store, tables: Tables, dataplane: Dataplane) -> None:
        store.create("pods", pod("a", "10.244.0.2"))
        store.create("networkpolicies", POLICY)
        await dataplane.settled()
        store.remove(Key("networkpolicies", "x", "deny"))
        await dataplane.settled()
        assert "policy/x" not in "".join(tables.texts)
        assert len(tables.texts) == 1

    run(test, Enforcement.OFF)
