"""The time to explain a path that is not as expected, with the edits that would make it so, in a large scenario."""

import tempfile
import time
from pathlib import Path

import yaml

from netpol_harness.analysis.explain import explain_path
from netpol_harness.analysis.predict import Predictor
from netpol_harness.scenario.load import load

COUNT = 100
"""The number of pods, and of policies."""


def explanation() -> tuple[float, float]:
    """Return the seconds for the advice on a blocked path, and for a prediction of it."""
    with tempfile.TemporaryDirectory() as directory:
        scenario = load(_written(Path(directory)))
    step = scenario.steps[0]
    predictor, path = Predictor(scenario, step), step.expectations[0].path
    start = time.perf_counter()
    predictor.predict(path)
    predicted = time.perf_counter()
    assert explain_path(predictor, path).solutions
    return time.perf_counter() - predicted, predicted - start


def _written(directory: Path) -> Path:
    """Write pods with a policy each, whose rules admit another pod on another port."""
    (directory / "pods.yaml").write_text(yaml.safe_dump_all(_pod(number) for number in range(COUNT)))
    (directory / "policies.yaml").write_text(yaml.safe_dump_all(_policy(number) for number in range(COUNT)))
    paths = {f"pod-{number} -> pod-{number + 1}:80": "allowed" for number in range(COUNT - 1)}
    step = {"name": "s", "policies": ["policies.yaml"], "paths": paths}
    file = directory / "scenario.yaml"
    file.write_text(yaml.safe_dump({"title": "large", "workloads": ["pods.yaml"], "steps": [step]}))
    return file


def _pod(number: int) -> dict[str, object]:
    container = {"name": "c", "image": "stand-in", "ports": [{"containerPort": 80}]}
    metadata = {"name": f"pod-{number}", "labels": {"app": f"{number}"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


def _policy(number: int) -> dict[str, object]:
    peers = [{"podSelector": {"matchLabels": {"app": f"{(number + 7) % COUNT}"}}}]
    rules = {key: [{peer: peers, "ports": [{"port": 8080}]}] for key, peer in (("ingress", "from"), ("egress", "to"))}
    spec = {"podSelector": {"matchLabels": {"app": f"{number}"}}, "policyTypes": ["Ingress", "Egress"], **rules}
    head = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": f"policy-{number}"}}
    return {**head, "spec": spec}
