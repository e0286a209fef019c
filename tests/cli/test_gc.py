import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.backends.runs.owner import Owner, with_owner
from netpol_harness.cli import main
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access
from netpol_harness.wellknown import OWNER_ANNOTATION, RUN_LABEL


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setenv("PATH", str(tmp_path))  # no kind, no engine


@pytest.fixture
def client(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """The API of a cluster that KUBECONFIG names."""
    backend = EmbeddedBackend()
    with monkeypatch.context() as whole:
        whole.undo()
        cluster = backend.create("demo", tmp_path_factory.mktemp("standing"))
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    yield Client(Access.from_kubeconfig(cluster.kubeconfig))
    backend.delete(cluster.name, cluster.kubeconfig.parent)


def namespace(client: Client, name: str, run: str) -> None:
    client.create(with_owner({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, run))


def names(client: Client) -> set[str]:
    return {data["metadata"]["name"] for data in client.list("v1", "Namespace")}


def dead() -> str:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return replace(Owner.current(), pid=child.pid).run


def test_without_leftovers_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gc"]) == 0
    assert capsys.readouterr().out == "no leftovers\n"


def test_a_dead_runs_folder_goes_unless_it_is_a_dry_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / f"netpol-{dead()}"
    folder.mkdir()
    (folder / "owner.lock").touch()
    assert main(["gc", "--dry-run"]) == 0
    assert "would be removed" in capsys.readouterr().out
    assert folder.exists()
    assert main(["gc"]) == 0
    assert not folder.exists()


@pytest.mark.live
def test_on_a_cluster_the_dead_go_and_the_living_stay(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    namespace(client, "of-dead", dead())
    namespace(client, "of-alive", Owner.current().run)
    namespace(client, "of-elsewhere", replace(Owner.current(), boot="ffffff").run)
    assert main(["gc", "--cluster", "kubeconfig", "--older-than", "1"]) == 0
    rows = capsys.readouterr().out.splitlines()
    fates = {name: row.split()[-1] for name in ("dead", "alive", "elsewhere") for row in rows if f"of-{name}" in row}
    assert fates == {"dead": "removed", "alive": "kept", "elsewhere": "kept"}
    assert {"of-alive", "of-elsewhere"} <= names(client)
    assert "of-dead" not in names(client)
    assert main(["gc", "--cluster", "kubeconfig:demo", "--older-than", "0"]) == 0
    assert "of-elsewhere" not in names(client)
    assert "of-alive" in names(client)


def test_an_error_is_one_line_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gc", "--cluster", "moon"]) == 2
    assert "no such backend" in capsys.readouterr().err


@pytest.mark.live
@pytest.mark.parametrize(
    "owner",
    ['{"host": "h", "since": "not-a-date"}', '{"since": "2020-01-01T00:00:00"}', '{"since": 7}', "[1]", "not JSON"],
)
def test_foreign_values_of_our_label_and_annotation_do_no_harm(
    client: Client, capsys: pytest.CaptureFixture[str], owner: str
) -> None:
    metadata = {"name": "strange", "labels": {RUN_LABEL: "not-a-run"}, "annotations": {OWNER_ANNOTATION: owner}}
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    assert main(["gc", "--cluster", "kubeconfig", "--older-than", "1"]) == 0
    output = capsys.readouterr().out
    assert "since unknown" in output
    assert "kept" in output
    assert "strange" in names(client), "it may be anybody's, and of any age"
