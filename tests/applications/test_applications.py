"""Eight applications, as the manifests of public projects deploy them, run unchanged with every verdict derived.

What the pods observe and what the oracle says must be the same, and denials must be among it.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.scenario.derive import derive

HERE = Path(__file__).parent
APPLICATIONS = sorted(folder.name for folder in HERE.iterdir() if folder.is_dir() and folder.name[0] not in "._")
KINDS = (
    "ClusterRole ConfigMap CronJob CustomResourceDefinition DaemonSet Deployment HorizontalPodAutoscaler Ingress Job "
    "PersistentVolumeClaim PodDisruptionBudget ReplicaSet ReplicationController Role Secret Service "
    "ServiceAccount ServiceMonitor StatefulSet StorageClass ValidatingWebhookConfiguration"
)
"""Kinds that public projects have beside their policies."""


@pytest.fixture
def path_results(request: pytest.FixtureRequest, pytester: pytest.Pytester) -> list[dict[str, Any]]:
    """Run one application in a process of its own, and return the results of its paths."""
    result = pytester.runpytest_subprocess(
        "-p",
        "netpol_harness.plugin",
        "--netpol-cluster=embedded",
        "--netpol-derive",
        "--netpol-report-dir=report",
        str(HERE / request.param),
    )
    outcomes = result.parseoutcomes()
    assert outcomes.keys() <= {"passed", "skipped", "warning", "warnings"}, outcomes  # skipped: paths of CronJobs
    (file,) = (pytester.path / "report").glob("*.derived-*.json")
    paths: list[dict[str, Any]] = json.loads(file.read_text())["paths"]
    return paths


@pytest.mark.live
@pytest.mark.parametrize("path_results", APPLICATIONS, indirect=True)
def test_an_application_runs_unchanged_and_is_denied_what_its_policies_deny(path_results: list[dict[str, Any]]) -> None:
    assert {path["judgement"] for path in path_results} == {"agrees"}
    expected = Counter(path["expected"] for path in path_results)
    assert expected["blocked"] > 0
    assert expected["allowed"] > 0
    assert expected["undefined"] <= len(path_results) // 4, "most paths have a verdict that could be wrong"


def test_the_applications_have_the_kinds_and_forms_of_public_projects() -> None:
    assert len(APPLICATIONS) == 8
    manifests = [manifest for name in APPLICATIONS for manifest in derive(HERE / name).workloads]
    assert {*KINDS.split()} <= {manifest.name.kind for manifest in manifests}
    files = [file for name in APPLICATIONS for file in (HERE / name).rglob("*.*")]
    assert {file.suffix for file in files} == {".yaml", ".yml", ".json"}
