"""The action of GitHub: its shell steps run as they stand, in a repository whose pull request opens the database."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.analysis.changes.conftest import FROM_WEB, GUARD, PODS

ROOT = Path(__file__).resolve().parents[1]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yaml").read_text())
COMPARE = next(step for step in ACTION["runs"]["steps"] if step.get("id") == "compare")


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A checkout of a pull request: its base guards the database, its head opens it."""
    (repository := tmp_path / "repository" / "deploy").mkdir(parents=True)
    git(repository.parent, "init", "--quiet", "--initial-branch=main")
    for manifests in (PODS + GUARD, PODS + GUARD + FROM_WEB):
        (repository / "all.yaml").write_text(manifests)
        git(repository, "add", "-A")
        git(repository, "commit", "--quiet", "-m", "change")
    programs = tmp_path / "runner" / "netpol" / "bin"
    programs.mkdir(parents=True)
    (programs / "netpol").symlink_to(Path(sys.executable).with_name("netpol"))
    return repository.parent


def compare(repository: Path, **inputs: str) -> tuple[int, str, dict[str, str]]:
    """Run the step; return its exit code, the summary, and its outputs."""
    runner = repository.parent / "runner"
    defaults = {name: str(declared["default"]) for name, declared in ACTION["inputs"].items()}
    values = {**defaults, "base": git(repository, "rev-parse", "main~1"), "path": "deploy", **inputs}
    variables = {
        name: values[expression.removeprefix("${{ inputs.").removesuffix(" }}")]
        for name, expression in COMPARE["env"].items()
    }
    summary, output = runner / "summary", runner / "output"
    files = {"RUNNER_TEMP": str(runner), "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(output)}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", COMPARE["run"]]
    done = subprocess.run(command, cwd=repository, env={**os.environ, **files, **variables}, check=False, timeout=120)
    lines = output.read_text().splitlines() if output.exists() else []
    text = summary.read_text() if summary.exists() else ""
    return done.returncode, text, dict(line.split("=", 1) for line in lines)


def test_a_pull_request_that_opens_the_database_fails_with_the_line_in_the_summary(repository: Path) -> None:
    code, summary, outputs = compare(repository)
    assert code == 1
    assert "### step derived" in summary
    assert "all.yaml:29" in summary
    assert outputs["exit-code"] == "1"
    assert Path(outputs["report"]).read_text() == summary


def test_an_accepted_change_passes(repository: Path) -> None:
    (repository / "accepted.txt").write_text("opened: web -> *:5432\n")
    code, _, outputs = compare(repository, accept="accepted.txt", format="sarif")
    assert (code, outputs["exit-code"]) == (0, "0")
    assert '"results": []' in Path(outputs["report"]).read_text()


def test_inputs_are_no_shell_code(repository: Path) -> None:
    code, _, _ = compare(repository, path="$(touch deploy/owned); touch deploy/owned")
    assert code == 2
    assert not (repository / "deploy" / "owned").exists()


def test_no_base_is_said(repository: Path) -> None:
    assert compare(repository, base="")[0] == 2


def test_no_step_expands_an_expression_in_its_script() -> None:
    assert not [step for step in ACTION["runs"]["steps"] if "${{" in step["run"]]
