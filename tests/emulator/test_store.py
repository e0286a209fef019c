from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from netpol_harness.emulator.store import (
    AlreadyExists,
    Conflict,
    Event,
    EventType,
    Expired,
    Key,
    NotFound,
    Store,
    clone,
)

POD = Key("pods", "default", "web")


def make_store(history_limit: int = 4096) -> Store:
    uids = count(1)
    return Store(
        now=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        new_uid=lambda: f"uid-{next(uids)}",
        history_limit=history_limit,
    )


def pod(name: str = "web", namespace: str = "default", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


def test_create_gives_identity() -> None:
    metadata = make_store().create("pods", pod())["metadata"]
    assert metadata["uid"] == "uid-1"
    assert metadata["creationTimestamp"] == "2026-01-02T03:04:05Z"
    assert int(metadata["resourceVersion"]) > 1


def test_an_object_cannot_be_created_twice() -> None:
    store = make_store()
    store.create("pods", pod())
    with pytest.raises(AlreadyExists):
        store.create("pods", pod())


@pytest.mark.parametrize(
    "act",
    [
        lambda store: store.get(POD),
        lambda store: store.update("pods", pod()),
        lambda store: store.modify(POD, lambda obj: obj),
        lambda store: store.remove(POD),
    ],
    ids=["get", "update", "modify", "remove"],
)
def test_a_missing_object_is_not_found(act: Callable[[Store], object]) -> None:
    with pytest.raises(NotFound):
        act(make_store())


def test_update_keeps_identity_and_refuses_a_stale_writer() -> None:
    store = make_store()
    first = store.create("pods", pod())
    second = store.update("pods", pod(nodeName="a"))
    assert second["metadata"]["uid"] == first["metadata"]["uid"]
    with pytest.raises(Conflict):
        store.update("pods", {**first, "spec": {"nodeName": "b"}})


def test_a_write_that_changes_nothing_makes_no_commit() -> None:
    store = make_store()
    store.create("pods", pod(nodeName="a"))
    before = store.resource_version
    store.update("pods", pod(nodeName="a"))
    store.modify(POD, lambda obj: obj)
    store.modify(POD, lambda obj: None)
    assert store.resource_version == before


def test_modify_passes_a_copy() -> None:
    store = make_store()
    first = store.create("pods", pod(containers=[{"name": "a"}]))

    def edit(obj: dict[str, Any]) -> dict[str, Any]:
        obj["spec"]["containers"][0]["name"] = "b"
        return obj

    assert store.modify(POD, edit)["spec"]["containers"] == [{"name": "b"}]
    assert first["spec"]["containers"] == [{"name": "a"}]


def test_list_covers_one_namespace_or_all() -> None:
    store = make_store()
    for namespace, name in (("b", "x"), ("a", "z"), ("a", "y")):
        store.create("pods", pod(name, namespace))
    assert [obj["metadata"]["name"] for obj in store.list("pods", "a")] == ["y", "z"]
    assert [obj["metadata"]["name"] for obj in store.list("pods")] == ["y", "z", "x"]
    assert store.list("services") == []


def test_hooks_see_commits_in_order_including_those_of_hooks() -> None:
    store = make_store()
    seen: list[tuple[str, EventType]] = []

    def react(event: Event) -> None:
        if event.type is EventType.ADDED:
            store.remove(event.key)

    store.subscribe(react)
    store.subscribe(lambda event: seen.append((event.key.name, event.type)))
    store.create("pods", pod())
    assert seen == [("web", EventType.ADDED), ("web", EventType.DELETED)]


def test_a_deletion_has_its_own_version() -> None:
    store = make_store()
    created = store.create("pods", pod())
    removed = store.remove(POD)
    assert int(removed["metadata"]["resourceVersion"]) > int(created["metadata"]["resourceVersion"])


def test_history_is_replayed_until_it_is_forgotten() -> None:
    store = make_store(history_limit=2)
    start = store.resource_version
    versions = [int(store.create("pods", pod(name))["metadata"]["resourceVersion"]) for name in "abc"]
    assert [event.resource_version for event in store.events_since("pods", versions[0])] == versions[1:]
    assert store.events_since("services", start) == ()
    with pytest.raises(Expired):
        store.events_since("pods", start)


class Replay(RuleBasedStateMachine):
    """A list plus the events since then equals a new list."""

    def __init__(self) -> None:
        super().__init__()
        self.store = make_store()
        self.mirror: dict[Key, dict[str, Any]] = {}
        self.store.subscribe(self.apply)

    def apply(self, event: Event) -> None:
        assert self.mirror.get(event.key) == event.previous
        if event.type is EventType.DELETED:
            del self.mirror[event.key]
        else:
            self.mirror[event.key] = event.object

    @rule(name=st.sampled_from("abc"), namespace=st.sampled_from("xy"), value=st.integers(0, 2))
    def write(self, name: str, namespace: str, value: int) -> None:
        obj = pod(name, namespace, priority=value)
        if self.store.find(Key.of("pods", obj)) is None:
            self.store.create("pods", obj)
        else:
            self.store.update("pods", obj)

    @rule(name=st.sampled_from("abc"), namespace=st.sampled_from("xy"))
    def erase(self, name: str, namespace: str) -> None:
        key = Key("pods", namespace, name)
        if self.store.find(key) is not None:
            self.store.remove(key)

    @invariant()
    def mirrors_the_store(self) -> None:
        listed = {Key.of("pods", obj): obj for obj in self.store.list("pods")}
        assert listed == self.mirror
        versions = [event.resource_version for event in self.store.events_since("pods", 0)]
        assert versions == sorted(set(versions))


TestReplay = Replay.TestCase


def test_clone_is_deep() -> None:
    value = {"a": [{"b": 1}]}
    copy = clone(value)
    copy["a"][0]["b"] = 2
    assert value == {"a": [{"b": 1}]}
