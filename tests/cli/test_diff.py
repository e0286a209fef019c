import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from netpol_harness.cli import main
from tests.analysis.changes.conftest import FROM_WEB, GUARD, PODS, policy


@pytest.fixture
def sides(tmp_path: Path) -> tuple[str, str]:
    """Two directories: the second has a rule more."""
    for name, manifests in (("before", PODS + GUARD), ("after", PODS + GUARD + FROM_WEB)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "all.yaml").write_text(manifests)
    return str(tmp_path / "before"), str(tmp_path / "after")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository whose last commit opens the database; ``deploy`` holds the manifests."""
    deploy = tmp_path / "repo" / "deploy"
    deploy.mkdir(parents=True)
    git(tmp_path, "init", "--quiet", "--initial-branch=main", "repo")
    for manifests in (PODS + GUARD, PODS + GUARD + FROM_WEB):
        (deploy / "all.yaml").write_text(manifests)
        git(deploy, "add", "-A")
        git(deploy, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", "change")
    return deploy


def git(folder: Path, *arguments: str) -> str:
    run = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return run.stdout


def test_a_change_is_a_finding(sides: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", *sides]) == 1
    told = capsys.readouterr().out
    assert told.startswith("step derived: 2 become reachable (of 13; 1 of them undefined on both sides)\n")
    assert "\n  opened (blocked -> allowed), 2 paths\n" in told
    assert "ingress: the only rule (all.yaml:29) of from-web admits this" in told
    assert "web -> store:5432, db:5432" in told


def test_no_change_is_none(sides: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", sides[0], sides[0]]) == 0
    assert capsys.readouterr().out.startswith("step derived: no path changes (of ")


def test_nothing_to_compare_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "only.yaml"
    file.write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")
    assert main(["diff", str(file), str(file)]) == 2
    assert "there is nothing to compare" in capsys.readouterr().err


def test_paths_that_no_side_knows_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A policy of another API governs everything, so the oracle would not see what it changes."""
    other = "---\napiVersion: example.com/v1\nkind: TrafficPolicy\nmetadata: {name: all}\nspec: {action: DENY}\n"
    for name, manifests in (("one", PODS + other), ("two", PODS + other.replace("DENY", "ALLOW"))):
        (tmp_path / f"{name}.yaml").write_text(manifests)
    assert main(["diff", str(tmp_path / "one.yaml"), str(tmp_path / "two.yaml")]) == 0
    told = capsys.readouterr().out
    assert "of them undefined on both sides)" in told


def test_a_step_of_one_side_only_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, second in (("one", "b"), ("two", "c")):
        steps = f"[{{name: a, others: oracle}}, {{name: {second}, others: oracle}}]"
        (folder := tmp_path / name).mkdir()
        (folder / "pods.yaml").write_text(PODS)
        (folder / "scenario.yaml").write_text(f"title: t\nworkloads: [pods.yaml]\nsteps: {steps}\n")
    assert main(["diff", str(tmp_path / "one"), str(tmp_path / "two")]) == 0
    assert "not compared, because only one side has them: the steps b, c" in capsys.readouterr().err


def test_accepted_changes_are_no_findings(
    sides: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accepted = tmp_path / "accepted.txt"
    accepted.write_text("opened: web -> *:5432\nclosed: web -> db:5432\n")
    assert main(["diff", *sides, "--accept", str(accepted)]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("step derived: 2 accepted (of ")
    assert f"{accepted}:2: no change is 'closed: web -> db:5432'; remove the line" in told.err


def test_revisions_of_a_repository_are_compared_and_it_stays_as_it_is(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "untracked.txt").write_text("mine")
    before = (
        git(repository, "status", "--porcelain"),
        git(repository, "for-each-ref"),
        git(repository, "worktree", "list"),
    )
    assert main(["diff", "main~1..main", str(repository), "-o", "json"]) == 1
    (step,) = json.loads(capsys.readouterr().out)
    assert {(c["effect"], c["source"], c["target"]) for c in step["changes"]} == {
        ("opened", "web", "db:5432"),
        ("opened", "web", "store:5432"),
    }
    assert before == (
        git(repository, "status", "--porcelain"),
        git(repository, "for-each-ref"),
        git(repository, "worktree", "list"),
    )


def test_without_a_second_revision_files_are_compared_as_they_are(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "all.yaml").write_text(PODS + GUARD)
    assert main(["diff", "HEAD..", str(repository)]) == 1
    assert "closed (allowed -> blocked), 2 paths" in capsys.readouterr().out
    assert main(["diff", "HEAD~1..", str(repository)]) == 0


def test_a_scenario_that_reads_files_of_its_repository_is_found_at_each_revision(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = repository.parent / "tests"
    folder.mkdir()
    (folder / "scenario.yaml").write_text(
        "title: t\nworkloads: [../deploy/all.yaml]\n"
        "steps: [{name: s, policies: [../deploy/all.yaml], expect: oracle}]\n"
    )
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", "scenario")
    (repository / "all.yaml").write_text(PODS + GUARD)
    assert main(["diff", "HEAD..", str(folder)]) == 1
    assert "web -> store:5432" in capsys.readouterr().out


@pytest.mark.parametrize("revision", ["nosuch", "--all"])
def test_a_revision_that_is_none_is_said(revision: str, repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "--", f"{revision}..main", str(repository)]) == 2
    assert f"unknown revision {revision}" in capsys.readouterr().err


def test_a_directory_outside_of_git_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "a..b", str(tmp_path)]) == 2
    assert "not a git repository" in capsys.readouterr().err


def test_a_step_that_one_side_lacks_is_said(sides: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", *sides, "--step", "derive"]) == 2
    assert "there is no step 'derive' on both sides; did you mean derived?" in capsys.readouterr().err


def test_what_a_killed_comparison_left_is_removed_by_the_next(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder := tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    program = (
        "import os, signal, tempfile; from pathlib import Path; from netpol_harness.cli.revisions import checked_out\n"
        f"tempfile.tempdir = {str(folder)!r}\n"
        f"with checked_out('main', Path({str(repository)!r})) as tree:\n"
        "    assert (tree / 'all.yaml').is_file()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -signal.SIGKILL
    assert list(folder.iterdir())
    assert main(["diff", "main~1..main", str(repository)]) == 1
    assert not list(folder.iterdir())


def test_sarif_names_the_line_relative_to_the_working_directory(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repository.parent)
    assert main(["diff", "main~1..main", "deploy", "-o", "sarif"]) == 1
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    (place,) = [each["locations"][0]["physicalLocation"] for each in run["results"]]
    assert place["artifactLocation"] == {"uri": "deploy/all.yaml"}
    assert place["region"]["startLine"] == 29


@pytest.mark.live
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_packets_prove_what_a_pull_request_opens(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The story of a pull request: it opens the database, is caught with the line, and packets agree."""
    assert main(["diff", "main~1..main", str(repository), "--prove"]) == 1
    told = capsys.readouterr().out
    assert "ingress: the only rule (all.yaml:29) of from-web admits this" in told
    assert re.search(r"by packets \(embedded: .*\): 2 proven", " ".join(told.split()))


@pytest.mark.live
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_contradiction_has_an_exit_code_of_its_own_even_if_the_change_is_accepted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    peers = "[{from: [{podSelector: {matchExpressions: [{key: app, operator: In, values: [web, ui]}]}}]}]"
    opened = policy("from-two", f"{{podSelector: {{matchLabels: {{app: db}}}}, ingress: {peers}}}")
    (tmp_path / "before.yaml").write_text(PODS + GUARD)
    (tmp_path / "after.yaml").write_text(PODS + GUARD + opened)
    (tmp_path / "accepted").write_text("opened: * -> *\n")
    sides = [str(tmp_path / "before.yaml"), str(tmp_path / "after.yaml"), "--accept", str(tmp_path / "accepted")]
    assert main(["diff", *sides]) == 0
    capsys.readouterr()
    mutant = ["--mutant", "in-two-values-selects-nothing", "--no-canary"]
    assert main(["diff", *sides, "--prove", *mutant, "-o", "json"]) == 3
    (step,) = json.loads(capsys.readouterr().out)
    assert {each["verdict"] for each in step["proof"]["changes"]} >= {"contradicted"}


def test_a_cluster_that_cannot_be_had_is_an_error(sides: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", *sides, "--prove", "--cluster", "nosuch"]) == 2
    assert "no such backend" in capsys.readouterr().err
