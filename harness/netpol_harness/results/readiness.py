"""What was observed of the readiness of pods, and its judgement. Pure.

That pods are Ready is credited only after every probe of the kubelet had the time to fail. That they are not is
credited only if they were Ready earlier in the run, have had more time since than they took then, and are held up by
something that a network can cause.
"""

from dataclasses import dataclass

from netpol_harness.paths.readiness import Readiness
from netpol_harness.results.evidence import Judgement


@dataclass(frozen=True, slots=True)
class PodReadiness:
    """One pod at one look. ``reason`` says why it is not Ready, empty if it is.

    ``broken``: what holds it up has nothing to do with a network, such as a missing image or a full node.
    """

    pod: str
    ready: bool
    reason: str = ""
    broken: bool = False


@dataclass(frozen=True, slots=True)
class ReadinessResult:
    """All looks at the pods of one expectation, oldest first, within ``seconds`` of the last change.

    ``baseline``: seconds that they took to become Ready earlier in the run; ``None`` if they never were.
    """

    expectation: Readiness
    looks: tuple[tuple[PodReadiness, ...], ...]
    seconds: float
    baseline: float | None = None

    @property
    def judgement(self) -> Judgement:
        """Compare the looks with the expectation."""
        last = self.looks[-1] if self.looks else ()
        if not last or any(pod.broken for pod in last):
            return Judgement.BROKEN
        if self.expectation.ready:
            return Judgement.AGREES if all(pod.ready for look in self.looks for pod in look) else Judgement.DISAGREES
        if any(pod.ready for pod in last):
            return Judgement.DISAGREES
        return Judgement.UNPROVEN if self.baseline is None else Judgement.AGREES

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why pods were not Ready, each reason once, the latest first."""
        return tuple(dict.fromkeys(pod.reason for look in reversed(self.looks) for pod in look if pod.reason))
