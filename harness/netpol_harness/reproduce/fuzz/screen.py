"""Screening: one round over all paths of many worlds. It finds suspicions; evidence for findings is gathered elsewhere.

A dataplane that shows every verdict in the first round, those that a change has just made included, is not late, and is
not asked again. If paths differ, they are probed again for a part of the settle time, and then everything once more, so
that nothing counts that matched only before a late dataplane had applied the change.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from netpol_harness.deadline import Deadline
from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.path import Expectation
from netpol_harness.probe.plan.question import Question
from netpol_harness.probe.pod_prober import ProbeMethod
from netpol_harness.probe.prober import Prober
from netpol_harness.probe.rounds import Rounds, is_satisfied
from netpol_harness.reproduce.fuzz.sessions import SessionExec
from netpol_harness.results.evidence import Attempt, Evidence
from netpol_harness.results.table import PathResult, PodPairResult
from netpol_harness.runner.run import ScenarioRun
from netpol_harness.runner.targets import ResolvedProbe, resolve_probes

_PATIENCE = 0.25
"""The part of the settle time for which paths that differ are probed again."""

Round = Callable[[tuple[Question, ...]], Mapping[Question, Attempt]]
"""Probes questions once."""


@contextmanager
def screener(run: ScenarioRun) -> Iterator["Screener"]:
    """Screen a run, with the probes' program kept running in its pods meanwhile."""
    context, real = run.context, run.placement.real
    names = {
        NamespacedName(real(manifest.name.ref.namespace), manifest.name.ref.name): manifest.pod["spec"]["containers"]
        for manifest in run.scenario.workloads
        if manifest.pod
    }
    exec = SessionExec(context.router, {name: containers[0]["name"] for name, containers in names.items()})
    try:
        yield Screener(run, Prober(exec, timeout=context.timeouts.probe, exec_timeout=context.timeouts.exec))
    finally:
        exec.close()


class Screener:
    """Screens the states of a run."""

    def __init__(self, run: ScenarioRun, prober: Prober) -> None:
        self._run = run
        self._prober = prober

    def screened(self, expectations: Sequence[Expectation]) -> Sequence[PathResult]:
        """Return the results of paths in the present state of the run, in their order. Raises ``WorkloadFailed``."""
        applied, timeouts = self._run.applied, self._run.context.timeouts
        snapshot = applied.snapshot_for([expectation.path for expectation in expectations])
        self._prober.expect_addresses(snapshot.own_addresses)
        probes = [resolve_probes(expectation, snapshot) for expectation in expectations]
        rounds = Rounds(self._prober, timeouts.interval, ProbeMethod.PYTHON, applied.changed, None)
        questions = tuple(dict.fromkeys(probe.question for found in probes for probe in found))
        attempts = attempts_at(questions, rounds.run, timeouts.settle * _PATIENCE)
        return [PathResult(each, _pairs(found, attempts)) for each, found in zip(expectations, probes, strict=True)]


def attempts_at(questions: tuple[Question, ...], probe: Round, seconds: float) -> Mapping[Question, Attempt]:
    """Return the decisive attempt at each question. What differs is probed again for ``seconds``."""
    attempts, deadline = probe(questions), Deadline(seconds)
    pending = _differing(questions, attempts)
    if not pending:
        return attempts
    while pending and not deadline.passed:
        pending = _differing(pending, probe(pending))
    return probe(questions)


def _differing(questions: tuple[Question, ...], attempts: Mapping[Question, Attempt]) -> tuple[Question, ...]:
    return tuple(question for question in questions if not is_satisfied(question, attempts[question]))


def _pairs(probes: Sequence[ResolvedProbe], attempts: Mapping[Question, Attempt]) -> tuple[PodPairResult, ...]:
    return tuple(
        PodPairResult(probe.source, probe.target, Evidence(probe.question.expected, (attempts[probe.question],)))
        for probe in probes
    )
