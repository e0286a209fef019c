"""Two scenarios with ClusterNetworkPolicies of the same name, on one cluster at the same time, by packets."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.backends.select import BackendChoice
from netpol_harness.lab import Lab, Settings
from netpol_harness.results.evidence import Judgement
from netpol_harness.runner.run import ScenarioRun
from netpol_harness.scenario.load import load

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

KIND = "policy.networking.k8s.io/v1alpha2"
WORKLOADS = """
{apiVersion: v1, kind: Namespace, metadata: {name: x, labels: {team: x}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: x, labels: {pod: a}}, spec: {containers: [
 {name: c, image: i, ports: [{containerPort: 80}]}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: x}, spec: {containers: [{name: c, image: i}]}}
"""
POLICY = f"""
apiVersion: {KIND}
kind: ClusterNetworkPolicy
metadata: {{name: admin}}
spec:
  tier: Admin
  priority: 1
  subject: {{namespaces: {{matchLabels: {{team: x}}}}}}
  ingress: [{{action: %s, from: [{{namespaces: {{}}}}]}}]
"""
SCENARIO = """
title: one of two
workloads: [workloads.yaml]
requires: [ClusterNetworkPolicy]
steps:
  - name: applied
    policies: [admin.yaml]
    paths: {x/b -> x/a:80: %s}
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(BackendChoice(EmbeddedBackend(), "for a test"), Settings()) as owner:
        yield owner


def opened(lab: Lab, folder: Path, action: str, verdict: str) -> ScenarioRun:
    """Open a scenario whose policy does this to all traffic of its pods."""
    folder.mkdir()
    (folder / "workloads.yaml").write_text(WORKLOADS)
    (folder / "admin.yaml").write_text(POLICY % action)
    (folder / "scenario.yaml").write_text(SCENARIO % verdict)
    run = lab.scenario_run(load(folder / "scenario.yaml"))
    run.open()
    return run


def test_a_policy_means_the_pods_of_its_own_scenario(lab: Lab, tmp_path: Path) -> None:
    with ExitStack() as ends:
        runs = []
        for action, verdict in (("Deny", "blocked"), ("Accept", "allowed")):
            run = opened(lab, tmp_path / action, action, verdict)
            ends.callback(run.close)
            run.enter("applied")
            runs.append(run)
        for run in runs:
            step = run.scenario.steps[0]
            (result,) = run.observer.observe(step, step.expectations, others=False).path_results.values()
            assert result.judgement is Judgement.AGREES
        keys = [run.key("ClusterNetworkPolicy", "admin", api_version=KIND) for run in runs]
        assert all(run.client.find(key) for run, key in zip(runs, keys, strict=True))
        assert keys[0] != keys[1]
