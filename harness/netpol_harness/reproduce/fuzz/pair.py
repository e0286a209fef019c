"""Two dataplanes on the same worlds: what they show of paths that the specification leaves open.

The first dataplane stands in for the specification there: a path disagrees if the second contradicts its verdict.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.reproduce.fuzz.batch import BatchStep, Suspicion
from netpol_harness.reproduce.shrink.draft import Draft
from netpol_harness.reproduce.shrink.trial import Found, Observation, Pace, Trials
from netpol_harness.results.evidence import Judgement
from netpol_harness.results.table import PathResult

_CLOSED = (Outcome.TIMED_OUT, Outcome.REFUSED, Outcome.UNREACHABLE)


def disagreements(first: BatchStep, second: BatchStep) -> Iterator[Suspicion]:
    """Yield the open paths on which two dataplanes differ in a step of the same batch, with the first's verdicts."""
    others = {each.result.expectation.path.text: each.result for each in second.open}
    for one in first.open:
        other, verdict = others.get(one.draft.path), verdict_of(one.result)
        if other and verdict and verdict_of(other) not in (verdict, None):
            yield Suspicion(replace(one.draft, expected=verdict.value), other, dataplane=1, is_open=True)


def verdict_of(result: PathResult) -> Expected | None:
    """Return what a dataplane does, ``None`` if that was not observed: a listener may not be alive."""
    last = result.worst.evidence.attempts[-1]
    if last.is_genuine:
        return Expected.ALLOWED
    return Expected.BLOCKED if result.outcome in _CLOSED and last.proven else None


class PairTrials:
    """Trials on two clusters (``Trier``): wrong is what the first does as expected, and the second does not.

    Invariant: only what the specification leaves open. An observation has the first's verdict as the one predicted.
    """

    quick: float | None = None

    def __init__(self, first: Trials, second: Trials) -> None:
        self.width = 1
        self._first = first
        self._second = second

    @property
    def executed(self) -> int:
        """The number of trials."""
        return self._first.executed + self._second.executed

    def observe(self, draft: Draft) -> Observation:
        """Run a draft once on each cluster, the second of them first, and return what it has shown."""
        seen = self._second.observe(draft)
        if seen.predicted is not Expected.UNDEFINED or not _has(seen, Judgement.DISAGREES):
            return replace(seen, result=None, problem=seen.problem or "the second dataplane agrees")
        if not _has(self._first.observe(draft), Judgement.AGREES):
            return replace(seen, result=None, problem="the first dataplane does the same")
        return replace(seen, predicted=Expected(draft.expected))

    def wrong(self, drafts: Sequence[Draft], first: Observation, pace: Pace, found: Found) -> Sequence[bool]:
        """Return for each draft whether the dataplanes disagree in the same way as in the first observation."""
        return [self._repeats(draft, first, pace, found) for draft in drafts]

    def _repeats(self, draft: Draft, first: Observation, pace: Pace, found: Found) -> bool:
        for _ in range(pace.tries):
            observation = self.observe(draft)
            if observation.is_as_wrong_as(first):
                found(draft, observation)
                return True
        return False


def _has(observation: Observation, judgement: Judgement) -> bool:
    return observation.result is not None and observation.result.judgement is judgement
