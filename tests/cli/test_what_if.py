import io
import json
from pathlib import Path

import pytest
import yaml

from netpol_harness.cli import main
from tests.analysis.changes.conftest import FROM_WEB, GUARD, PODS


@pytest.fixture
def deploy(tmp_path: Path) -> str:
    """A folder of manifests whose database is guarded."""
    (folder := tmp_path / "deploy").mkdir()
    (folder / "all.yaml").write_text(PODS + GUARD)
    return str(folder)


def effects(text: str) -> set[tuple[str, str, str]]:
    """The changes of JSON output."""
    return {(c["effect"], c["source"], c["target"]) for step in json.loads(text) for c in step["changes"]}


OPENED = {("opened", "web", "db:5432"), ("opened", "web", "store:5432")}


def test_one_policy_more_is_told_with_its_line(deploy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (file := tmp_path / "policy.yaml").write_text(FROM_WEB.removeprefix("---\n"))
    assert main(["what-if", deploy, "-f", str(file)]) == 1
    told = capsys.readouterr().out
    assert "web -> store:5432, db:5432" in told
    assert "(policy.yaml:4) of from-web admits this" in told


def test_sarif_and_json_have_the_line_in_the_applied_file(
    deploy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(FROM_WEB.removeprefix("---\n"))
    assert main(["what-if", deploy, "-f", "policy.yaml", "-o", "sarif"]) == 1
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "policy.yaml"
    assert place["region"]["startLine"] == 4
    assert main(["what-if", deploy, "-f", "policy.yaml", "-o", "json"]) == 1
    (step,) = json.loads(capsys.readouterr().out)
    assert step["objects"] == ["added NetworkPolicy shop/from-web (policy.yaml:1)"]
    places = [place for change in step["changes"] for place in change["places"]]
    assert {(place["file"], place["line"], place["side"]) for place in places} == {("policy.yaml", 4, "after")}


def test_an_object_of_the_same_name_is_replaced(
    deploy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file := tmp_path / "policy.yaml").write_text(FROM_WEB.replace("from-web", "guard"))
    assert main(["what-if", deploy, "-f", str(file), "-o", "json"]) == 1
    assert effects(capsys.readouterr().out) >= OPENED
    assert main(["what-if", deploy, "-f", f"{deploy}/all.yaml"]) == 0


def test_a_policy_from_standard_input(
    deploy: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(FROM_WEB.encode())))
    assert main(["what-if", deploy, "-f", "-", "-o", "json"]) == 1
    assert effects(capsys.readouterr().out) == OPENED


@pytest.mark.parametrize("name", ["NetworkPolicy/guard", "networkpolicy/shop/guard"])
def test_a_deleted_policy_opens_what_it_closed(name: str, deploy: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["what-if", deploy, "--delete", name, "-o", "json"]) == 1
    assert effects(capsys.readouterr().out) >= OPENED


def test_a_deleted_namespace_takes_its_contents_along(deploy: str, tmp_path: Path) -> None:
    other = (PODS + GUARD).replace("shop", "mall")
    (tmp_path / "deploy" / "mall.yaml").write_text(other)
    assert main(["what-if", deploy, "--delete", "Namespace/mall", "--accept", _all(tmp_path)]) == 0


def _all(folder: Path) -> str:
    (file := folder / "accepted").write_text("*: * -> *\n")
    return str(file)


def test_a_policy_is_applied_in_every_step_of_a_scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pods.yaml").write_text(PODS)
    (tmp_path / "guard.yaml").write_text(GUARD)
    steps = "[{name: a, others: oracle}, {name: b, policies: [guard.yaml], others: oracle}]"
    (tmp_path / "scenario.yaml").write_text(f"title: t\nworkloads: [pods.yaml]\nsteps: {steps}\n")
    (tmp_path / "new").mkdir()
    (file := tmp_path / "new" / "policy.yaml").write_text(GUARD)
    assert main(["what-if", str(tmp_path), "-f", str(file)]) == 1
    told = capsys.readouterr().out
    assert "step a: 2 stop being reachable" in told
    assert "step b: no path changes" in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "there is nothing to change; give manifests with -f"),
        (["--delete", "NetworkPolicy/gaurd"], "did you mean NetworkPolicy/guard"),
        (["-f", "nosuch.yaml"], "nosuch.yaml"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str], message: str, deploy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["what-if", deploy, *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_captured_cluster_with_the_policies_of_a_directory(
    deploy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    objects = [document for document in yaml.safe_load_all(Path(deploy, "all.yaml").read_text()) if document]
    (dump := tmp_path / "dump.yaml").write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": objects}))
    assert main(["capture", "--from", str(dump), "--out", str(tmp_path / "captured")]) == 0
    (folder := tmp_path / "policies").mkdir()
    (folder / "policy.yaml").write_text(FROM_WEB.removeprefix("---\n"))
    capsys.readouterr()
    assert main(["what-if", str(tmp_path / "captured"), "-f", str(folder), "-o", "json"]) == 1
    assert effects(capsys.readouterr().out) == OPENED
