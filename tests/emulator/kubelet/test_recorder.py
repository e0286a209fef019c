"""Events about pods, as kubectl describe looks them up."""

from datetime import UTC, datetime
from itertools import count

from netpol_harness.emulator.kubelet import recorder
from netpol_harness.emulator.kubelet.recorder import Recorder
from netpol_harness.emulator.store import Key, Store

POD = {"metadata": {"name": "web", "namespace": "shop", "uid": "u1"}}


def store() -> Store:
    numbers = count()
    made = Store(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), new_uid=lambda: str(next(numbers)))
    made.create("namespaces", {"metadata": {"name": "shop"}})
    return made


def test_an_event_names_its_pod() -> None:
    kept = store()
    Recorder(kept, "kubelet", "embedded").warning(POD, "FailedListen", "cannot serve 80/TCP")
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
    kept, number = store(), recorder._KEPT
    written = Recorder(kept, "kubelet", "embedded")
    for index in range(number + 3):
        written.normal(POD, "Started", str(index))
    messages = [event["message"] for event in kept.list("events", "shop")]
    assert len(messages) == number
    assert "2" not in messages
    assert str(number + 2) in messages


def test_a_namespace_on_its_way_out_gets_no_events() -> None:
    kept = store()
    kept.modify(
        Key("namespaces", "", "shop"), lambda copy: {**copy, "metadata": {**copy["metadata"], "deletionTimestamp": "x"}}
    )
    Recorder(kept, "kubelet", "embedded").normal(POD, "Started", "x")
    assert kept.list("events") == []
