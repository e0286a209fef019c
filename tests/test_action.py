"""The action of GitHub: its shell steps run as they stand, in a repository whose pull request opens the database."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.analysis.changes.conftest import FROM_WEB, GUARD, PODS

ROOT = Path(__file__).resolve().parents[1]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yaml").read_text())
INSTALL, COMPARE = ACTION["runs"]["steps"]
EXPRESSION = re.compile(r"\$\{\{ ([a-z._-]+) \}\}")


@dataclass
class Job:
    """A job on a runner: its checkout, its folder of temporary files, and the event that started it."""

    checkout: Path
    runner: Path
    base: str
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """What the steps have written to the summary."""
        return text if (file := self.runner / "summary").exists() and (text := file.read_text()) else ""

    def run(self, step: Mapping[str, Any], **inputs: str) -> tuple[int, dict[str, str]]:
        """Run a step as GitHub runs ``shell: bash``; return its exit code and its outputs."""
        defaults = {f"inputs.{name}": str(declared["default"]) for name, declared in ACTION["inputs"].items()}
        given = {f"inputs.{name}": value for name, value in inputs.items()}
        context = {"github.event.pull_request.base.sha": self.base, **defaults, **given}
        variables = {name: expanded(expanded(text, context), context) for name, text in step["env"].items()}
        files = {
            "RUNNER_TEMP": str(self.runner),
            "GITHUB_ACTION_PATH": str(self.runner / "action"),
            "GITHUB_STEP_SUMMARY": str(self.runner / "summary"),
            "GITHUB_OUTPUT": str(output := self.runner / "output"),
        }
        output.write_text("")
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        environment = {**os.environ, **self.environment, **files, **variables}
        done = subprocess.run(command, cwd=self.checkout, env=environment, check=False, timeout=300)
        lines = output.read_text().splitlines()
        return done.returncode, dict(line.split("=", 1) for line in lines)


def expanded(text: str, context: Mapping[str, str]) -> str:
    return EXPRESSION.sub(lambda match: context[match[1]], text)


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A checkout of a pull request: its base guards the database, its head opens it."""
    (deploy := tmp_path / "repository" / "deploy").mkdir(parents=True)
    git(deploy.parent, "init", "--quiet", "--initial-branch=main")
    for manifests in (PODS + GUARD, PODS + GUARD + FROM_WEB):
        (deploy / "all.yaml").write_text(manifests)
        git(deploy, "add", "-A")
        git(deploy, "commit", "--quiet", "-m", "change")
    (programs := tmp_path / "runner" / "netpol" / "bin").mkdir(parents=True)
    (programs / "netpol").symlink_to(Path(sys.executable).with_name("netpol"))
    return Job(deploy.parent, tmp_path / "runner", git(deploy, "rev-parse", "main~1"))


def shallow(job: Job, tmp_path: Path) -> Job:
    """The same job in a checkout of the last commit alone, as actions/checkout makes it."""
    clone = tmp_path / "shallow"
    git(job.checkout, "clone", "--quiet", "--depth=1", f"file://{job.checkout}", str(clone))
    return Job(clone, job.runner, job.base)


def test_a_pull_request_that_opens_the_database_fails_with_the_line_in_the_summary(job: Job) -> None:
    code, outputs = job.run(COMPARE, path="deploy")
    assert (code, outputs["exit-code"]) == (1, "1")
    assert "### step derived" in job.summary
    assert "all.yaml:29" in job.summary
    assert Path(outputs["report"]).read_text() == job.summary


def test_an_accepted_change_passes(job: Job) -> None:
    (job.checkout / "accepted.txt").write_text("opened: web -> *:5432\n")
    code, outputs = job.run(COMPARE, path="deploy", accept="accepted.txt", format="sarif")
    assert (code, outputs["exit-code"]) == (0, "0")
    assert '"results": []' in Path(outputs["report"]).read_text()


def test_inputs_may_contain_spaces(job: Job) -> None:
    git(job.checkout, "mv", "deploy", "my deploy")
    git(job.checkout, "commit", "--quiet", "-m", "rename")
    (job.checkout / "my deploy" / "all.yaml").write_text(PODS + GUARD)
    (job.checkout / "my accepted changes.txt").write_text("closed: web -> *:5432\n")
    inputs = {"path": "my deploy", "accept": "my accepted changes.txt"}
    assert job.run(COMPARE, **inputs, base="HEAD")[0] == 0
    assert "2 accepted" in job.summary


def test_inputs_are_no_shell_code(job: Job) -> None:
    code, _ = job.run(COMPARE, path="$(touch deploy/owned); touch deploy/owned")
    assert code == 2
    assert not (job.checkout / "deploy" / "owned").exists()


def test_an_error_is_in_the_summary_and_there_is_no_report(job: Job) -> None:
    code, outputs = job.run(COMPARE, path="nowhere", format="sarif")
    assert (code, outputs) == (2, {"exit-code": "2"})
    assert "nowhere" in job.summary


def test_no_base_is_said(job: Job) -> None:
    code, outputs = job.run(COMPARE, base="")
    assert (code, outputs) == (2, {"exit-code": "2"})
    assert "give the input 'base'" in job.summary


@pytest.mark.parametrize("base", ["", "main~1"])
def test_a_base_that_a_shallow_clone_lacks_is_fetched(job: Job, tmp_path: Path, base: str) -> None:
    """A commit as in the event of a pull request, and a branch, which a checkout of one commit does not know."""
    git(job.checkout, "branch", "release", "main~1")
    inputs = {"base": "release"} if base else {}
    assert shallow(job, tmp_path).run(COMPARE, path="deploy", **inputs)[0] == 1
    assert "all.yaml:29" in job.summary


def test_a_base_that_cannot_be_fetched_is_said_with_the_fix(job: Job, tmp_path: Path) -> None:
    """As in a pull request from a fork of a private repository, whose checkout keeps no token."""
    clone = shallow(job, tmp_path)
    git(clone.checkout, "remote", "set-url", "origin", str(tmp_path / "forbidden"))
    code, outputs = clone.run(COMPARE, path="deploy")
    assert (code, outputs) == (2, {"exit-code": "2"})
    assert "check out with fetch-depth: 0" in clone.summary


def test_no_step_expands_an_expression_in_its_script() -> None:
    assert not [step for step in ACTION["runs"]["steps"] if "${{" in step["run"]]


def test_the_outputs_are_those_of_the_steps(job: Job) -> None:
    _, outputs = job.run(COMPARE, path="deploy")
    declared = {name: EXPRESSION.fullmatch(output["value"]) for name, output in ACTION["outputs"].items()}
    assert {name: match and match[1] for name, match in declared.items()} == {
        name: f"steps.compare.outputs.{name}" for name in outputs
    }


@pytest.mark.live
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_it_installs_itself_and_proves_the_changes_by_packets(job: Job) -> None:
    """On a runner with its dependencies at hand, so that nothing is downloaded."""
    shutil.rmtree(job.runner / "netpol")
    shutil.copytree(ROOT / "harness", job.runner / "action" / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, job.runner / "action" / name)
    (tools := job.runner / "tools").mkdir()
    for name in ("sudo", "apt-get", "sysctl"):
        (tools / name).write_text(f'#!/bin/sh\necho {name} "$@" >> {job.runner}/commands\n')
        (tools / name).chmod(0o755)
    environment = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_NO_INDEX": "1",
    }
    runner = Job(job.checkout, job.runner, job.base, environment)
    assert runner.run(INSTALL, prove="true")[0] == 0
    assert "install -qq -y curl libnftables1 netcat-openbsd" in (job.runner / "commands").read_text()
    code, outputs = runner.run(COMPARE, path="deploy", prove="true", format="json")
    assert (code, outputs["exit-code"]) == (1, "1")
    assert "2 proven" in runner.summary
    assert outputs["report"].endswith(".json")
