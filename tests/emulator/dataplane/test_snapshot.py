from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from netpol_harness.emulator.dataplane.snapshot import WorldView
from netpol_harness.emulator.store import Event, Key, Store
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import NamespacedName
from netpol_harness.wellknown import EXTERNAL_HOST_ANNOTATION

POD = Key("pods", "x", "a")


@pytest.fixture
def store() -> Store:
    uids = count()
    return Store(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), new_uid=lambda: str(next(uids)))


@pytest.fixture
def changes(store: Store) -> list[Event]:
    """Record the events that can have changed connectivity."""
    events: list[Event] = []
    view = WorldView.of(store)
    store.subscribe(lambda event: events.append(event) if view.apply(event) else None)
    return events


def pod(**metadata: Any) -> JsonObject:
    return {
        "metadata": {"namespace": "x", "name": "a", **metadata},
        "spec": {"containers": [{"name": "c", "ports": [{"containerPort": 80}]}]},
    }


def status(store: Store, **fields: Any) -> None:
    store.modify(POD, lambda copy: {**copy, "status": {**copy.get("status", {}), **fields}})


def ready(value: str = "True") -> list[dict[str, str]]:
    return [{"type": "Ready", "status": value}]


def test_changes_that_the_network_cannot_see_do_not_count(store: Store, changes: list[Event]) -> None:
    store.create("pods", pod())
    changes.clear()
    status(store, startTime="2026-01-01T00:00:00Z", containerStatuses=[{"name": "c", "ready": True}])
    store.modify(POD, lambda copy: {**copy, "metadata": {**copy["metadata"], "annotations": {"note": "x"}}})
    store.create("configmaps", {"metadata": {"namespace": "x", "name": "c"}})
    assert changes == []


@pytest.mark.parametrize(
    "fields",
    [{"podIPs": [{"ip": "10.244.0.2"}]}, {"conditions": ready()}, {"phase": "Succeeded"}],
    ids=["address", "readiness", "end"],
)
def test_changes_that_the_network_sees_count(store: Store, changes: list[Event], fields: dict[str, Any]) -> None:
    store.create("pods", pod())
    changes.clear()
    status(store, **fields)
    assert len(changes) == 1


@pytest.mark.parametrize("resource", ["namespaces", "services", "networkpolicies"])
def test_objects_come_change_and_go(store: Store, changes: list[Event], resource: str) -> None:
    data: JsonObject = {"metadata": {"name": "n", "namespace": "" if resource == "namespaces" else "x"}, "spec": {}}
    store.create(resource, data)
    labelled = {"metadata": {**data["metadata"], "labels": {"team": "a"}}, "spec": {"podSelector": {}, "ports": []}}
    store.update(resource, labelled)
    store.remove(Key.of(resource, data))
    assert [event.type for event in changes] == [
        "ADDED",
        *(["MODIFIED"] if resource == "namespaces" else []),
        "DELETED",
    ]


def test_external_hosts_are_not_pods_of_the_world(store: Store) -> None:
    store.create("pods", pod(annotations={EXTERNAL_HOST_ANNOTATION: ""}))
    assert not WorldView.of(store).snapshot().world.pods


def test_an_invalid_address_is_ignored(store: Store) -> None:
    store.create("pods", {**pod(), "status": {"podIPs": [{"ip": "none"}, {"ip": "10.244.0.2"}]}})
    [pod_in_world] = WorldView.of(store).snapshot().world.pods.values()
    assert pod_in_world.addresses == ("10.244.0.2",)


def test_a_snapshot_does_not_move(store: Store) -> None:
    view = WorldView.of(store)
    store.subscribe(view.apply)
    before = view.snapshot()
    store.create("pods", pod())
    assert not before.world.pods
    assert view.snapshot().unready == {NamespacedName("x", "a")}
