"""Directories of scenarios, made from a few texts."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

POD = """
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec: {{containers: [{{name: main, image: stand-in, ports: [{{containerPort: {port}}}]}}]}}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: db-service}
spec: {selector: {app: db}, ports: [{port: 3306}]}
"""
WORKLOADS = "---".join([POD.format(name="web", port=80), POD.format(name="db", port=3306), SERVICE])
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {}, policyTypes: [Ingress]}
"""
SCENARIO = """
title: A title
workloads: [workloads.yaml]
steps:
  - name: open
    paths: {web -> db-service:3306: allowed}
  - name: closed
    policies: [deny.yaml]
    paths: {web -> db-service:3306: blocked}
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a small valid scenario with some files replaced or added; returns its scenario.yaml."""

    def write_files(scenario: str = SCENARIO, files: Mapping[str, str | bytes] | None = None) -> Path:
        whole = {"scenario.yaml": scenario, "workloads.yaml": WORKLOADS, "deny.yaml": POLICY, **(files or {})}
        directory = tmp_path / "small"
        for name, content in whole.items():
            file = directory / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return directory / "scenario.yaml"

    return write_files
