"""The workflows of GitHub: what their schema, which `make check` validates them against, does not say."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from netpol_harness.backends.kind.images import KIND, PINNED
from netpol_harness.backends.known.file import deviations
from netpol_harness.plugin.options import OPTIONS

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
MIRRORS = ("registry.k8s.io/", "quay.io/", "public.ecr.aws/", "mirror.gcr.io/", "ghcr.io/")
every_workflow = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def load(file: Path) -> dict[str, Any]:
    """The workflow, with the key ``on`` as a text: YAML 1.1 reads it as true."""
    workflow: dict[Any, Any] = yaml.safe_load(file.read_text())
    return {"on" if key is True else key: value for key, value in workflow.items()}


def only_job(file: Path) -> dict[str, Any]:
    """The workflow's job."""
    (job,) = load(file)["jobs"].values()
    assert isinstance(job, dict)
    return job


@pytest.fixture(scope="module")
def nightly() -> dict[str, Any]:
    """The job that runs the scenarios on kind."""
    return only_job(ROOT / ".github" / "workflows" / "nightly.yaml")


@pytest.fixture(scope="module")
def command(nightly: dict[str, Any]) -> str:
    """The command line of pytest in that job."""
    (run,) = [step["run"] for step in nightly["steps"] if "--netpol-cluster kind" in step.get("run", "")]
    return str(run)


@every_workflow
def test_it_is_scheduled_and_may_only_read(file: Path) -> None:
    workflow = load(file)
    (schedule,) = workflow["on"]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* (\*|\d)", schedule["cron"])
    assert workflow["permissions"] == {"contents": "read"}


@every_workflow
def test_actions_are_pinned_with_their_version_in_a_comment(file: Path) -> None:
    actions = [step["uses"] for step in only_job(file)["steps"] if "uses" in step]
    assert actions
    for action in actions:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action)
        assert re.search(rf"uses: {re.escape(action)} # v\d+\.\d+\.\d+$", file.read_text(), re.MULTILINE)


@every_workflow
def test_expressions_refer_to_existing_keys_of_the_matrix_and_are_not_in_scripts(file: Path) -> None:
    job = only_job(file)
    matrix = job.get("strategy", {}).get("matrix", {})
    lanes = matrix.get("include", [matrix])
    for expression in EXPRESSION.findall(file.read_text()):
        context, _, name = expression.partition(".")
        assert (context == "matrix" and all(name in lane for lane in lanes)) or expression == "github.ref"
    assert not any(EXPRESSION.search(step.get("run", "")) for step in job["steps"]), "they belong into env"


def test_each_dataplane_and_family_has_a_lane(nightly: dict[str, Any]) -> None:
    lanes = nightly["strategy"]["matrix"]["include"]
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
    assert nightly["strategy"]["fail-fast"] is False


def test_its_options_exist_and_its_known_deviations_name_their_dataplane(command: str) -> None:
    options = set(re.findall(r"--netpol-[a-z-]+", command))
    assert options <= {option.long for option in OPTIONS}
    assert {
        "--netpol-cluster",
        "--netpol-cni",
        "--netpol-ip-family",
        "--netpol-known",
        "--netpol-report-dir",
    } <= options
    (known,) = re.findall(r"--netpol-known (\S+)", command)
    assert not [line for line in deviations(ROOT / known, known) if not line.dataplane], "each lane has its own"


def test_images_come_from_registries_without_pull_limits(nightly: dict[str, Any]) -> None:
    """The engine pulls Docker Hub's from a mirror, set up before the first pull; scenarios name no image from there."""
    runs = [step.get("run", "") for step in nightly["steps"]]
    (mirror,) = [number for number, text in enumerate(runs) if '"registry-mirrors": ["https://mirror.gcr.io"]' in text]
    assert mirror < next(number for number, text in enumerate(runs) if "--netpol-cluster kind" in text)
    images = [
        (str(file.relative_to(ROOT)), image)
        for file in (ROOT / "scenarios").rglob("*.yaml")
        for image in re.findall(r"\bimage: *[\"']?([^\s,}\"']+)", file.read_text())
    ]
    assert images
    assert [(file, image) for file, image in images if not image.startswith(MIRRORS)] == []


def test_the_kind_release_is_that_of_the_images(nightly: dict[str, Any]) -> None:
    runs = "\n".join(step.get("run", "") for step in nightly["steps"])
    assert f"sigs.k8s.io/kind@v{'.'.join(map(str, KIND))}" in runs


def test_reports_are_uploaded_even_after_a_failure(nightly: dict[str, Any], command: str) -> None:
    upload = nightly["steps"][-1]
    assert upload["if"] == "always()"
    assert upload["uses"].startswith("actions/upload-artifact@")
    folder = upload["with"]["path"]
    assert f"--netpol-report-dir {folder} " in command
    assert f"--junitxml {folder}/" in command


@pytest.mark.parametrize("name", ["agents", "peers"])
def test_go_is_set_up_before_it_builds_and_its_cache_depends_on_files_that_pin_versions(name: str) -> None:
    steps = only_job(ROOT / ".github" / "workflows" / f"{name}.yaml")["steps"]
    (place,) = [number for number, step in enumerate(steps) if step.get("uses", "").startswith("actions/setup-go@")]
    assert place < next(number for number, step in enumerate(steps) if f"make {name}" in step.get("run", ""))
    files = steps[place]["with"]["cache-dependency-path"].split()
    assert files
    assert all((ROOT / file).is_file() for file in files)
