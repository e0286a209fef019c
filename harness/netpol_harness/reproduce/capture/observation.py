"""From the evidence of a path on the source cluster to the verdict that a capture writes. Pure.

The policies of a cluster in use are not lifted. So a denial rests on the listener alone: it answered its own pod in the
same rounds in which the source got no answer. Without that, the path is undefined.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from netpol_harness.analysis.predict import contradicts
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.results.evidence import Attempt, Evidence

_NO_VERDICT = frozenset({Outcome.PROBE_FAILED, Outcome.NAME_WRONG})


@dataclass(frozen=True, slots=True)
class Observation:
    """A path as the user wrote it, its verdict on the source cluster, and how this was found.

    ``verdict`` is ALLOWED, BLOCKED or UNDEFINED. ``how`` are lines. ``disagrees``: the cluster does something else than
    the captured policies say, at least between some of the path's pods.
    """

    text: str
    verdict: Expected
    how: tuple[str, ...] = ()
    disagrees: bool = False


@dataclass(frozen=True, slots=True)
class PairEvidence:
    """The evidence of one source pod and one address of the target, as text.

    ``unproven`` says why no listener could be asked, if none was.
    """

    source: str
    target: str
    evidence: Evidence
    unproven: str = ""


def observation(text: str, pairs: Sequence[PairEvidence], predicted: Expected) -> Observation:
    """Return what was observed of a path, over all its pairs."""
    found = [_of_pair(pair) for pair in pairs]
    verdicts = dict.fromkeys(verdict for verdict, _ in found)
    how = [line for _, line in found]
    wrong = [str(verdict) for verdict in verdicts if contradicts(predicted, verdict)]
    if len(verdicts) > 1:
        how.append("not one verdict: the pairs of pods differ")
    if wrong:
        how.append(f"DISAGREES: observed {' and '.join(wrong)}, but the captured policies say {predicted}")
    return Observation(text, _common(verdicts), tuple(how), disagrees=bool(wrong))


def not_observed(text: str, why: str) -> Observation:
    """Return a path without a verdict, and the reason."""
    return Observation(text, Expected.UNDEFINED, (f"not observed: {why}",))


def combined(text: str, several: Sequence[Observation]) -> Observation:
    """Return the observation of a line that stands for several paths, as one with ``any`` does."""
    verdicts = {each.verdict for each in several}
    differ = ("not one verdict: the paths of this line differ",) if len(verdicts) > 1 else ()
    how = (*(line for each in several for line in each.how), *differ)
    return Observation(text, _common(verdicts), how, any(each.disagrees for each in several))


def _common(verdicts: Collection[Expected]) -> Expected:
    return next(iter(verdicts)) if len(verdicts) == 1 else Expected.UNDEFINED


def _of_pair(pair: PairEvidence) -> tuple[Expected, str]:
    attempts = pair.evidence.attempts
    seen = [attempt for attempt in attempts if attempt.reply.outcome not in _NO_VERDICT]
    last = attempts[-1]
    verdict, why = _judged(seen, last, pair.unproven)
    command = f" by `{last.reply.command}`" if last.reply.command else ""
    outcomes = ", ".join(dict.fromkeys(str(attempt.reply.outcome) for attempt in attempts))
    return verdict, f"{pair.source} -> {pair.target}: {outcomes} in {len(attempts)} attempts{command}; {why}"


def _judged(seen: Sequence[Attempt], last: Attempt, unproven: str) -> tuple[Expected, str]:
    if last.reply.outcome in _NO_VERDICT:
        return Expected.UNDEFINED, f"not observed: {last.reply.detail or last.reply.outcome}"
    opened = sum(attempt.is_open for attempt in seen)
    if 0 < opened < len(seen):
        return Expected.UNDEFINED, f"not one verdict: open in {opened} of {len(seen)} attempts"
    if opened:
        return _judged_open(last)
    if any(attempt.reply.outcome is Outcome.NAME_FAILED for attempt in seen):
        return Expected.UNDEFINED, "the name did not resolve; nothing shows whether policies are the cause"
    if unproven:
        return Expected.UNDEFINED, f"not proven: {unproven}"
    if dead := next((attempt for attempt in seen if not attempt.proven), None):
        detail = (dead.liveness.detail or str(dead.liveness.outcome)) if dead.liveness else "nobody asked it"
        return Expected.UNDEFINED, f"not proven: the listener did not answer its own pod ({detail})"
    return Expected.BLOCKED, "proof: the listener answered its own pod each time; policies were not lifted"


def _judged_open(last: Attempt) -> tuple[Expected, str]:
    if last.is_genuine:
        return Expected.ALLOWED, "the target answered"
    return Expected.UNDEFINED, "not proven: an unused port of the target answers as well, so something else may answer"
