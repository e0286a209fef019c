"""Watches over HTTP, and the effect of an event on a watch with selectors."""

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from netpol_harness.emulator.store import Key

POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
MERGE = {"Content-Type": "application/merge-patch+json"}
Line = tuple[str, str]


def policy(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "spec": {"podSelector": {}}}


@contextmanager
def watching(served: Any, query: str) -> Iterator[Callable[[], dict[str, Any]]]:
    """Return a function that returns the next event of a watch on NetworkPolicies."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=5)
    connection.request("GET", f"/{served.token}{POLICIES}?watch=true{query}")
    answer = connection.getresponse()
    assert answer.status == 200
    yield lambda: json.loads(answer.readline())
    connection.close()


def line(event: dict[str, Any]) -> Line:
    return event["type"], event["object"]["metadata"].get("name", "")


def test_a_watch_without_a_version_starts_with_the_state(served: Any) -> None:
    served.ask("POST", POLICIES, policy("a"))
    with watching(served, "") as following:
        assert line(following()) == ("ADDED", "a")
        served.ask("POST", POLICIES, policy("b"))
        served.ask("PATCH", f"{POLICIES}/b", {"metadata": {"labels": {"x": "y"}}}, headers=MERGE)
        served.ask("DELETE", f"{POLICIES}/a")
        assert [line(following()) for _ in range(3)] == [("ADDED", "b"), ("MODIFIED", "b"), ("DELETED", "a")]


def test_a_watch_continues_a_list(served: Any) -> None:
    version = served.ask("GET", POLICIES).body["metadata"]["resourceVersion"]
    served.ask("POST", POLICIES, policy("a"))
    served.ask("DELETE", f"{POLICIES}/a")
    with watching(served, f"&resourceVersion={version}") as following:
        added, deleted = following(), following()
    assert [line(added), line(deleted)] == [("ADDED", "a"), ("DELETED", "a")]
    assert int(deleted["object"]["metadata"]["resourceVersion"]) > int(added["object"]["metadata"]["resourceVersion"])
    assert added["object"]["kind"] == "NetworkPolicy"


def test_a_watch_list_ends_the_state_with_a_bookmark(served: Any) -> None:
    served.ask("POST", POLICIES, policy("a"))
    query = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    with watching(served, query) as following:
        assert line(following()) == ("ADDED", "a")
        bookmark = following()
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(bookmark["object"]["metadata"]["resourceVersion"]) == served.store.resource_version


def test_objects_that_start_and_stop_to_match_are_added_and_deleted(served: Any) -> None:
    served.ask("POST", POLICIES, policy("a"))
    with watching(served, "&labelSelector=x%3Dy") as following:
        for label in ("y", "z"):
            served.ask("PATCH", f"{POLICIES}/a", {"metadata": {"labels": {"x": label}}}, headers=MERGE)
        assert [line(following()) for _ in range(2)] == [("ADDED", "a"), ("DELETED", "a")]


def test_a_watch_ends_after_its_timeout(served: Any) -> None:
    answer = served.ask("GET", f"{POLICIES}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dabsent")
    assert (answer.code, answer.body) == (200, "")


def test_a_watch_as_a_table(served: Any) -> None:
    served.ask("POST", POLICIES, policy("a"))
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    answer = served.ask("GET", f"{POLICIES}?watch=1&timeoutSeconds=1", headers=accept)
    assert answer.body["object"]["rows"][0]["cells"][0] == "a"


@pytest.mark.parametrize(("version", "code"), [("soon", 400), ("1", 410)])
def test_versions_that_cannot_be_continued(served: Any, version: str, code: int) -> None:
    for _ in range(3000):
        served.store.create("configmaps", {"metadata": {"name": "c", "namespace": "default"}})
        served.store.remove(Key("configmaps", "default", "c"))
    answer = served.ask("GET", f"/api/v1/configmaps?watch=1&resourceVersion={version}")
    assert (answer.code, answer.body["kind"]) == (code, "Status")
