"""Asks paths of a capture on the cluster that it was taken from, through exec in the pods that run there.

Invariants: nothing is created or changed, in particular no container is added to a pod. Only captured pods are asked:
the sources, and with ``Exec.BOTH`` the targets' own pods too.
"""

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from netpol_harness.analysis.predict import Predictor
from netpol_harness.backends.base import Cluster
from netpol_harness.errors import HarnessError, ScenarioInvalid, ToolMissing, WorkloadFailed
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access
from netpol_harness.kube.exec import PodExec
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation, ProbeMode
from netpol_harness.probe.converge import converge
from netpol_harness.probe.ephemeral import NO_IMAGE, ProbeContainers
from netpol_harness.probe.plan.question import Question
from netpol_harness.probe.prober import Prober
from netpol_harness.reproduce.capture.capture import Capture
from netpol_harness.reproduce.capture.inputs import ClusterInput
from netpol_harness.reproduce.capture.observation import (
    Observation,
    PairEvidence,
    combined,
    not_observed,
    observation,
)
from netpol_harness.reproduce.capture.write import STEP, scenario_files, write
from netpol_harness.results.evidence import Evidence
from netpol_harness.runner.snapshot import ClusterSnapshot
from netpol_harness.runner.targets import ResolvedProbe, resolve_probes
from netpol_harness.scenario import SCENARIO_FILE
from netpol_harness.scenario.load import load
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import Scenario

_LIVE_KINDS = frozenset({"Pod", "Service", "EndpointSlice"})
_FORESEEN = frozenset({Expected.ALLOWED, Expected.BLOCKED})


class Exec(StrEnum):
    """In which of the user's pods commands may run."""

    SOURCES = "sources"
    BOTH = "both"


class _OwnContainers:
    """The pods' own containers, to which none is added (``probe.exec_targets.PodContainers``)."""

    image = NO_IMAGE

    def __init__(self, client: Client) -> None:
        self._read = ProbeContainers(client, NO_IMAGE)

    def names(self, pod: NamespacedName) -> Sequence[str]:
        return self._read.names(pod)

    def fingerprint(self, pod: NamespacedName) -> str:
        return self._read.fingerprint(pod)

    def ensure_probe_container(self, pod: NamespacedName) -> str:
        raise ToolMissing("no container of the pod has the tools to probe with, and a capture adds none")


@dataclass(frozen=True, slots=True)
class _Pair:
    """One question of a path, which was reduced to the pods that may be asked."""

    resolved: ResolvedProbe
    question: Question
    unproven: str


def observe(
    texts: Sequence[str], captured: Capture, given: ClusterInput, cluster: Cluster, exec_in: Exec
) -> tuple[Observation, ...]:
    """Return what the cluster does with each path, in their order.

    Raises ``HarnessError`` if a path cannot be read or names something that is not captured.
    """
    texts = tuple(dict.fromkeys(texts))
    scenario, expectations = _expectations(texts, captured)
    step = next(step for step in scenario.steps if step.name == STEP)
    predictor = Predictor(scenario, step)
    predicted = {e: predictor.verdict(e.path) for several in expectations.values() for e in several}
    snapshot = _snapshot(scenario, captured, given)
    pairs, refused = _pairs(predicted, snapshot, captured, exec_in)
    evidence = _evidence([pair.question for several in pairs.values() for pair in several], cluster, snapshot)
    at = f"asked on {given.source} at {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"

    def observed(text: str, expectation: Expectation) -> Observation:
        if why := refused.get(expectation):
            return not_observed(text, why)
        seen = [_pair_evidence(pair, evidence) for pair in pairs[expectation]]
        return observation(text, seen, predicted[expectation])

    found = (combined(text, [observed(text, e) for e in several]) for text, several in expectations.items())
    return tuple(replace(each, how=(at, *each.how)) for each in found)


def _expectations(texts: Sequence[str], captured: Capture) -> tuple[Scenario, Mapping[str, Sequence[Expectation]]]:
    """Return the captured scenario with the paths, and by text what each of them stands for."""
    files = scenario_files(captured, "Paths that are asked", [Observation(text, Expected.UNDEFINED) for text in texts])
    first = len(files[SCENARIO_FILE].splitlines()) - len(texts) + 1
    by_line = {first + number: text for number, text in enumerate(texts)}
    with tempfile.TemporaryDirectory(prefix="netpol-capture-") as directory:
        write(files, Path(directory), force=True)
        try:
            scenario = load(Path(directory) / SCENARIO_FILE)
        except ScenarioInvalid as error:
            raise HarnessError("\n".join(_of_path(problem, by_line) for problem in error.problems)) from error
    step = next(step for step in scenario.steps if step.name == STEP)
    found: dict[str, list[Expectation]] = {text: [] for text in texts}
    for expectation in step.expectations:
        line = int(expectation.where.rpartition(":")[2])
        if line in by_line:
            found[by_line[line]].append(expectation)
    if empty := [text for text, several in found.items() if not several]:
        raise HarnessError(f"--path '{empty[0]}' stands for no path that another one does not name; leave it out")
    return scenario, found


def _of_path(problem: str, by_line: Mapping[int, str]) -> str:
    """Return a problem of the scenario as one of the option that caused it."""
    match = re.match(rf".*?{re.escape(SCENARIO_FILE)}:(\d+):\d+: (.*)", problem, re.DOTALL)
    text = by_line.get(int(match[1])) if match else None
    return f"--path '{text}': {match[2]}" if match and text else problem


def _snapshot(scenario: Scenario, captured: Capture, given: ClusterInput) -> ClusterSnapshot:
    """Return the live objects, with pods under the names of their stand-ins."""
    objects = [data for data in given.objects if data["kind"] in _LIVE_KINDS]
    snapshot = ClusterSnapshot.of(objects, Placement.literal(scenario), scenario.name_server)
    names = captured.stand_ins
    pods = {
        ref: replace(pod, controller=names[ref].name) if ref in names and pod.workload != names[ref] else pod
        for ref, pod in snapshot.world.pods.items()
    }
    return replace(snapshot, world=replace(snapshot.world, pods=pods))


def _pairs(
    predicted: Mapping[Expectation, Expected], snapshot: ClusterSnapshot, captured: Capture, exec_in: Exec
) -> tuple[Mapping[Expectation, Sequence[_Pair]], Mapping[Expectation, str]]:
    """Return the questions of each path, or why it cannot be asked."""
    found: dict[Expectation, Sequence[_Pair]] = {}
    refused: dict[Expectation, str] = {}
    for expectation, verdict in predicted.items():
        if expectation.path.mode is not ProbeMode.NEW:
            refused[expectation] = "only new connections are asked of a cluster in use"
            continue
        try:
            resolved = resolve_probes(expectation, snapshot)
        except WorkloadFailed as error:
            refused[expectation] = str(error)
            continue
        if strange := [each.source for each in resolved if each.question.source not in captured.stand_ins]:
            refused[expectation] = f"{strange[0]} is not one of the captured pods"
        elif any(each.source_completed for each in resolved):
            refused[expectation] = "the source does not run"
        else:
            found[expectation] = [_reduced(each, verdict, captured, exec_in) for each in resolved]
    return found, refused


def _reduced(resolved: ResolvedProbe, predicted: Expected, captured: Capture, exec_in: Exec) -> _Pair:
    """Return the question with the liveness checks that may run, for the verdict that it may prove."""
    checks = resolved.question.liveness_checks
    unproven = ""
    if exec_in is Exec.SOURCES:
        unproven = f"its listener was not asked from inside its own pod; permit it with --exec {Exec.BOTH}"
    elif not checks:
        unproven = "no pod is known that listens there"
    elif any(pod not in captured.stand_ins for pod, _ in checks):
        unproven = "its listener is in a pod that is not captured"
    checks = () if unproven else checks
    # A verdict that no answer can prove would be asked for until the settle time is over.
    expected = Expected.UNDEFINED if predicted not in _FORESEEN or unproven else predicted
    question = replace(resolved.question, expected=expected, liveness_checks=checks, proxy_pods=())
    return _Pair(resolved, question, unproven)


def _evidence(
    questions: Sequence[Question], cluster: Cluster, snapshot: ClusterSnapshot
) -> Mapping[Question, Evidence]:
    if not questions:
        return {}
    access = Access.from_kubeconfig(cluster.kubeconfig, cluster.context)
    prober = Prober(
        PodExec(access),
        timeout=cluster.timeouts.probe,
        exec_timeout=cluster.timeouts.exec,
        containers=_OwnContainers(Client(access)),
    )
    prober.expect_addresses(snapshot.own_addresses)
    return converge(prober, questions, cluster.timeouts)


def _pair_evidence(pair: _Pair, evidence: Mapping[Question, Evidence]) -> PairEvidence:
    return PairEvidence(pair.resolved.source, pair.resolved.target, evidence[pair.question], pair.unproven)
