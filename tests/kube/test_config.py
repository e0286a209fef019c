from pathlib import Path

import pytest
import yaml

from netpol_harness.errors import ClusterFailed
from netpol_harness.kube.config import Access
from netpol_harness.kube.loopback import LoopbackConfiguration


def _kubeconfig(path: Path, **changes: object) -> Path:
    data = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "contexts": [
            {"name": "one", "context": {"cluster": "c", "user": "u"}},
            {"name": "two", "context": {"cluster": "d", "user": "u"}},
        ],
        "clusters": [
            {"name": "c", "cluster": {"server": "http://127.0.0.1:1234/"}},
            {"name": "d", "cluster": {"server": "https://example.test", "insecure-skip-tls-verify": True}},
        ],
        "users": [{"name": "u", "user": {"token": "secret"}}],
        **changes,
    }
    path.write_text(yaml.safe_dump(data))
    return path


def test_the_current_context_gives_server_and_token(tmp_path: Path) -> None:
    access = Access.from_kubeconfig(_kubeconfig(tmp_path / "config"))
    assert access.server == "http://127.0.0.1:1234"
    assert access.headers() == {"authorization": "Bearer secret"}


def test_another_context_can_be_named(tmp_path: Path) -> None:
    access = Access.from_kubeconfig(_kubeconfig(tmp_path / "config"), "two")
    assert access.server == "https://example.test"
    assert not isinstance(access.configuration, LoopbackConfiguration)
    assert access.configuration.verify_ssl is False


def test_a_user_without_credentials_sends_none(tmp_path: Path) -> None:
    path = _kubeconfig(tmp_path / "config", users=[{"name": "u", "user": {}}])
    assert Access.from_kubeconfig(path).headers() == {}


def test_two_accesses_do_not_share_their_settings(tmp_path: Path) -> None:
    one = Access.from_kubeconfig(_kubeconfig(tmp_path / "config"))
    two = Access.from_kubeconfig(tmp_path / "config", "two")
    assert one.server != two.server


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no kubeconfig"),
        ("", "is empty"),
        ("{{{", "cannot be read"),
        ("- a\n- b", "cannot be"),
        ("kind: Config", "cannot be used"),
    ],
)
def test_a_file_that_is_no_kubeconfig_is_named_in_the_error(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "config"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ClusterFailed, match=message) as caught:
        Access.from_kubeconfig(path)
    assert str(path) in str(caught.value)


def test_an_unknown_context_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ClusterFailed, match=r"context 'three'.*contexts there: one, two"):
        Access.from_kubeconfig(_kubeconfig(tmp_path / "config"), "three")


def test_a_certificate_that_is_missing_is_an_error_of_ours(tmp_path: Path) -> None:
    cluster = {"name": "c", "cluster": {"server": "https://h", "certificate-authority": "/nowhere/ca.crt"}}
    path = _kubeconfig(tmp_path / "config", clusters=[cluster])
    with pytest.raises(ClusterFailed, match=r"ca\.crt"):
        Access.from_kubeconfig(path)
