import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client.configuration import Configuration

from netpol_harness.deadline import Deadline
from netpol_harness.errors import ApiError, ClusterFailed, ExecFailed
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access
from netpol_harness.kube.exec import PodExec
from netpol_harness.kube.retry import seconds_to_wait
from netpol_harness.model.names import NamespacedName, ObjectKey

Answer = tuple[int, dict[str, str], bytes]
ClientOf = Callable[[Callable[[str, str, bytes, dict[str, str]], Answer]], Client]
POD = ObjectKey("v1", "Pod", "shop", "web")
DATA = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}}


def _json(data: Any, code: int = 200, **headers: str) -> Answer:
    return code, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps(data).encode()


def _status(code: int, reason: str, **headers: str) -> Answer:
    return _json({"kind": "Status", "reason": reason, "message": f"it is {reason}"}, code, **headers)


def test_objects_are_reached_by_plural_and_namespace(client_of: ClientOf) -> None:
    client = client_of(lambda method, path, body, headers: _json({"path": path, "token": headers["authorization"]}))
    answer = client.get(POD)
    assert answer == {"path": "/api/v1/namespaces/shop/pods/web", "token": "Bearer secret"}
    assert client.get(ObjectKey("v1", "Namespace", "", "shop"))["path"] == "/api/v1/namespaces/shop"
    assert client.get(ObjectKey("apps/v1", "Deployment", "", "a"))["path"].endswith("/namespaces/default/deployments/a")


def test_an_update_carries_the_current_version_and_is_repeated_after_a_conflict(
    client_of: ClientOf,
) -> None:
    versions = iter(range(7, 99))
    written: list[str] = []

    def answer(method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        if method == "GET":
            return _json({"metadata": {"name": "web", "resourceVersion": str(next(versions))}})
        written.append(json.loads(body)["metadata"].get("resourceVersion", ""))
        return _status(409, "Conflict") if len(written) < 3 else _json({})

    data = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}}
    client_of(answer).replace(data)
    assert written == ["7", "8", "9"]


def test_a_given_resource_version_is_a_precondition(client_of: ClientOf) -> None:
    metadata = {"name": "web", "namespace": "shop", "resourceVersion": "5"}
    client = client_of(lambda method, path, body, headers: _status(409, "Conflict"))
    with pytest.raises(ApiError, match="Conflict"):
        client.replace({"apiVersion": "v1", "kind": "Pod", "metadata": metadata})


def test_a_401_names_the_context_and_user(tmp_path: Path, client_of: ClientOf) -> None:
    server = client_of(lambda method, path, body, headers: _status(401, "Unauthorized")).access.server
    kubeconfig = {
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "ann", "user": {"token": "secret"}}],
        "contexts": [{"name": "staging", "context": {"cluster": "c", "user": "ann"}}],
        "current-context": "staging",
    }
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(kubeconfig))
    access = Access.from_kubeconfig(file)
    message = f"user 'ann' of context 'staging' in kubeconfig {file} is not known there; log in again"
    with pytest.raises(ApiError) as caught:
        Client(access).get(POD)
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)
    with pytest.raises(ExecFailed) as lost:
        PodExec(access)(NamespacedName("shop", "web"), ["true"], deadline=Deadline(5))
    assert message in str(lost.value)


def test_a_list_follows_its_pages_and_its_items_have_their_kind(client_of: ClientOf) -> None:
    def pages(method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        if "continue=more" in path:
            return _json({"items": [{"metadata": {"name": "b"}}], "metadata": {}})
        assert "labelSelector=app%3Dweb" in path
        assert "fieldSelector" not in path
        return _json({"items": [{"metadata": {"name": "a"}}], "metadata": {"continue": "more"}})

    listed = client_of(pages).list("v1", "Pod", labels="app=web")
    assert [(pod["kind"], pod["apiVersion"], pod["metadata"]["name"]) for pod in listed] == [
        ("Pod", "v1", "a"),
        ("Pod", "v1", "b"),
    ]


def test_writing_uses_the_verbs_of_the_api(client_of: ClientOf) -> None:
    seen: list[tuple[str, str, str]] = []

    def record(method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        seen.append((method, path, headers["Content-Type"]))
        return _json(json.loads(body) if method != "GET" else data)

    client = client_of(record)
    data = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}}
    assert client.create(data) == data
    client.replace(data)
    client.merge_patch(POD, {"metadata": {"labels": {"a": None}}})
    client.patch_subresource(POD, "ephemeralcontainers", {"spec": {"ephemeralContainers": []}})
    client.apply(data, manager="netpol harness")
    client.delete(POD, grace_seconds=0)
    one = "/api/v1/namespaces/shop/pods/web"
    assert seen == [
        ("POST", "/api/v1/namespaces/shop/pods", "application/json"),
        ("GET", one, "application/json"),
        ("PUT", one, "application/json"),
        ("PATCH", one, "application/merge-patch+json"),
        ("PATCH", f"{one}/ephemeralcontainers", "application/strategic-merge-patch+json"),
        ("PATCH", f"{one}?fieldManager=netpol+harness&force=true", "application/apply-patch+yaml"),
        ("DELETE", one, "application/json"),
    ]


def test_an_object_is_gone_if_the_answer_to_its_deletion_is_a_status(client_of: ClientOf) -> None:
    assert client_of(lambda *_: _json({"kind": "Status", "status": "Success"})).delete(POD)
    ends = {"kind": "Pod", "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"phase": "Running"}}
    assert not client_of(lambda *_: _json(ends)).delete(POD)


def test_an_absent_object_is_none_to_find_and_success_to_delete(client_of: ClientOf) -> None:
    client = client_of(lambda *_: _status(404, "NotFound"))
    assert client.find(POD) is None
    assert client.delete(POD)
    with pytest.raises(ApiError, match=r"it is NotFound \(404 NotFound\)"):
        client.get(POD)


@pytest.mark.parametrize(
    ("method", "code", "headers", "calls"),
    [
        ("GET", 503, {}, 4),
        ("GET", 429, {"Retry_After": "0"}, 4),
        ("GET", 403, {}, 1),
        ("POST", 429, {"Retry_After": "0"}, 4),
        ("POST", 500, {}, 1),
        ("POST", 503, {}, 1),
        ("POST", 409, {}, 1),
        ("PATCH", 500, {}, 1),
        ("PATCH", 429, {}, 4),
        ("APPLY", 500, {}, 4),
        ("APPLY", 409, {}, 1),
    ],
)
def test_only_requests_that_are_safe_to_repeat_are_retried(
    client_of: ClientOf, method: str, code: int, headers: dict[str, str], calls: int
) -> None:
    seen: list[str] = []

    def fail(method: str, path: str, body: bytes, _: dict[str, str]) -> Answer:
        seen.append(path)
        return _status(code, "Nope", **headers)

    client = client_of(fail)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}
    call: Callable[[], object] = {
        "GET": lambda: client.get(POD),
        "POST": lambda: client.create(pod),
        "PATCH": lambda: client.patch_subresource(POD, "status", {}),
        "APPLY": lambda: client.apply(pod, manager="me"),
    }[method]
    with pytest.raises(ApiError, match="Nope"):
        call()
    assert len(seen) == calls


def test_a_failure_that_passes_is_not_seen(client_of: ClientOf) -> None:
    answers = iter([_status(500, "Hiccup"), _json({"ok": True})])
    assert client_of(lambda *_: next(answers)).get(POD) == {"ok": True}


def test_a_server_that_throttles_is_asked_for_as_long_as_patience_lasts(client_of: ClientOf) -> None:
    answers = iter([*[_status(429, "TooManyRequests", Retry_After="0")] * 6, _json({"ok": True})])
    client = Client(client_of(lambda *_: next(answers)).access, patience=30.0)
    assert client.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}) == {"ok": True}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("1", 1.0), ("3600", 10.0), ("", None), (None, None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)],
)
def test_retry_after_is_respected_up_to_a_limit(header: str | None, seconds: float | None) -> None:
    assert seconds_to_wait(header) == seconds


def test_a_dead_server_is_a_cluster_that_failed() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with pytest.raises(ClusterFailed, match=rf"cannot reach the API server at {host} .*refused.*running"):
        Client(Access(Configuration(host=host))).version()


def test_a_page_of_a_proxy_is_not_taken_for_an_object(client_of: ClientOf) -> None:
    with pytest.raises(ClusterFailed, match="is not a JSON object"):
        client_of(lambda *_: (200, {"Content-Type": "text/html"}, b"<html>login</html>")).get(POD)
    with pytest.raises(ApiError, match="teapot"):
        client_of(lambda *_: (418, {}, b"teapot")).get(POD)


def test_a_kind_that_the_server_lacks_is_named(client_of: ClientOf) -> None:
    with pytest.raises(ApiError, match="this cluster has no kind Widget in v1"):
        client_of(lambda *_: _json({})).get(ObjectKey("v1", "Widget", "", "w"))


def test_many_threads_share_one_client(client_of: ClientOf) -> None:
    client = client_of(lambda method, path, body, headers: _json({"path": path}))
    keys = [ObjectKey("v1", "Pod", "shop", f"p{number}") for number in range(200)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(client.get, keys))
    assert [answer["path"].rsplit("/", 1)[-1] for answer in answers] == [key.name for key in keys]


def test_the_key_of_an_object() -> None:
    key = ObjectKey.of({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "namespace": "n"}})
    assert (str(key), key.api_version) == ("Deployment n/a", "apps/v1")
    assert str(ObjectKey.of({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}})) == "Namespace n"


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_would_stand_for_a_whole_collection_is_never_sent(client_of: ClientOf, name: str) -> None:
    asked: list[str] = []

    def record(method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        asked.append(path)
        return _json({})

    client = client_of(record)
    for key in (ObjectKey("v1", "Pod", "shop", name), ObjectKey("v1", "Pod", name or ".", "web")):
        with pytest.raises(ClusterFailed, match="is not the name of an object"):
            client.delete(key)
    assert asked == []


@pytest.mark.parametrize(
    ("act", "request_text"),
    [
        (lambda client: client.get(POD), "get Pod shop/web"),
        (lambda client: client.list("v1", "Pod", namespace="shop"), "list Pod in shop"),
        (lambda client: client.create(DATA), "create Pod shop/web"),
        (lambda client: client.create_dry_run(DATA), "create Pod shop/web"),
        (lambda client: client.replace(DATA), "update Pod shop/web"),
        (lambda client: client.merge_patch(POD, {}), "patch Pod shop/web"),
        (lambda client: client.apply(DATA, manager="m"), "apply Pod shop/web"),
        (lambda client: client.delete(POD), "delete Pod shop/web"),
        (lambda client: client.log(POD, container="c"), "get the log of Pod shop/web"),
    ],
    ids=["get", "list", "create", "dry run", "replace", "patch", "apply", "delete", "log"],
)
def test_every_error_names_the_verb_and_the_object(
    client_of: ClientOf, act: Callable[[Client], object], request_text: str
) -> None:
    refusal = b'{"kind": "Status", "reason": "Forbidden", "message": "quota"}'
    with pytest.raises(ApiError) as caught:
        act(client_of(lambda *_: (403, {}, refusal)))
    assert str(caught.value) == f"cannot {request_text}: quota (403 Forbidden)"


def test_an_object_of_a_cluster_scoped_kind_is_sent_without_a_namespace(client_of: ClientOf) -> None:
    sent: list[tuple[str, object]] = []

    def answer(method: str, path: str, body: bytes, _: dict[str, str]) -> Answer:
        sent.append((path, json.loads(body)["metadata"]))
        return 201, {}, body

    client_of(answer).create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x", "namespace": "y"}})
    assert sent == [("/api/v1/namespaces", {"name": "x"})]
