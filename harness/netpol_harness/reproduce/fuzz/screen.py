"""Screening: one round over all paths of many worlds. It finds suspicions; evidence for findings is gathered elsewhere.

A dataplane that shows every verdict in the first round, those that a change has just made included, is not late, and is
not asked again. If paths differ, they are probed again for a part of the settle time, and then everything once more, so
that nothing counts that matched only before a late dataplane had applied the change.
"""

from collections.abc import Mapping, Sequence

from netpol_harness.deadline import Deadline
from netpol_harness.paths.path import Expectation
from netpol_harness.probe.pod_prober import ProbeMethod
from netpol_harness.probe.rounds import Rounds, is_satisfied
from netpol_harness.results.evidence import Attempt, Evidence
from netpol_harness.results.table import PathResult, PodPairResult
from netpol_harness.runner.run import ScenarioRun
from netpol_harness.runner.targets import ResolvedProbe, resolve_probes

_PATIENCE = 0.25
"""The part of the settle time for which paths that differ are probed again."""

_Probes = Mapping[Expectation, Sequence[ResolvedProbe]]


def screened(run: ScenarioRun, expectations: Sequence[Expectation]) -> Sequence[PathResult]:
    """Return the results of paths in the present state of a run, in their order. Raises ``WorkloadFailed``."""
    snapshot = run.applied.snapshot_for([expectation.path for expectation in expectations])
    run.context.prober.expect_addresses(snapshot.own_addresses)
    probes = {expectation: resolve_probes(expectation, snapshot) for expectation in expectations}
    attempts = _attempts(run, probes)
    return [PathResult(expectation, _pairs(found, attempts)) for expectation, found in probes.items()]


def _attempts(run: ScenarioRun, probes: _Probes) -> Mapping[ResolvedProbe, Attempt]:
    """Probe everything once; if some paths differ, these until they match or the time is over, and everything again."""
    timeouts = run.context.timeouts
    rounds = Rounds(run.context.prober, timeouts.interval, ProbeMethod.PYTHON, run.applied.changed, None)
    questions = {probe.question: probe for found in probes.values() for probe in found}
    attempts = rounds.run(tuple(questions))
    pending = tuple(question for question in questions if not is_satisfied(question, attempts[question]))
    if pending:
        deadline = Deadline(timeouts.settle * _PATIENCE)
        while pending and not deadline.passed:
            again = rounds.run(pending)
            pending = tuple(question for question in pending if not is_satisfied(question, again[question]))
        attempts = rounds.run(tuple(questions))
    return {probe: attempts[question] for question, probe in questions.items()}


def _pairs(
    probes: Sequence[ResolvedProbe], attempts: Mapping[ResolvedProbe, Attempt]
) -> tuple[PodPairResult, ...]:
    return tuple(
        PodPairResult(probe.source, probe.target, Evidence(probe.question.expected, (attempts[probe],)))
        for probe in probes
    )
