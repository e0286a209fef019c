from typing import Any

import pytest

from netpol_harness.emulator.pod import is_external_host, is_ready
from netpol_harness.wellknown import EXTERNAL_HOST_ANNOTATION


def ready(status: str) -> list[dict[str, str]]:
    return [{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": status}]


@pytest.mark.parametrize(
    ("metadata", "status"),
    [
        ({}, {"conditions": ready("False")}),
        ({}, {"conditions": []}),
        ({}, None),
        ({"deletionTimestamp": "2026-01-01T00:00:00Z"}, {"conditions": ready("True")}),
    ],
    ids=["not ready", "no conditions", "no status", "being deleted"],
)
def test_unready_pods(metadata: dict[str, str], status: dict[str, Any] | None) -> None:
    assert not is_ready({"metadata": metadata, "status": status})


def test_a_ready_pod() -> None:
    assert is_ready({"metadata": {}, "status": {"conditions": ready("True")}})


@pytest.mark.parametrize(
    ("annotations", "expected"), [({EXTERNAL_HOST_ANNOTATION: ""}, True), ({}, False), (None, False)]
)
def test_an_external_host_is_annotated(annotations: dict[str, str] | None, *, expected: bool) -> None:
    assert is_external_host({"metadata": {"annotations": annotations}}) is expected
