"""A namespace is deleted and made again under the same name and labels, which no step of a scenario can say."""

from collections.abc import Callable

import pytest

from netpol_harness.backends.base import Capability
from netpol_harness.deadline import Deadline
from netpol_harness.kube.wait import wait_gone, wait_ready
from netpol_harness.model.names import ObjectKey
from netpol_harness.results.evidence import Judgement
from netpol_harness.results.table import PathResult
from netpol_harness.runner.run import ScenarioRun

ROUNDS = 2


def test_a_namespace_that_came_back_is_admitted(scenario: ScenarioRun, probe: Callable[..., PathResult]) -> None:
    if Capability.NAMESPACES not in scenario.capabilities:
        pytest.skip("needs namespaces of its own")
    scenario.enter("admitted")
    for _ in range(ROUNDS):
        recreate(scenario, "y")
        for path, word in (("y/client -> server:80", "allowed"), ("z/client -> server:80", "blocked")):
            seen = probe(path, word)
            assert seen.judgement is Judgement.AGREES, seen


def recreate(scenario: ScenarioRun, namespace: str) -> None:
    """Delete a namespace, and make it and the scenario's objects in it again as soon as it is gone."""
    client, timeouts = scenario.context.client, scenario.context.timeouts
    key = ObjectKey("v1", "Namespace", "", scenario.placement.real(namespace))
    labels = client.get(key)["metadata"]["labels"]
    client.delete(key)
    wait_gone(client, [key], deadline=Deadline(timeouts.ready), interval=timeouts.interval)
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": key.name, "labels": labels}})
    for manifest in scenario.scenario.workloads:
        if manifest.name.ref.namespace == namespace:
            client.create(scenario.placement.manifest(manifest.data))
    wait_ready(client, [key.name], deadline=Deadline(timeouts.ready), interval=timeouts.interval)
