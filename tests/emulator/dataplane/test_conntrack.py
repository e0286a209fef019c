"""Which endpoints' flows are flushed, and when."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from netpol_harness.emulator.dataplane.conntrack import StaleFlows
from netpol_harness.emulator.store import Key, Store


def endpoints(protocol: str, **ready: bool) -> dict[str, Any]:
    """Return a slice of one port whose endpoints have the addresses ``a`` and so on."""
    members = [{"addresses": [address], "conditions": {"ready": is_ready}} for address, is_ready in ready.items()]
    return {"metadata": {"namespace": "x", "name": "s"}, "ports": [{"protocol": protocol}], "endpoints": members}


@pytest.mark.parametrize(
    ("protocol", "before", "after", "expected"),
    [
        ("UDP", {"a": True, "b": True}, {"a": True, "b": True}, []),
        ("UDP", {"a": True, "b": True}, {"a": True, "b": False}, ["b"]),
        ("UDP", {"a": True, "b": True}, {"c": True}, ["a", "b"]),
        ("UDP", {"a": False}, {}, []),
        ("UDP", {"a": False}, {"a": True}, []),
        ("TCP", {"a": True}, {}, []),
    ],
)
def test_flows_to_an_endpoint_that_is_no_longer_ready_are_flushed(
    protocol: str, before: dict[str, bool], after: dict[str, bool], expected: list[str]
) -> None:
    uids, flushed = itertools.count(), list[str]()
    store = Store(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), new_uid=lambda: str(next(uids)))
    StaleFlows(store, flushed.append)
    store.create("endpointslices", endpoints(protocol, **before))
    store.modify(Key("endpointslices", "x", "s"), lambda old: {**old, **endpoints(protocol, **after)})
    assert flushed == expected
    store.remove(Key("endpointslices", "x", "s"))
    remaining = [address for address, is_ready in after.items() if is_ready and protocol == "UDP"]
    assert flushed == expected + remaining
