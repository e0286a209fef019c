"""The scheduler on a store: pods are bound at once, or when something makes room."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from netpol_harness.emulator.address_plan import IPV4_ONLY
from netpol_harness.emulator.kubelet import podstatus
from netpol_harness.emulator.scheduler.scheduler import Scheduler
from netpol_harness.emulator.store import Key, Store
from netpol_harness.model.json_object import JsonObject

VERSION = dict.fromkeys(("architecture", "kernel", "system", "kubernetes", "dataplane"), "x")
PLANS = (IPV4_ONLY.node(0), IPV4_ONLY.node(1))


@pytest.fixture
def store() -> Store:
    """A store with two nodes and a scheduler."""
    uids = count()
    made = Store(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), new_uid=lambda: str(next(uids)))
    Scheduler(made, tuple(plan.name for plan in PLANS))
    made.create("namespaces", {"metadata": {"name": "x"}})
    for plan in reversed(PLANS):
        made.create("nodes", podstatus.node(plan, "now", 10, VERSION))
    return made


def create(store: Store, name: str, **spec: Any) -> None:
    store.create("pods", {"metadata": {"name": name, "namespace": "x"}, "spec": {"containers": [], **spec}})


def get(store: Store, name: str) -> JsonObject:
    return store.get(Key("pods", "x", name))


def node_of(store: Store, name: str) -> str:
    return str(get(store, name)["spec"].get("nodeName", ""))


def events(store: Store) -> list[tuple[str, str]]:
    return [(event["reason"], event["involvedObject"]["name"]) for event in store.list("events", "x")]


def test_pods_are_bound_when_they_are_created(store: Store) -> None:
    for name in "abc":
        create(store, name)
    assert [node_of(store, name) for name in "abc"] == ["embedded", "embedded-worker", "embedded"]
    assert events(store) == [("Scheduled", name) for name in "abc"]


def test_a_pod_waits_for_a_label_of_a_node_and_says_so_once(store: Store) -> None:
    create(store, "a", nodeSelector={"disk": "ssd"})
    create(store, "b")
    assert node_of(store, "a") == ""
    (condition,) = get(store, "a")["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("PodScheduled", "False", "Unschedulable")
    assert events(store).count(("FailedScheduling", "a")) == 1
    label = {"metadata": {"name": "embedded-worker", "labels": {"disk": "ssd"}}}
    store.modify(Key("nodes", "", "embedded-worker"), lambda node: {**node, **label})
    assert node_of(store, "a") == "embedded-worker"


def test_a_pod_that_goes_or_ends_makes_room(store: Store) -> None:
    ports = [{"name": "c", "ports": [{"containerPort": 80, "hostPort": 80}]}]
    for name in "abcd":
        create(store, name, containers=ports)
    assert [node_of(store, name) for name in "abcd"] == ["embedded", "embedded-worker", "", ""]
    store.remove(Key("pods", "x", "b"))
    assert [node_of(store, name) for name in "acd"] == ["embedded", "embedded-worker", ""]
    store.modify(Key("pods", "x", "a"), lambda pod: {**pod, "status": {"phase": "Succeeded"}})
    assert node_of(store, "d") == "embedded"


def test_others_are_left_alone(store: Store) -> None:
    create(store, "mine", schedulerName="mine")
    create(store, "gated", schedulingGates=[{"name": "quota"}])
    create(store, "bound", nodeName="elsewhere")
    assert [node_of(store, name) for name in ("mine", "gated", "bound")] == ["", "", "elsewhere"]
    assert events(store) == []


def test_a_gate_that_opens_lets_a_pod_be_bound(store: Store) -> None:
    create(store, "gated", schedulingGates=[{"name": "quota"}])
    store.modify(Key("pods", "x", "gated"), lambda pod: {**pod, "spec": {"containers": []}})
    assert node_of(store, "gated") == "embedded"
