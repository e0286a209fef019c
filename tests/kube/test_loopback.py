import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from netpol_harness.kube.config import Access
from netpol_harness.kube.loopback import BufferedSocket, LoopbackConfiguration, loopback_configuration


def _written(path: Path, server: str, **user: str) -> Path:
    document = {
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user or {"token": "secret"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("server", ["http://127.0.0.1:81/path/", "http://[::1]:81/path"])
def test_a_server_of_this_machine_with_a_token_needs_no_official_client(tmp_path: Path, server: str) -> None:
    access = Access.from_kubeconfig(_written(tmp_path / "config", server), "x")
    assert isinstance(access.configuration, LoopbackConfiguration)
    assert access.server == server.rstrip("/")
    assert access.headers() == {"authorization": "Bearer secret"}
    assert "user 'u' of context 'x'" in access.identity


@pytest.mark.parametrize("server", ["https://127.0.0.1", "http://10.0.0.1", "http://localhost", "", 7])
def test_any_other_server_is_left_to_the_official_client(tmp_path: Path, server: str) -> None:
    assert loopback_configuration(_written(tmp_path / "config", server), "") is None


def test_any_other_login_is_left_to_the_official_client(tmp_path: Path) -> None:
    path = _written(tmp_path / "config", "http://127.0.0.1", token="secret", tokenFile="/etc/token")
    assert loopback_configuration(path, "") is None


def test_a_context_that_is_not_there_is_left_to_the_official_client(tmp_path: Path) -> None:
    assert loopback_configuration(_written(tmp_path / "config", "http://127.0.0.1"), "y") is None


@pytest.mark.parametrize("content", ["", "[]", "null", "kind: Config", '{"contexts": {}}', "\udcff"])
def test_a_file_that_is_not_understood_is_left_to_the_official_client(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    assert loopback_configuration(path, "") is None


def test_the_official_client_is_not_imported_for_it(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from netpol_harness.kube.config import Access; "
        "from netpol_harness.kube.client import Client; from netpol_harness.kube.exec import PodExec; "
        f"access = Access.from_kubeconfig(Path({str(_written(tmp_path / 'config', 'http://127.0.0.1'))!r})); "
        "Client(access); PodExec(access); sys.exit('kubernetes' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2] / "harness")


def test_a_buffered_socket_gives_every_byte_once_and_then_the_end() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"one\ntwo")
        buffered = BufferedSocket(ours)
        assert [buffered.recv(1) for _ in range(4)] == [b"o", b"n", b"e", b"\n"]
        assert buffered.recv(99) == b"two"
        theirs.sendall(b"three")
        theirs.close()
        assert (buffered.recv(99), buffered.recv(99)) == (b"three", b"")
