from collections.abc import Callable
from pathlib import Path

from netpol_harness.scenario.load import load
from netpol_harness.scenario.unused_policies import unused_policies

POLICY = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: NAME}, spec: {podSelector: {}}}\n"
CONFIG = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}\n"


def test_policies_that_no_step_names_are_found_wherever_they_lie(write: Callable[..., Path]) -> None:
    files = {
        "late.yaml": POLICY.replace("NAME", "late"),
        "deep/er.yml": "---\n" + POLICY.replace("NAME", "one") + "---\n" + CONFIG,
        "broken.yaml": "[",
        "notes.txt": POLICY.replace("NAME", "notes"),
    }
    found = unused_policies(load(write(files=files)))
    assert {(manifest.name.ref.name, manifest.where) for manifest in found} == {
        ("late", "late.yaml:1"),
        ("one", "deep/er.yml:2"),
    }
