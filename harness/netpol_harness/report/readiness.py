"""The message about an expectation of the readiness of pods that does not hold, or that nothing proves."""

from collections.abc import Iterator, Sequence

from netpol_harness.analysis.explain import ExplanationLine
from netpol_harness.report.message import FailureMessage
from netpol_harness.results.evidence import Judgement
from netpol_harness.results.readiness import ReadinessResult

_MOST_REASONS = 2


def readiness_message(result: ReadinessResult, step: str, waiting: Sequence[str] = ()) -> FailureMessage:
    """Return the message. ``waiting``: what the init containers ask, and whether policies allow it."""
    summary = _verdict(result)
    head = f"{result.expectation.text}: {summary}"
    return FailureMessage(summary, head).adding(*_lines(result, step, waiting))


def _verdict(result: ReadinessResult) -> str:
    wanted = "Ready" if result.expectation.ready else "not Ready"
    match result.judgement:
        case Judgement.DISAGREES:
            return f"expected {wanted}, observed {'not Ready' if result.expectation.ready else 'Ready'}"
        case Judgement.UNPROVEN:
            return "UNPROVEN: its pods were never Ready in this run, so it may not be the step that holds them up"
        case Judgement.BROKEN:
            cause = "there are no pods" if not (result.looks and result.looks[-1]) else "the pods cannot start"
            return f"{cause}, so nothing is known about their readiness"
        case _:
            return f"{wanted}, as expected"


def _lines(result: ReadinessResult, step: str, waiting: Sequence[str]) -> Iterator[ExplanationLine]:
    expectation, last = result.expectation, result.looks[-1] if result.looks else ()
    yield ExplanationLine(
        "expected", f"{'Ready' if expectation.ready else 'not Ready'}  ({expectation.where}, step {step})"
    )
    ready = sum(pod.ready for pod in last)
    yield ExplanationLine("observed", f"{ready} of {len(last)} pods Ready")
    yield from (ExplanationLine("because", reason) for reason in result.reasons[:_MOST_REASONS])
    yield from (ExplanationLine("waiting", line) for line in waiting)
    yield ExplanationLine("evidence", f"{len(result.looks)} looks within {result.seconds:.1f} s of the last change")
    baseline = "never" if result.baseline is None else f"within {result.baseline:.0f} s of its creation"
    yield ExplanationLine("baseline", f"Ready earlier in this run: {baseline}")
    for pod in last[:1]:
        namespace, _, name = pod.pod.partition("/")
        yield ExplanationLine("repeat", f"kubectl -n {namespace} describe pod {name}")
