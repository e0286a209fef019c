"""What the commands take as a scenario."""

import io
import sys
from pathlib import Path

import pytest

from netpol_harness.cli import main

MANIFESTS = """
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, image: i, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: shop}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {matchLabels: {app: web}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: r, namespace: shop}
"""


def stdin(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "all.yaml").write_text(MANIFESTS)
    return tmp_path


@pytest.mark.parametrize("name", ["", "all.yaml"])
def test_manifests_have_a_table(directory: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", str(directory / name)]) == 0
    output = capsys.readouterr()
    assert ["client", "X"] in [line.split() for line in output.out.splitlines()]
    assert "netpol: no manifest declares the namespace shop: assumed to exist" in output.err
    assert "netpol: without meaning for connectivity: 1 kind, 1 object (Role)" in output.err


def test_standard_input_has_a_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(MANIFESTS.encode(), monkeypatch)
    assert main(["table", "-"]) == 0
    assert ["client", "X"] in [line.split() for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "there is no API object in stdin; name manifests"),
        (b"a: 1", "<stdin>:1:1: 'apiVersion' is missing"),
        (b"\xff", "the manifests are not UTF-8"),
    ],
)
def test_what_is_not_a_manifest_is_an_error(
    data: bytes, message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin(data, monkeypatch)
    assert main(["table", "-"]) == 2
    assert message in capsys.readouterr().err


def test_manifests_can_be_explained(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(directory), "client -> web:80"]) == 0
    assert "deny (all.yaml:12)" in capsys.readouterr().out


def test_manifests_have_a_coverage(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["coverage", str(directory / "all.yaml")]) == 0
    assert "1 of 2 parts of the policies are covered" in capsys.readouterr().out
