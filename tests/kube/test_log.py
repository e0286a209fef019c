import json
import logging
from collections.abc import Callable

import pytest

from netpol_harness.errors import ApiError
from netpol_harness.kube.client import Client
from netpol_harness.model.names import ObjectKey

Answer = tuple[int, dict[str, str], bytes]
ClientOf = Callable[[Callable[[str, str, bytes, dict[str, str]], Answer]], Client]
POD = ObjectKey("v1", "Pod", "shop", "web")
CREDENTIALS = "Bearer secret"


def _status(code: int, reason: str, message: str, **headers: str) -> Answer:
    body = json.dumps({"kind": "Status", "reason": reason, "message": message}).encode()
    return code, {name.replace("_", "-"): value for name, value in headers.items()}, body


def test_a_retried_request_is_info_and_its_end_is_debug(client_of: ClientOf, caplog: pytest.LogCaptureFixture) -> None:
    answers = iter([_status(429, "TooManyRequests", "quotes s3cret", Retry_After="0"), (200, {}, b"{}")])
    with caplog.at_level(logging.DEBUG, "netpol_harness"):
        client_of(lambda *_: next(answers)).get(POD)
    retry, end = [record for record in caplog.records if "pods/web" in record.getMessage()]
    assert (retry.levelname, end.levelname) == ("INFO", "DEBUG")
    assert retry.getMessage().startswith(
        "request GET /api/v1/namespaces/shop/pods/web: 429 TooManyRequests; retry 1 in "
    )
    assert end.getMessage().startswith("request GET /api/v1/namespaces/shop/pods/web: 200 in ")
    assert end.getMessage().endswith(" s, 1 retries")
    assert "s3cret" not in caplog.text


def test_a_request_that_fails_is_recorded_with_its_code(client_of: ClientOf, caplog: pytest.LogCaptureFixture) -> None:
    client = client_of(lambda *_: _status(403, "Forbidden", "no"))
    with caplog.at_level(logging.DEBUG, "netpol_harness"), pytest.raises(ApiError):
        client.get(POD)
    assert "request GET /api/v1/namespaces/shop/pods/web: 403 in " in caplog.text


def test_neither_bodies_nor_queries_nor_credentials_are_recorded(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    echoes = client_of(lambda method, path, body, headers: (200, {}, b'{"data": {"password": "s3cret"}}'))
    data = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}, "data": "s3cret"}
    with caplog.at_level(logging.DEBUG, "netpol_harness"):
        echoes.create(data)
        echoes.apply(data, manager="query-value")
    assert "request POST /api/v1/namespaces/shop/pods: 200" in caplog.text
    assert "request PATCH /api/v1/namespaces/shop/pods/web: 200" in caplog.text
    for secret in ("s3cret", "query-value", CREDENTIALS.removeprefix("Bearer ")):
        assert secret not in caplog.text


def test_nothing_is_formatted_while_the_level_is_off(client_of: ClientOf, caplog: pytest.LogCaptureFixture) -> None:
    client_of(lambda *_: (200, {}, b"{}")).get(POD)
    assert caplog.records == []
