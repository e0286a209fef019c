"""Events about pods, as kubectl describe looks them up."""

from datetime import UTC, datetime
from itertools import count

from netpol_harness.emulator.kubelet import recorder
from netpol_harness.emulator.kubelet.recorder import EventRecorder
from netpol_harness.emulator.store import Key, Store

POD = {"metadata": {"name": "web", "namespace": "shop", "uid": "u1"}}


def store() -> Store:
    numbers = count()
    made = Store(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), new_uid=lambda: str(next(numbers)))
    made.create("namespaces", {"metadata": {"name": "shop"}})
    return made


def test_an_event_names_its_pod() -> None:
    kept = store()
    EventRecorder(kept, "kubelet", "embedded").warning(POD, "FailedListen", "cannot serve 80/TCP")
    (event,) = kept.list("events", "shop")
    assert event["involvedObject"] == {
        "kind": "Pod",
        "apiVersion": "v1",
        "namespace": "shop",
        "name": "web",
        "uid": "u1",
    }
    assert (event["type"], event["reason"], event["source"]["component"]) == ("Warning", "FailedListen", "kubelet")


def test_the_oldest_events_go_first() -> None:
    event_store, limit = store(), recorder._LIMIT
    event_recorder = EventRecorder(event_store, "kubelet", "embedded")
    for index in range(limit + 3):
        event_recorder.normal(POD, "Started", str(index))
    messages = [event["message"] for event in event_store.list("events", "shop")]
    assert len(messages) == limit
    assert "2" not in messages
    assert str(limit + 2) in messages


def test_a_namespace_being_deleted_gets_no_events() -> None:
    kept = store()
    kept.modify(
        Key("namespaces", "", "shop"), lambda copy: {**copy, "metadata": {**copy["metadata"], "deletionTimestamp": "x"}}
    )
    EventRecorder(kept, "kubelet", "embedded").normal(POD, "Started", "x")
    assert kept.list("events") == []
