"""Users with the rights of one namespace in which pods must be restricted: what is measured there, and what is not."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.backends.select import BackendChoice
from netpol_harness.cli import main
from netpol_harness.kube.client import Client
from netpol_harness.lab import Lab, Settings
from tests.liars.front import Front, fronted, rights_in

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
KINDS = (("v1", "Pod"), ("networking.k8s.io/v1", "NetworkPolicy"))
OPTIONS = ["--cluster", "kubeconfig", "--namespace", "team", "-o", "json"]


@pytest.fixture(scope="module")
def client() -> Iterator[tuple[Client, Path]]:
    with Lab(BackendChoice(EmbeddedBackend(), "for a test"), Settings()) as lab:
        client = lab.context.client
        client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})
        yield client, lab.cluster.kubeconfig


@pytest.fixture
def front(
    client: tuple[Client, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Front]:
    """The API of such a user; ``request.param``: who may also read the logs of pods."""
    rights = rights_in("team", logs=getattr(request, "param", False))
    with fronted(client[1], tmp_path, rights=rights) as (own, front):
        monkeypatch.setenv("KUBECONFIG", str(own))
        yield front
    assert all(client[0].list(*kind, namespace="team") == [] for kind in KINDS)
    assert all(request.startswith("GET ") for request in front.refused), "nothing else is tried in vain"


def test_the_canary_needs_no_more(front: Front, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["canary", *OPTIONS]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {(row["direction"], row["protocol"]) for row in found["rows"]} >= {("ingress", "TCP"), ("egress", "UDP")}
    assert any("two nodes: not examined" in note for note in found["notes"])


@pytest.mark.parametrize("front", [True], indirect=True)
def test_latency_needs_the_logs_of_pods_beside(front: Front, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["latency", *OPTIONS, "--repeat", "1", "--window", "0.5"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["control"] == "late, as it was"
    assert {m["change"] for m in found["measurements"]} >= {"deny", "allow", "new source", "new target"}


def test_latency_without_the_logs_measures_the_rest_and_says_so(
    front: Front, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["latency", *OPTIONS, "--repeat", "1", "--window", "0.5"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert found["control"] == "late, as it was"
    problems = {m["change"]: m["problem"] for m in found["measurements"]}
    assert problems["deny"] == problems["allow"] == ""
    assert "cannot get the log of Pod team/canary" in problems["new source"]


def test_a_user_who_may_not_create_a_namespace_is_told_so(
    client: tuple[Client, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with fronted(client[1], tmp_path, rights=rights_in("team")) as (own, _):
        monkeypatch.setenv("KUBECONFIG", str(own))
        for command in ("canary", "latency"):
            assert main([command, "--cluster", "kubeconfig"]) == 2
            printed = capsys.readouterr()
            assert "cannot create Namespace" in printed.out + printed.err
            assert "could not delete" not in printed.err, "nothing was created"
