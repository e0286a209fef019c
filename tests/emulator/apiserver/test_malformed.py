"""Malformed requests over HTTP."""

import gzip
from typing import Any

import pytest

PODS = "/api/v1/namespaces/default/pods"


def pod(name: str = "web", **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "spec": {"containers": [{"name": "a", "image": "nginx"}]}}


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", "/api/v1/namespaces", {"metadata": {}}, 422),
        ("POST", "/api/v1/namespaces/default/services", {"metadata": {"labels": {}}}, 422),
        ("DELETE", f"{PODS}/web", {"preconditions": [[]]}, 400),
        ("DELETE", f"{PODS}/web", {"gracePeriodSeconds": "x"}, 400),
        ("DELETE", f"{PODS}/web", {"propagationPolicy": "Sideways"}, 422),
        ("DELETE", f"{PODS}/web?gracePeriodSeconds=x", None, 400),
    ],
)
def test_invalid_bodies(served: Any, method: str, path: str, body: object, code: int) -> None:
    served.ask("POST", PODS, pod())
    assert served.ask(method, path, body).code == code


@pytest.mark.parametrize("name", ["Authorization", "User-Agent", "Accept", "X"])
def test_headers_that_are_not_utf_8_are_refused(served: Any, name: str) -> None:
    answer = served.ask("GET", "/version", headers={name: "\xff"})
    assert answer.body["message"] == f"malformed HTTP request: the header {name} is not UTF-8"


def test_a_compressed_body_is_not_unpacked(served: Any) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert served.send("POST", PODS, gzip.compress(b"{}"), headers=headers).code == 400


def test_a_patch_that_is_nested_too_deeply(served: Any) -> None:
    served.ask("POST", PODS, pod())
    nested: dict[str, Any] = {}
    for _ in range(150):
        nested = {"a": nested}
    deeper = [{"op": "add", "path": f"/metadata/x{'/a' * depth}", "value": nested} for depth in (0, 150)]
    answer = served.ask("PATCH", f"{PODS}/web", deeper, headers={"Content-Type": "application/json-patch+json"})
    assert (answer.code, answer.body["message"].endswith("exceeded max depth")) == (400, True)


@pytest.mark.parametrize("order", [[0], [["web"]], 5, [{}]])
def test_a_strategic_patch_of_another_shape_is_refused(served: Any, order: object) -> None:
    served.ask("POST", PODS, pod())
    patch = {"spec": {"$setElementOrder/containers": order, "containers": [{"name": "a", "image": "x"}]}}
    headers = {"Content-Type": "application/strategic-merge-patch+json"}
    assert served.ask("PATCH", f"{PODS}/web?dryRun=All", patch, headers=headers).code in (200, 400)


@pytest.mark.parametrize("wrong", [{"Sec-WebSocket-Key": "x"}, {"Sec-WebSocket-Protocol": "chat"}])
def test_a_failed_handshake_is_answered_with_a_status(served: Any, wrong: dict[str, str]) -> None:
    served.ask("POST", PODS, pod())
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    headers |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **wrong}
    answer = served.ask("GET", f"{PODS}/web/exec?command=true", headers=headers)
    assert (answer.code, answer.body["kind"]) == (400, "Status")


@pytest.mark.parametrize(
    ("status", "field"),
    [
        ({"podIPs": [{}]}, "status.podIPs[0].ip"),
        ({"podIPs": [{"ip": "10.0.0.1"}, {"ip": "x"}]}, "status.podIPs[1].ip"),
        ({"conditions": [{"type": "Ready"}]}, "status.conditions[0].status"),
    ],
)
def test_an_invalid_status_is_refused(served: Any, status: object, field: str) -> None:
    served.ask("POST", PODS, pod())
    answer = served.ask("PUT", f"{PODS}/web/status", {**pod(), "status": status})
    assert (answer.code, answer.body["details"]["causes"][0]["field"]) == (422, field)
