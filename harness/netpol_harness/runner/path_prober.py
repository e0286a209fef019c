"""Turns expectations into results: resolves their probes, gathers the evidence, and proves the denials."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol

from netpol_harness.paths.path import Expectation, ProbeMode
from netpol_harness.probe.converge import Convergence
from netpol_harness.probe.identity import Identification
from netpol_harness.probe.plan.question import Question
from netpol_harness.probe.prober import Prober
from netpol_harness.results.evidence import Evidence
from netpol_harness.results.proof import Proof
from netpol_harness.results.table import PathResult, PodPairResult
from netpol_harness.runner.applied_state import AppliedState
from netpol_harness.runner.context import RunContext
from netpol_harness.runner.counterfactual import Baseline, gather, proven_by_lift
from netpol_harness.runner.held_connections import HeldConnections
from netpol_harness.runner.snapshot import ClusterSnapshot
from netpol_harness.runner.targets import ResolvedProbe, resolve_probes
from netpol_harness.runner.transition import DURING_TRANSITION, StepTransition
from netpol_harness.timeouts import Timeouts


class ProbeStrategy(Protocol):
    """Begins to turn questions into evidence: by the commands that users type, or in bulk by the fastest means."""

    def __call__(
        self,
        prober: Prober,
        questions: Sequence[Question],
        timeouts: Timeouts,
        *,
        since: float,
        identification: Identification,
    ) -> Convergence:
        """Return the convergence of these questions. ``since`` is the monotonic time of the last change."""
        ...


class PathProber:
    """Probes the paths of one scenario in its present state. Owns its held connections and its baseline.

    ``transition`` is the transition into the present step, whose evidence comes before that of the step.
    """

    def __init__(self, context: RunContext, applied: AppliedState) -> None:
        self.held = HeldConnections(context.prober)
        self.transition: StepTransition | None = None
        self._context = context
        self._applied = applied
        self._baseline = Baseline()
        self._identification = Identification()

    def probe(
        self, snapshot: ClusterSnapshot, *batches: tuple[ProbeStrategy, Sequence[Expectation]]
    ) -> tuple[tuple[PathResult, ...], ...]:
        """Return the result of each expectation, by batch and in their order."""
        self._context.prober.expect_addresses(snapshot.own_addresses)
        resolved = [[(e, self._resolve(e, snapshot)) for e in expectations] for _, expectations in batches]
        convergences = [
            self._convergence(strategy, expectations, [probe.question for _, probes in found for probe in probes])
            for (strategy, expectations), found in zip(batches, resolved, strict=True)
        ]
        evidence = self._prove(convergences, snapshot)
        return tuple(
            tuple(self._path_result(expectation, probes, seen) for expectation, probes in found)
            for found, seen in zip(resolved, evidence, strict=True)
        )

    def record_baseline(self, snapshot: ClusterSnapshot, expectations: Sequence[Expectation]) -> None:
        """Probe these paths in the state before the scenario's policies, and remember the results."""
        questions = [probe.question for e in expectations for probe in self._resolve(e, snapshot)]
        self._context.prober.expect_addresses(snapshot.own_addresses)
        (found,) = gather([self._convergence(Convergence, expectations, questions)], None)
        self._baseline.record(found, snapshot.pod_uids, before_policies=True)

    def _prove(
        self, convergences: Sequence[Convergence], snapshot: ClusterSnapshot
    ) -> tuple[Mapping[Question, Evidence], ...]:
        """Return the evidence of each convergence, with what its denials rest on."""
        evidence = gather(convergences, self._lifted if self._proof is Proof.LIFT else None)
        for found in evidence:
            self._baseline.record(found, snapshot.pod_uids)
        match self._proof:
            case Proof.LIFT:
                return tuple(map(proven_by_lift, evidence))
            case Proof.BASELINE:
                return tuple(
                    self._baseline.prove(found, snapshot.pod_uids, self._applied.lift_refusal) for found in evidence
                )
            case Proof.LISTENER:
                return evidence

    @property
    def _proof(self) -> Proof:
        """What denials rest on: a lift, unless the policies in force cannot be lifted."""
        proof = self._context.proof
        return Proof.BASELINE if proof is Proof.LIFT and not self._applied.can_be_lifted else proof

    @contextmanager
    def _lifted(self) -> Iterator[bool]:
        """Admit all traffic inside the context. The probes of the transition must not see that: they end first."""
        if self.transition is not None:
            self.transition.end()
        with self._applied.lifted() as lifted:
            yield lifted

    def _convergence(
        self, strategy: ProbeStrategy, expectations: Sequence[Expectation], questions: Sequence[Question]
    ) -> Convergence:
        timeouts = self._context.timeouts
        timeouts = replace(timeouts, settle=timeouts.settle + self.held.extra_settle_time(expectations))
        since, identification = self._applied.changed, self._identification
        return strategy(self._context.prober, questions, timeouts, since=since, identification=identification)

    def _resolve(self, expectation: Expectation, snapshot: ClusterSnapshot) -> tuple[ResolvedProbe, ...]:
        held = expectation.path.mode is ProbeMode.PERSISTENT
        return self.held.resolve_probes(expectation, snapshot) if held else resolve_probes(expectation, snapshot)

    def _path_result(
        self, expectation: Expectation, probes: Sequence[ResolvedProbe], evidence: Mapping[Question, Evidence]
    ) -> PathResult:
        results = (
            self._result(expectation, position, probe, evidence[probe.question])
            for position, probe in enumerate(probes)
        )
        return PathResult(expectation, tuple(results))

    def _result(
        self, expectation: Expectation, position: int, probe: ResolvedProbe, evidence: Evidence
    ) -> PodPairResult:
        """Return all evidence of one probe: from the transition into the step, and from the step."""
        if self.transition is not None and expectation.path.mode in DURING_TRANSITION:
            evidence = self.transition.merge(expectation, position, probe, evidence)
        return PodPairResult(probe.source, probe.target, evidence)
