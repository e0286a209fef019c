"""What the API server logs."""

import logging
import socket
from typing import Any

import pytest

from netpol_harness.emulator.apiserver.server_log import SecretMaskingFormatter

PODS = "/api/v1/namespaces/default/pods"


def test_a_secret_is_in_no_record_and_no_traceback() -> None:
    try:
        raise RuntimeError("no s3cret here")
    except RuntimeError as problem:
        problem_info = (RuntimeError, problem, problem.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, "", 0, "GET /%s?token=s3cret", ("s3cret/api",), problem_info)
    text = SecretMaskingFormatter("%(levelname)s %(message)s", "s3cret").format(record)
    assert text.startswith("ERROR GET /(token)/api?token=(token)\nTraceback")
    assert "s3cret" not in text


def test_an_internal_error_is_logged_without_the_token(
    served: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(type(served.store), "list", broken)
    for path in (f"/{served.token}{PODS}", f"{PODS}?token={served.token}", f"{PODS}/x/{served.token}"):
        served.ask("GET", path)
    assert "RuntimeError: broken" in caplog.text
    assert "GET /(token)/api/v1" in caplog.text
    assert served.token not in caplog.text


@pytest.mark.parametrize(
    "request_line", ["GET /{token}", "GET /x?token={token} HTTP/9.9", "G\0T /{token} HTTP/1.1", "/{token}", "\x16\x03"]
)
def test_malformed_requests_are_not_logged(served: Any, caplog: pytest.LogCaptureFixture, request_line: str) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(request_line.replace("{token}", served.token).encode() + b"\r\n\r\n")
        assert connection.recv(4096).split()[1] in (b"400", b"401")
    assert caplog.text == ""
