"""What a denial rests on, with real packets: lifts, baselines, and what is left of them."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.backends.select import BackendChoice
from netpol_harness.lab import Lab, Settings
from netpol_harness.model.names import NamespacedName, ObjectKey
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import Scheme
from netpol_harness.probe.plan.question import Probe, Question
from netpol_harness.results.evidence import Attempt, Evidence, Judgement, Reply
from netpol_harness.results.proof import Proof
from netpol_harness.runner.counterfactual import Baseline
from netpol_harness.runner.run import ScenarioRun
from netpol_harness.runner.target_state import LIFT
from netpol_harness.scenario.load import load

CLIENT, SERVER = NamespacedName("x", "client"), NamespacedName("x", "server")
WITNESSES = ((SERVER, Probe(Scheme.TCP, "10.0.0.1", 80)),)
QUESTION = Question(CLIENT, WITNESSES[0][1], Expected.BLOCKED, WITNESSES)
WORKLOADS = """
{apiVersion: v1, kind: Namespace, metadata: {name: x}}
---
{apiVersion: v1, kind: Pod, metadata: {name: client, namespace: x}, spec: {containers: [{name: c, image: i}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: server, namespace: x, labels: {app: server}}, spec: {containers: [
 {name: c, image: i, ports: [{containerPort: 80}]}]}}
"""
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: x}
spec: {podSelector: {matchLabels: {app: server}}, policyTypes: [Ingress]}
"""
SCENARIO = """
title: a denial
workloads: [workloads.yaml]
steps:
  - {name: open, paths: {"x/client -> server:80": allowed}}
  - {name: closed, policies: [policy.yaml], paths: {"x/client -> server:80": blocked}}
"""


def _evidence(outcome: Outcome) -> Evidence:
    return Evidence(Expected.BLOCKED, (Attempt(0.0, Reply(outcome)),))


def test_a_baseline_counts_while_the_same_pods_are_at_both_ends() -> None:
    baseline, uids = Baseline(), {CLIENT: "1", SERVER: "2"}
    baseline.record({QUESTION: _evidence(Outcome.CONNECTED)}, uids)
    for now, proven in ((uids, True), ({**uids, SERVER: "3"}, False), ({**uids, CLIENT: "3"}, False)):
        seen = baseline.prove({QUESTION: _evidence(Outcome.TIMED_OUT)}, now)[QUESTION]
        assert seen.proof is Proof.BASELINE
        assert seen.stays_closed is not proven


def test_a_baseline_is_that_of_the_very_same_probe() -> None:
    baseline, uids = Baseline(), {CLIENT: "1", SERVER: "2"}
    baseline.record({QUESTION: _evidence(Outcome.CONNECTED)}, uids)
    baseline.record({QUESTION: _evidence(Outcome.TIMED_OUT)}, uids)
    for probe in (Probe(Scheme.TCP, "10.0.0.1", 81), Probe(Scheme.UDP, "10.0.0.1", 80), Probe(Scheme.TCP, "svc", 80)):
        other = replace(QUESTION, probe=probe)
        assert baseline.prove({other: _evidence(Outcome.TIMED_OUT)}, uids)[other].stays_closed
    assert not baseline.prove({QUESTION: _evidence(Outcome.TIMED_OUT)}, uids)[QUESTION].stays_closed


def test_what_was_denied_before_any_policy_is_the_counterfactual_of_a_later_denial() -> None:
    baseline, uids = Baseline(), {CLIENT: "1", SERVER: "2"}
    baseline.record({QUESTION: _evidence(Outcome.REFUSED)}, uids)
    assert baseline.prove({QUESTION: _evidence(Outcome.TIMED_OUT)}, uids)[QUESTION].counterfactual is None
    baseline.record({QUESTION: _evidence(Outcome.TIMED_OUT)}, uids, before_policies=True)
    seen = baseline.prove({QUESTION: _evidence(Outcome.TIMED_OUT)}, uids)[QUESTION]
    assert seen.counterfactual is not None
    assert (seen.counterfactual.reply.outcome, seen.stays_closed) == (Outcome.TIMED_OUT, True)
    baseline.record({QUESTION: _evidence(Outcome.CONNECTED)}, uids)
    assert not baseline.prove({QUESTION: _evidence(Outcome.TIMED_OUT)}, uids)[QUESTION].stays_closed


def test_where_policies_cannot_be_lifted_the_refusal_is_what_a_path_without_a_baseline_lacks() -> None:
    seen = Baseline().prove({QUESTION: _evidence(Outcome.TIMED_OUT)}, {}, "exceeded quota")[QUESTION]
    assert seen.proof is Proof.LIFT
    assert seen.counterfactual is not None
    assert (seen.counterfactual.reply.detail, seen.stays_closed) == ("exceeded quota", True)


def test_the_baseline_of_a_name_does_not_depend_on_the_pods_behind_it() -> None:
    baseline, probe = Baseline(), Probe(Scheme.TCP, "svc", 80)
    asked = Question(CLIENT, probe, Expected.ALLOWED, ((SERVER, probe),))
    baseline.record({asked: _evidence(Outcome.CONNECTED)}, {CLIENT: "1", SERVER: "2"})
    name = Question(CLIENT, probe, Expected.UNRESOLVED, ((NamespacedName("kube-system", "dns"), probe),))
    for client, proven in (("1", True), ("3", False)):
        seen = baseline.prove({name: _evidence(Outcome.NAME_FAILED)}, {CLIENT: client, SERVER: "4"})[name]
        assert seen.stays_closed is not proven


@pytest.fixture
def scenario_run(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ScenarioRun]:
    """A run of the scenario under the proof that the test is given."""
    for name, text in (("workloads", WORKLOADS), ("policy", POLICY), ("scenario", SCENARIO)):
        (tmp_path / f"{name}.yaml").write_text(text)
    with Lab(BackendChoice(EmbeddedBackend(), "for a test"), Settings(proof=request.param)) as lab:
        run = lab.scenario_run(load(tmp_path / "scenario.yaml"))
        run.open()
        yield run
        run.close()


live = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.mark.live
@live
@pytest.mark.parametrize("scenario_run", list(Proof), indirect=True)
def test_every_proof_credits_a_denial_that_a_policy_makes(scenario_run: ScenarioRun) -> None:
    step = scenario_run.scenario.steps[1]
    scenario_run.enter(step)
    (result,) = scenario_run.observer.observe(step, step.expectations, others=False).path_results.values()
    assert result.judgement is Judgement.AGREES
    assert result.worst.evidence.proof is scenario_run.context.proof


@pytest.mark.live
@live
@pytest.mark.parametrize("scenario_run", [Proof.LIFT], indirect=True)
def test_a_lift_leaves_no_policy_also_where_asking_fails(scenario_run: ScenarioRun) -> None:
    scenario_run.enter("closed")
    key = ObjectKey("networking.k8s.io/v1", "NetworkPolicy", scenario_run.placement.real("x"), LIFT)
    with suppress(ZeroDivisionError), scenario_run.applied.lifted():
        assert scenario_run.context.client.find(key) is not None
        raise ZeroDivisionError
    assert scenario_run.context.client.find(key) is None


class InDefault(EmbeddedBackend):
    """A cluster that somebody gave, with one namespace to run in."""

    namespaces: Mapping[str, str] = MappingProxyType({"x": "default"})


@pytest.mark.live
@live
def test_in_a_namespace_that_others_use_the_baseline_is_the_proof(tmp_path: Path) -> None:
    for name, text in (("workloads", WORKLOADS), ("policy", POLICY), ("scenario", SCENARIO)):
        (tmp_path / f"{name}.yaml").write_text(text)
    with Lab(BackendChoice(InDefault(), "for a test"), Settings()) as lab:
        run = lab.scenario_run(load(tmp_path / "scenario.yaml"))
        run.open()
        assert not run.applied.can_be_lifted
        step = run.scenario.steps[1]
        run.enter(step)
        (result,) = run.observer.observe(step, step.expectations, others=False).path_results.values()
        assert (result.judgement, result.worst.evidence.proof) == (Judgement.AGREES, Proof.BASELINE)
        run.close()


@pytest.mark.parametrize(
    ("probe", "lifted"),
    [
        (Probe(Scheme.TCP, "10.0.0.1", 80, source_port=4000), True),
        (Probe(Scheme.UDP, "10.0.0.1", 80), True),
        (Probe(Scheme.UDP, "10.0.0.1", 80, source_port=4000), False),
        (Probe(Scheme.TCP, "10.0.0.1", 80, connection="held"), False),
    ],
)
def test_a_flow_that_stays_open_once_it_is_admitted_is_not_lifted(probe: Probe, *, lifted: bool) -> None:
    assert replace(QUESTION, probe=probe).only_policies_close_it is lifted
