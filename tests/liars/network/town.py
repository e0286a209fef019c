"""The scenario that both halves of the network's tests run: opened on an embedded cluster, and judged path by path."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access
from netpol_harness.lab import Lab
from netpol_harness.probe.ephemeral import ProbeContainers
from netpol_harness.probe.prober import Prober
from netpol_harness.results.evidence import Judgement
from netpol_harness.results.table import PathResult
from netpol_harness.runner.run import ScenarioRun
from netpol_harness.scenario.load import load

POD = """
---
{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: x, labels: {{app: {name}}}}}, spec: {{containers: [
 {{name: c, image: i, ports: [{ports}]}}]}}}}
"""
SERVICE = """
---
{{apiVersion: v1, kind: Service, metadata: {{name: svc, namespace: x}},
 spec: {{selector: {{app: server}}, ports: [{{port: {port}}}]}}}}
"""
POLICIES = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: server, namespace: x}}
spec:
  podSelector: {{matchExpressions: [{{key: app, operator: In, values: [server, decoy]}}]}}
  policyTypes: [Ingress]
  ingress:
    - from: [{{podSelector: {{matchLabels: {{app: friend}}}}}}]
      ports: [{{port: {port}}}, {{port: {udp}, protocol: UDP}}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: lonely, namespace: x}}
spec:
  podSelector: {{matchLabels: {{app: lonely}}}}
  policyTypes: [Egress]
"""
SCENARIO = """
title: a town
workloads: [workloads.yaml]
steps:
  - name: closed
    policies: [policies.yaml]
    paths:
      x/client -> svc:{port}: blocked
      x/client -> ip(svc):{port}: blocked
      x/client -> server:{port}: blocked
      x/client -> udp://server:{udp}: blocked
      x/friend -> svc:{port}: allowed
      x/friend -> ip(svc):{port}: allowed
      x/friend -> http://svc:{port}: allowed
      x/friend -> server:{port}: allowed
      x/friend -> udp://server:{udp}: allowed
      x/lonely -> svc:{port}: unresolved
      x/lonely -> server:{port}: blocked
"""
PODS = ("client", "friend", "lonely", "server", "decoy")


def write_scenario(directory: Path, seed: int) -> int:
    """Write the scenario of a seed, which chooses its ports. Return the TCP port."""
    port, udp = random.Random(seed).sample(range(1025, 15000), 2)
    ports = f"{{containerPort: {port}}}, {{containerPort: {udp}, protocol: UDP}}"
    texts = [POD.format(name=name, ports=ports if name in ("server", "decoy") else "") for name in PODS]
    (directory / "workloads.yaml").write_text(
        "{apiVersion: v1, kind: Namespace, metadata: {name: x}}" + "".join(texts) + SERVICE.format(port=port)
    )
    (directory / "policies.yaml").write_text(POLICIES.format(port=port, udp=udp))
    (directory / "scenario.yaml").write_text(SCENARIO.format(port=port, udp=udp))
    return port


def new_run(lab: Lab, directory: Path, client: Callable[[Access], Client] = Client) -> ScenarioRun:
    """Return a run of the scenario in a directory, with a client of its own for everything that it asks the API."""
    run = lab.scenario_run(load(directory / "scenario.yaml"))
    context = run.context
    own = client(context.client.access)
    prober = Prober(
        context.router,
        timeout=context.timeouts.probe,
        exec_timeout=context.timeouts.exec,
        containers=ProbeContainers(own, timeout=context.timeouts.ready, interval=context.timeouts.interval),
    )
    return ScenarioRun(run.scenario, run.placement, replace(context, client=own, prober=prober))


def path_results(run: ScenarioRun) -> dict[str, PathResult]:
    """Enter the step and observe it. Return the result of each path by its text."""
    step = run.scenario.steps[0]
    run.enter(step)
    observed = run.observer.observe(step, step.expectations, others=False).path_results
    return {expectation.path.text: result for expectation, result in observed.items()}


def judged(run: ScenarioRun) -> dict[str, Judgement]:
    """Return each path's judgement in the step."""
    return {text: result.judgement for text, result in path_results(run).items()}
