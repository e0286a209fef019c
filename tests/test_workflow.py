"""The nightly workflow: what actionlint would say of its form, and that what it names is there."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.cluster.kind.images import KIND, PINNED

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / ".github" / "workflows" / "nightly.yaml"
TOP = {"name", "on", "permissions", "concurrency", "jobs", "env", "defaults", "run-name"}
JOB = {"name", "runs-on", "timeout-minutes", "strategy", "steps", "needs", "if", "env", "permissions", "outputs"}
STEP = {"name", "id", "if", "uses", "with", "run", "env", "shell", "working-directory", "timeout-minutes"}
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    class Loader(yaml.SafeLoader):
        """YAML 1.2's truth words alone, as GitHub reads it: ``on`` is a text."""

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if not (tag.endswith(":bool") and first in "oOyYnN")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    data: dict[str, Any] = yaml.load(FILE.read_text(), Loader=Loader)
    return data


@pytest.fixture(scope="module")
def job(workflow: dict[str, Any]) -> dict[str, Any]:
    (found,) = workflow["jobs"].values()
    assert isinstance(found, dict)
    return found


def test_its_form(workflow: dict[str, Any], job: dict[str, Any]) -> None:
    assert workflow.keys() <= TOP
    assert {"on", "jobs", "permissions"} <= workflow.keys()
    assert job.keys() <= JOB
    assert {"runs-on", "steps", "timeout-minutes"} <= job.keys()
    for step in job["steps"]:
        assert step.keys() <= STEP
        assert ("uses" in step) != ("run" in step), step


def test_it_runs_every_night(workflow: dict[str, Any]) -> None:
    (schedule,) = workflow["on"]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* \*", schedule["cron"])


def test_it_may_only_read(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}


def test_actions_are_pinned_and_say_their_version(job: dict[str, Any]) -> None:
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert used
    for action in used:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action)
        assert re.search(rf"uses: {re.escape(action)} # v\d+\.\d+\.\d+$", FILE.read_text(), re.MULTILINE)


def test_expressions_name_what_there_is(job: dict[str, Any]) -> None:
    matrix = job["strategy"]["matrix"]
    for expression in EXPRESSION.findall(FILE.read_text()):
        context, _, name = expression.partition(".")
        assert (context == "matrix" and name in matrix) or expression == "github.ref"
    assert not any(EXPRESSION.search(step.get("run", "")) for step in job["steps"]), "they belong into env"


def test_two_cnis_on_two_versions_each(job: dict[str, Any]) -> None:
    matrix = job["strategy"]["matrix"]
    assert matrix["cni"] == ["calico", "kindnet"]
    assert len(matrix["kubernetes"]) == 2
    assert set(matrix["kubernetes"]) <= PINNED.keys()
    assert all((ROOT / "manifests" / "cni" / f"{cni}.yaml").is_file() for cni in matrix["cni"])
    assert job["strategy"]["fail-fast"] is False


def test_the_kind_release_is_that_of_the_images(job: dict[str, Any]) -> None:
    runs = "\n".join(step.get("run", "") for step in job["steps"])
    assert f"sigs.k8s.io/kind@v{'.'.join(map(str, KIND))}" in runs


def test_reports_are_kept_whatever_happened(job: dict[str, Any]) -> None:
    (run,) = [step["run"] for step in job["steps"] if "--cluster kind" in step.get("run", "")]
    keep = job["steps"][-1]
    assert keep["if"] == "always()"
    assert keep["uses"].startswith("actions/upload-artifact@")
    folder = keep["with"]["path"]
    assert f"--report-dir {folder} " in run
    assert f"--junitxml {folder}/" in run
