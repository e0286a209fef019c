"""Measures when a change of policies takes effect: continuous probes around the entry into a step, and back."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from netpol_harness.backends.base import Capability
from netpol_harness.deadline import Deadline
from netpol_harness.errors import HarnessError
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation
from netpol_harness.probe.continuous import ContinuousProbe
from netpol_harness.probe.plan.question import Question
from netpol_harness.results.evidence import Attempt
from netpol_harness.results.latency import Interval, Sample, State, cadence, interval, wrong_windows
from netpol_harness.runner.run import ScenarioRun
from netpol_harness.runner.targets import resolve_probes
from netpol_harness.scenario.scenario import Step

PREPARATION = 20.0
"""Seconds that the first answers may take."""

BASELINE = 0.3
"""Seconds of probing before each change."""

CONTROL_DELAY = 1.0
"""Seconds by which the positive control is late, at least."""

_CADENCES = 4  # the control is late by so many times the longest gap so far, so that it can fail


@dataclass(frozen=True, slots=True)
class Measurement:
    """One path and one change. ``change`` is deny, allow, control or restart.

    ``taken`` is ``None`` if the path did not change; then ``windows`` are the times in which it was wrong.
    """

    path: str
    change: str
    taken: Interval | None
    windows: tuple[Interval, ...]
    cadence: float
    samples: int
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class LatencyMeter:
    """Measures one step of a scenario that is open. ``window``: seconds of probing after each change."""

    run: ScenarioRun
    step: Step
    window: float

    def measure(self, repeat: int) -> Iterator[Measurement]:
        """Enter the step and go back, ``repeat`` times; then once with a known delay, and restart the agent."""
        before = self._before
        self.run.enter(before)
        delay = CONTROL_DELAY
        for _ in range(repeat):
            for goal in (self.step, before):
                for measured in self._change(partial(self.run.enter, goal), goal, 0.0, ""):
                    delay = max(delay, _CADENCES * measured.cadence if measured.samples > 1 else 0.0)
                    yield measured
        yield from self._change(partial(self.run.enter, self.step), self.step, delay, "control")
        if Capability.AGENT_RESTART in self.run.capabilities:
            context = self.run.context
            yield from self._change(lambda: context.backend.restart_agent(context.cluster), self.step, 0.0, "restart")

    @property
    def _before(self) -> Step:
        steps = self.run.scenario.steps
        index = next(number for number, step in enumerate(steps) if step.name == self.step.name)
        if index == 0:
            raise HarnessError(f"step {self.step.name} is the first one; name a step that changes policies")
        return steps[index - 1]

    def _change(self, change: Callable[[], None], goal: Step, delay: float, name: str) -> Iterator[Measurement]:
        snapshot = self.run.snapshot()
        wanted = {e.path: e for e in goal.expectations if _goal(e) is not State.UNKNOWN}
        wanted = {path: e for path, e in wanted.items() if path in {e.path for e in self.step.expectations}}
        resolved = [(e, probe.question) for e in wanted.values() for probe in resolve_probes(e, snapshot)]
        since = time.monotonic()
        probes = [ContinuousProbe(self.run.context.prober, partial(_only, q), since=since) for _, q in resolved]
        try:
            for probe in probes:
                probe.wait(Deadline(PREPARATION))
            _pause(BASELINE)
            announced = time.monotonic() - since
            _pause(delay)
            change()
            _pause(self.window)
        finally:
            attempts = [probe.end() for probe in probes]
        for (expectation, _), probe, (own, *_) in zip(resolved, probes, attempts, strict=True):
            samples = [_sample(*pair) for pair in zip(own, probe.spans, strict=True)]
            yield replace(_measurement(expectation, samples, announced, name), delay=delay)


def _measurement(expectation: Expectation, samples: Sequence[Sample], changed: float, name: str) -> Measurement:
    goal = _goal(expectation)
    taken = interval(samples, changed, goal) if name != "restart" else None
    windows = wrong_windows(samples, goal) if taken is None else ()
    change = name or ("allow" if goal is State.OPEN else "deny")
    return Measurement(str(expectation.path), change, taken, windows, cadence(samples), len(samples))


def is_late(measurement: Measurement) -> bool:
    """Return whether a control was measured as late as it was. Gaps of half its delay prove nothing."""
    taken, delay, gap = measurement.taken, measurement.delay, measurement.cadence
    return taken is not None and taken.upper is not None and gap < delay / 2 and taken.lower >= delay - gap


def _only(question: Question) -> Sequence[Question]:
    return (question,)


def _goal(expectation: Expectation) -> State:
    match expectation.expected:
        case Expected.ALLOWED:
            return State.OPEN
        case Expected.BLOCKED | Expected.DROPPED | Expected.REJECTED:
            return State.CLOSED
    return State.UNKNOWN


def _sample(attempt: Attempt, span: tuple[float, float]) -> Sample:
    """Return an observation; the packet of a probe that waited in vain was sent before it began to wait."""
    begun, ended = span
    if attempt.is_open:
        return Sample(begun, ended, State.OPEN)
    waited = min(attempt.reply.seconds, ended - begun)
    return Sample(begun, ended - waited, State.CLOSED if attempt.credible else State.UNKNOWN)


def _pause(seconds: float) -> None:
    if seconds > 0:
        Deadline(seconds).pause(seconds)
