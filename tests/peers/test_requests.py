"""Which answers of the API count as wrong."""

import json
from pathlib import Path

import pytest

from bench.peers.requests import read, wrong

LINE = {"verb": "get", "resource": "pods", "sent": "", "answered": "", "protocol": "", "code": 200, "message": ""}


def logged(tmp_path: Path, *changes: dict[str, object]) -> Path:
    log = tmp_path / "requests.jsonl"
    log.write_text("".join(json.dumps({**LINE, **change}) + "\n" for change in changes))
    return log


def test_requests_that_are_alike_are_counted_without_the_names_in_messages(tmp_path: Path) -> None:
    a, b = ({"code": 404, "message": f'pods "{name}" not found'} for name in "ab")
    missing, found = read(logged(tmp_path, a, {}, b))
    assert (missing.message, missing.count) == ('pods "..." not found', 2)
    assert (found.code, found.count) == (200, 1)


@pytest.mark.parametrize("code", [0, 101, 200, 201, 404, 409, 422])
def test_answers_of_a_correct_server_are_not_wrong(tmp_path: Path, code: int) -> None:
    assert list(wrong(read(logged(tmp_path, {"code": code})))) == []


@pytest.mark.parametrize(
    "change", [{"code": code} for code in (400, 403, 405, 406, 415, 500)] + [{"code": 404, "resource": "/apis/x"}]
)
def test_what_the_server_cannot_read_or_does_not_serve_is_wrong(tmp_path: Path, change: dict[str, object]) -> None:
    assert len(list(wrong(read(logged(tmp_path, change))))) == 1
