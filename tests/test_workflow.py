"""The nightly workflow: what actionlint would say of its form, and that what it names is there."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from netpol_harness.backends.kind.images import KIND, PINNED
from netpol_harness.plugin.known.file import deviations
from netpol_harness.plugin.options import OPTIONS

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


@pytest.fixture(scope="module")
def run(job: dict[str, Any]) -> str:
    (found,) = [step["run"] for step in job["steps"] if "--netpol-cluster kind" in step.get("run", "")]
    return str(found)


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
        assert (context == "matrix" and all(name in lane for lane in matrix["include"])) or expression == "github.ref"
    assert not any(EXPRESSION.search(step.get("run", "")) for step in job["steps"]), "they belong into env"


def test_each_dataplane_and_family_has_a_lane(job: dict[str, Any]) -> None:
    lanes = job["strategy"]["matrix"]["include"]
    assert {lane["lane"]: (lane["cni"], lane["family"]) for lane in lanes} == {
        "calico": ("calico", "ipv4"),
        "calico-nftables": ("calico-nftables", "ipv4"),
        "dual-stack": ("calico", "dual"),
        "kindnet": ("kindnet", "ipv4"),
    }
    assert len({(lane["lane"], lane["kubernetes"]) for lane in lanes}) == len(lanes)
    versions = {lane["kubernetes"] for lane in lanes}
    assert len(versions) == 2
    assert versions <= PINNED.keys()
    assert all((ROOT / "manifests" / "cni" / f"{lane['cni']}.yaml").is_file() for lane in lanes)
    assert job["strategy"]["fail-fast"] is False


def test_its_options_are_options_and_its_known_deviations_can_be_read(run: str) -> None:
    used = set(re.findall(r"--netpol-[a-z-]+", run))
    assert used <= {option.long for option in OPTIONS}
    assert {"--netpol-cluster", "--netpol-cni", "--netpol-ip-family", "--netpol-known", "--netpol-report-dir"} <= used
    (known,) = re.findall(r"--netpol-known (\S+)", run)
    assert not [line for line in deviations(ROOT / known, known) if not line.dataplane], "each lane has its own"


def test_images_come_from_registries_without_pull_limits(job: dict[str, Any]) -> None:
    """The engine takes Docker Hub's from a mirror, before anything is pulled; nodes have only what scenarios name."""
    runs = [step.get("run", "") for step in job["steps"]]
    (mirror,) = [number for number, text in enumerate(runs) if '"registry-mirrors": ["https://mirror.gcr.io"]' in text]
    assert mirror < next(number for number, text in enumerate(runs) if "--netpol-cluster kind" in text)
    named = [
        (file.relative_to(ROOT), image)
        for file in (ROOT / "scenarios").rglob("*.yaml")
        for image in re.findall(r"\bimage: *[\"']?([^\s,}\"']+)", file.read_text())
    ]
    assert named
    free = ("registry.k8s.io/", "quay.io/", "public.ecr.aws/", "mirror.gcr.io/", "ghcr.io/")
    assert not [(str(file), image) for file, image in named if not image.startswith(free)]


def test_the_kind_release_is_that_of_the_images(job: dict[str, Any]) -> None:
    runs = "\n".join(step.get("run", "") for step in job["steps"])
    assert f"sigs.k8s.io/kind@v{'.'.join(map(str, KIND))}" in runs


def test_reports_are_kept_whatever_happened(job: dict[str, Any], run: str) -> None:
    keep = job["steps"][-1]
    assert keep["if"] == "always()"
    assert keep["uses"].startswith("actions/upload-artifact@")
    folder = keep["with"]["path"]
    assert f"--netpol-report-dir {folder} " in run
    assert f"--junitxml {folder}/" in run
