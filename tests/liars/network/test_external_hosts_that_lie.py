"""External hosts that answer from another address than the one that was asked: no verdict on them is believed."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.backends.select import BackendChoice
from netpol_harness.lab import Lab, Settings
from netpol_harness.results.evidence import Judgement
from netpol_harness.runner.run import ScenarioRun
from netpol_harness.scenario.load import load
from tests.liars.network.town import judged
from tests.liars.network.wire import Wire

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
ELSEWHERE = "203.0.113.250"
WORKLOADS = """
{apiVersion: v1, kind: Namespace, metadata: {name: x}}
---
{apiVersion: v1, kind: Pod, metadata: {name: free, namespace: x}, spec: {containers: [{name: c, image: i}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: bound, namespace: x, labels: {app: bound}},
 spec: {containers: [{name: c, image: i}]}}
"""
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: bound, namespace: x}
spec: {podSelector: {matchLabels: {app: bound}}, policyTypes: [Egress]}
"""
SCENARIO = """
title: an external host
workloads: [workloads.yaml]
external: {outside: {address: 203.0.113.77, ports: [7000, 7000/UDP]}}
steps:
  - name: closed
    policies: [policy.yaml]
    paths:
      x/free -> udp://outside:7000: allowed
      x/bound -> udp://outside:7000: blocked
      x/free -> outside:7000: allowed
      x/bound -> outside:7000: blocked
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ScenarioRun, Wire]]:
    directory: Path = tmp_path_factory.mktemp("outside")
    for name, text in (("workloads", WORKLOADS), ("policy", POLICY), ("scenario", SCENARIO)):
        (directory / f"{name}.yaml").write_text(text)
    settings = Settings(probe_timeout=0.2, settle_deadline=0.2)
    with Lab(BackendChoice(EmbeddedBackend(), "for a test"), settings) as lab:
        scenario_run = lab.scenario_run(load(directory / "scenario.yaml"))
        scenario_run.open()
        yield scenario_run, Wire(int((lab.directory / "embedded.pid").read_text()))
        scenario_run.close()


def test_an_honest_host_is_believed(run: tuple[ScenarioRun, Wire]) -> None:
    assert set(judged(run[0]).values()) == {Judgement.AGREES}


def test_an_answer_from_elsewhere_is_no_answer_although_the_listener_is_alive(run: tuple[ScenarioRun, Wire]) -> None:
    scenario_run, wire = run
    with wire.rules(f"ip saddr 203.0.113.77 udp sport 7000 ip saddr set {ELSEWHERE}"):
        found = judged(scenario_run)
    believed = {text: judgement for text, judgement in found.items() if "udp" in text}
    assert set(believed.values()) == {Judgement.UNPROVEN}
    assert {judgement for text, judgement in found.items() if "udp" not in text} == {Judgement.AGREES}
