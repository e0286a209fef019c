"""Every probe mode on a real embedded cluster: source ports, held, first and throughout, a restarted agent."""

import os
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.backends.base import Capability
from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.backends.select import BackendChoice
from netpol_harness.errors import CapabilityMissing, ScenarioInvalid
from netpol_harness.lab import Lab, Settings
from netpol_harness.model.names import NamespacedName, ObjectKey
from netpol_harness.paths.ends import PodTarget
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.report.context import StepContext
from netpol_harness.report.message import detail_of
from netpol_harness.results.evidence import Judgement
from netpol_harness.runner.run import ScenarioRun
from netpol_harness.scenario.load import load

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

WORKLOADS = """
{apiVersion: v1, kind: Namespace, metadata: {name: x}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: y}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: x, labels: {pod: a}}, spec: {containers: [
 {name: c, image: i, ports: [{containerPort: 80}, {containerPort: 81, protocol: UDP}]}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: x}, spec: {containers: [{name: c, image: i}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: d, namespace: x, labels: {pod: d}}, spec: {containers: [
 {name: c, image: i, ports: [{containerPort: 80}]}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: h, namespace: x}, spec: {hostNetwork: true, containers: [
 {name: c, image: i, ports: [{containerPort: 9999}]}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: y}, spec: {containers: [
 {name: c, image: i, ports: [{containerPort: 80}]}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: svc, namespace: x}, spec: {selector: {pod: a}, ports: [{port: 80}]}}
"""
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: {name}, namespace: x}}
spec: {spec}
"""
SPECS = {
    "deny": "{podSelector: {matchLabels: {pod: a}}, policyTypes: [Ingress]}",
    "guard": "{podSelector: {matchLabels: {pod: d}}, policyTypes: [Ingress, Egress],"
    " egress: [{to: [{namespaceSelector: {}}]}]}",
}
JOB = """
---
{apiVersion: v1, kind: Pod, metadata: {name: job, namespace: x, labels: {pod: d}}, spec: {restartPolicy: Never,
 containers: [{name: c, image: agnhost, command: [sh, -c, exit 0]}]}}
"""
Play = Callable[..., Any]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(BackendChoice(EmbeddedBackend(), "for a test"), Settings()) as owner:
        yield owner


@pytest.fixture
def play(lab: Lab, tmp_path: Path) -> Play:
    """Return a context manager that opens the scenario with these steps."""

    @contextmanager
    def opened(steps: str, more: str = "") -> Iterator[ScenarioRun]:
        (tmp_path / "workloads.yaml").write_text(WORKLOADS + more)
        for name, spec in SPECS.items():
            (tmp_path / f"{name}.yaml").write_text(POLICY.format(name=name, spec=spec))
        head = "title: modes\nworkloads: [workloads.yaml]\nexternal: {ext: {ports: [80]}}\nsteps:\n"
        (tmp_path / "scenario.yaml").write_text(head + textwrap.indent(textwrap.dedent(steps), "  "))
        scenario_run = lab.scenario_run(load(tmp_path / "scenario.yaml"))
        try:
            scenario_run.open()
            yield scenario_run
        finally:
            scenario_run.close()

    return opened


def seen(scenario_run: ScenarioRun, name: str) -> dict[str, tuple[Judgement, Outcome]]:
    """Enter a step and probe all its paths."""
    step = next(step for step in scenario_run.scenario.steps if step.name == name)
    scenario_run.enter(step)
    path_results = scenario_run.observer.observe(step, step.expectations, others=False).path_results.values()
    return {str(path_result): (path_result.judgement, path_result.outcome) for path_result in path_results}


def wrong(scenario_run: ScenarioRun) -> dict[str, dict[str, tuple[Judgement, Outcome]]]:
    """Return the results that do not agree, by step."""
    return {
        step.name: bad
        for step in scenario_run.scenario.steps
        if (bad := {k: v for k, v in seen(scenario_run, step.name).items() if v[0] is not Judgement.AGREES})
    }


def test_source_ports_and_the_nodes_network(play: Play) -> None:
    steps = """
    - name: open
      paths:
        x/b:40000 -> x/a:80: allowed
        x/b:40000 -> udp://x/a:81: allowed
        x/b:40000 -> ip(x/svc):80: allowed
        x/h -> x/a:80: allowed
        x/b -> x/h:9999: allowed
    - name: closed
      policies: [deny.yaml]
      paths:
        x/b:40000 -> x/a:80: blocked
        x/b:40000 -> udp://x/a:81: blocked
        x/h -> x/a:80: undefined
    - name: open-again
      paths:
        x/b:40000 -> x/a:80: allowed
        x/b:40000 -> udp://x/a:81: allowed
    """
    with play(steps) as scenario_run:
        assert wrong(scenario_run) == {}


def test_the_name_of_an_absent_service_is_asked_and_does_not_resolve(play: Play) -> None:
    steps = """
    - {name: open, paths: {x/b -> svc:80: allowed}}
    - name: gone
      absent: [Service/svc]
      recreate: [x/b]
      paths:
        x/d -> svc:80: unresolved
        y/a -> svc.x.svc:80: undefined
        throughout x/d -> svc:80: undefined
        first x/b -> svc:80: unresolved
    """
    with play(steps) as scenario_run:
        assert wrong(scenario_run) == {}
        outcomes = {outcome for _, outcome in seen(scenario_run, "gone").values()}
    assert outcomes == {Outcome.NAME_FAILED}


HELD = """
- name: open
  paths:
    held x/b -> http://x/a:80: allowed
    held x/b -> udp://x/a:81: allowed
    held x/b -> http://x/svc:80: allowed
- name: closed
  policies: [deny.yaml]
  paths:
    held x/b -> http://x/a:80: blocked
    held x/b -> udp://x/a:81: blocked
- name: open-again
  paths:
    held x/b -> http://x/a:80: allowed
- name: new
  recreate: [x/a]
  paths:
    held x/b -> http://x/a:80: undefined
"""


def test_held_connections_stay_open_from_step_to_step(play: Play) -> None:
    with play(HELD) as scenario_run:
        for name in ("open", "closed", "open-again"):
            assert {judgement for judgement, _ in seen(scenario_run, name).values()} == {Judgement.AGREES}
        ((judgement, outcome),) = seen(scenario_run, "new").values()
        assert (judgement, outcome) != (Judgement.AGREES, Outcome.CONNECTED), "the pod at its other end was deleted"


def test_a_held_connection_is_opened_in_its_first_step_even_if_that_is_not_observed(play: Play) -> None:
    with play(HELD) as scenario_run:
        outcomes = {outcome for _, outcome in seen(scenario_run, "closed").values()}
        assert outcomes == {Outcome.TIMED_OUT}


FIRST = """
- name: before
  policies: [{before}]
  paths:
    x/b -> y/a:80: allowed
- name: new
  policies: [guard.yaml]
  recreate: [x/d]
  paths:
    first x/d -> ext:80: blocked
    first x/d -> y/a:80: allowed
    first y/a -> x/d:80: blocked
"""


def test_the_first_packets_of_a_pod(play: Play) -> None:
    with play(FIRST.format(before="guard.yaml")) as scenario_run:
        assert wrong(scenario_run) == {}
        pod = scenario_run.context.client.list("v1", "Pod", namespace=scenario_run.placement.real("x"))
        assert sum(len(data["spec"].get("initContainers", ())) for data in pod) == 1


def test_the_first_packets_of_a_pod_that_ends_at_once(play: Play) -> None:
    steps = """
    - name: before
      policies: [guard.yaml]
      absent: [x/job]
      paths: {x/b -> y/a:80: allowed}
    - name: new
      policies: [guard.yaml]
      paths:
        first x/job -> ext:80: blocked
        first x/job -> y/a:80: allowed
    """
    with play(steps, JOB) as scenario_run:
        assert ObjectKey("v1", "Pod", scenario_run.placement.real("x"), "job") not in scenario_run.applied, (
            "a workload that is absent in the first step is not created before it"
        )
        assert wrong(scenario_run) == {}


def test_nothing_is_changed_if_the_cluster_cannot_enter_a_step_on_the_way(play: Play) -> None:
    steps = """
    - {name: open, others: allowed}
    - {name: restarted, restart: agent, others: allowed}
    - {name: after, others: allowed}
    """
    with play(steps) as scenario_run:
        scenario_run.enter("open")
        scenario_run.capabilities -= {Capability.AGENT_RESTART}
        with pytest.raises(CapabilityMissing, match="step restarted needs it"):
            scenario_run.enter("after")
        assert scenario_run.step is not None
        assert scenario_run.step.name == "open", "the run is still in the step before"


def test_a_packet_that_leaks_while_the_pod_starts_is_reported(play: Play) -> None:
    steps = """
    - name: open
      paths: {x/b -> y/a:80: allowed}
    - name: new
      recreate: [x/d]
      paths:
        first x/d -> ext:80: blocked
        first y/a -> x/d:80: blocked
    """
    with play(steps) as scenario_run:
        scenario_run.enter("open")
        results = seen(scenario_run, "new")
    assert set(results.values()) == {(Judgement.DISAGREES, Outcome.CONNECTED)}


def test_throughout_paths_are_probed_many_times(play: Play) -> None:
    steps = """
    - name: open
      policies: [deny.yaml]
      paths: {x/b -> y/a:80: allowed}
    - name: restarted
      policies: [deny.yaml, guard.yaml]
      restart: agent
      paths:
        throughout x/b -> y/a:80: allowed
        throughout x/b -> x/a:80: blocked
    """
    with play(steps) as scenario_run:
        assert wrong(scenario_run) == {}
        step = scenario_run.step
        assert step is not None
        path_results = scenario_run.observer.observe(step, step.expectations, others=False).path_results.values()
        assert all(path_result.attempts > 4 for path_result in path_results)


def test_a_short_change_of_the_answer_is_reported_with_its_time(play: Play) -> None:
    steps = """
    - name: open
      paths: {x/b -> y/a:80: allowed}
    - name: closed
      policies: [deny.yaml]
      paths: {throughout x/b -> x/a:80: blocked}
    """
    with play(steps) as scenario_run:
        scenario_run.enter("open")
        step = scenario_run.scenario.steps[1]
        scenario_run.enter(step)
        (path_result,) = scenario_run.observer.observe(step, step.expectations, others=False).path_results.values()
    assert (path_result.judgement, path_result.outcome) == (Judgement.DISAGREES, Outcome.CONNECTED)
    assert "s after the first change" in detail_of(path_result.worst.evidence)


def test_a_step_back_is_one_transition(play: Play) -> None:
    with play(HELD) as scenario_run:
        for name in ("open", "closed", "open", "closed"):
            assert {judgement for judgement, _ in seen(scenario_run, name).values()} == {Judgement.AGREES}


def test_verdicts_may_differ_from_cell_to_cell(play: Play) -> None:
    steps = "- {name: closed, policies: [deny.yaml], others: allowed}"
    with play(steps) as scenario_run:
        scenario_run.enter("closed")
        (step,) = scenario_run.scenario.steps
        cells = scenario_run.observer.observe(step, (), others=True).others
        paths = [path_result.expectation.path for path_result in cells]
        served = {PodTarget(NamespacedName("x", "a"), number) for number in (80, 81)}
        verdicts = {path: Expected.BLOCKED if path.target in served else Expected.ALLOWED for path in paths}
        with_verdicts = scenario_run.observer.observe(step, (), others=True, verdicts=verdicts).others
    assert {path_result.judgement for path_result in cells} == {Judgement.AGREES, Judgement.DISAGREES}
    assert {path_result.judgement for path_result in with_verdicts} == {Judgement.AGREES}


def test_only_a_step_can_probe_during_its_transition(play: Play) -> None:
    with play("- {name: open, others: allowed}") as scenario_run:
        scenario_run.enter("open")
        step, observer = scenario_run.current_step, scenario_run.observer
        with pytest.raises(ScenarioInvalid, match="leave out 'throughout'"):
            observer.probe(step, "throughout x/b -> x/a:80", Expected.UNDEFINED, "here")
        seen = observer.probe(step, "x/b:40001 -> x/a:80", Expected.ALLOWED, "here")
        assert seen.judgement is Judgement.AGREES


LOST = """
- name: closed
  policies: [deny.yaml]
  paths: {x/b -> x/a:80: blocked}
"""


def test_a_policy_that_was_deleted_by_others_is_named(play: Play) -> None:
    with play(LOST) as scenario_run:
        scenario_run.enter("closed")
        assert scenario_run.applied.lost_policies() == ()
        scenario_run.context.client.delete(
            ObjectKey("networking.k8s.io/v1", "NetworkPolicy", scenario_run.placement.real("x"), "deny")
        )
        step = scenario_run.scenario.steps[0]
        (path_result,) = scenario_run.observer.observe(step, step.expectations, others=False).path_results.values()
        message = StepContext(scenario_run, step).message(path_result)
        assert "deny is not on the cluster any more" in message.text
