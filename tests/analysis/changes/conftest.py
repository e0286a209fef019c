"""Two directories of manifests, one before a change and one after it, and their predictors."""

from collections.abc import Callable
from pathlib import Path

import pytest

from netpol_harness.analysis.changes.change import Change
from netpol_harness.analysis.changes.change import compare as compared
from netpol_harness.analysis.predict import Predictor
from netpol_harness.scenario.derive import derive

PODS = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: main, image: stand-in, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {containers: [{name: main, image: stand-in, ports: [{containerPort: 5432}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: store, namespace: shop}
spec: {selector: {app: db}, ports: [{port: 5432}]}
"""

Compare = Callable[[str, str], list[Change]]


def policy(name: str, spec: str) -> str:
    """Return a NetworkPolicy of namespace ``shop``; ``spec`` is YAML in flow style."""
    head = f"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: shop}}"
    return f"---\n{head}\nspec: {spec}\n"


GUARD = policy("guard", "{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress]}")
FROM_WEB = policy(
    "from-web", "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}"
)


@pytest.fixture
def predictor(tmp_path: Path) -> Callable[[str, str], Predictor]:
    """Return a function: the predictor of ``manifests``, written to a folder of this name."""

    def made(name: str, manifests: str) -> Predictor:
        (folder := tmp_path / name).mkdir()
        (folder / "all.yaml").write_text(manifests)
        scenario = derive(folder)
        return Predictor(scenario, scenario.steps[-1])

    return made


@pytest.fixture
def compare(predictor: Callable[[str, str], Predictor]) -> Compare:
    """Return a function: the changes between two texts of manifests."""
    return lambda before, after: list(compared(predictor("before", before), predictor("after", after)).changes)
