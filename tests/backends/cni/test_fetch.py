"""Downloads that are what they were."""

import threading
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.backends.cni.fetch import cache_directory, fetch
from netpol_harness.errors import ClusterFailed

CONTENT = b"kind: ConfigMap\n" * 20_000
CHECKSUM = sha256(CONTENT).hexdigest()


@pytest.fixture
def server() -> Iterator[Any]:
    """Answers with what is in its list, one after the other, and then with the content: (code, body, length)."""
    answers: list[tuple[int, bytes, int]] = []

    class Requests(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.server.count += 1  # type: ignore[attr-defined]
            code, body, length = answers.pop(0) if answers else (200, CONTENT, len(CONTENT))
            self.send_response(code)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
    httpd.answers, httpd.count = answers, 0  # type: ignore[attr-defined]
    httpd.url = f"http://127.0.0.1:{httpd.server_port}/calico.yaml"  # type: ignore[attr-defined]
    threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield httpd
    httpd.shutdown()
    httpd.server_close()


def test_a_download_is_verified_cached_and_reported(server: Any, tmp_path: Path) -> None:
    messages: list[str] = []
    file = fetch(server.url, CHECKSUM, tmp_path / "cache", progress=messages.append)
    assert file.read_bytes() == CONTENT
    assert messages[-1] == "fetching calico.yaml: 312 of 312 KiB"
    assert fetch(server.url, CHECKSUM, tmp_path / "cache", offline=True) == file
    assert server.count == 1
    assert [found.name for found in (tmp_path / "cache").iterdir()] == [CHECKSUM]


def test_a_file_with_another_checksum_is_never_cached(server: Any, tmp_path: Path) -> None:
    with pytest.raises(ClusterFailed, match=f"has the SHA-256 {CHECKSUM}, not {'0' * 64}: it was changed"):
        fetch(server.url, "0" * 64, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_cached_file_that_was_changed_is_fetched_again(server: Any, tmp_path: Path) -> None:
    (tmp_path / CHECKSUM).write_text("changed")
    assert fetch(server.url, CHECKSUM, tmp_path).read_bytes() == CONTENT


def test_offline_says_what_to_fetch_and_where_to_put_it(server: Any, tmp_path: Path) -> None:
    with pytest.raises(ClusterFailed) as caught:
        fetch(server.url, CHECKSUM, tmp_path, offline=True)
    for words in (server.url, str(tmp_path / CHECKSUM), CHECKSUM, "--cni-manifest"):
        assert words in str(caught.value)
    assert server.count == 0


def test_temporary_errors_are_retried(server: Any, tmp_path: Path) -> None:
    server.answers[:] = [(503, b"", 0), (200, CONTENT[:1000], len(CONTENT))]
    assert fetch(server.url, CHECKSUM, tmp_path).read_bytes() == CONTENT
    assert server.count == 3


@pytest.mark.parametrize("code", [403, 404])
def test_permanent_errors_are_not_retried(server: Any, tmp_path: Path, code: int) -> None:
    server.answers[:] = [(code, b"", 0)]
    with pytest.raises(ClusterFailed, match=f"cannot be fetched .*{code}.*put it at"):
        fetch(server.url, CHECKSUM, tmp_path)
    assert server.count == 1
    assert not list(tmp_path.iterdir())


def test_the_user_may_choose_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "netpol-harness" / "manifests"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/me")
    assert cache_directory() == Path("/home/me/.cache/netpol-harness/manifests")
