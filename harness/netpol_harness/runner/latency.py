"""Measures when a change of policies takes effect: continuous probes around the entry into a step, and back."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite

from netpol_harness.backends.base import Capability
from netpol_harness.deadline import Deadline
from netpol_harness.errors import CapabilityMissing, HarnessError
from netpol_harness.model.names import ObjectKey
from netpol_harness.paths.ends import PodSource, PodTarget, ServiceTarget
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import Expectation, Path
from netpol_harness.probe.continuous import ContinuousProbe
from netpol_harness.probe.plan.question import Question
from netpol_harness.results.evidence import Attempt
from netpol_harness.results.latency import Interval, Sample, State, cadence, interval, wrong_windows
from netpol_harness.runner.latency_paths import MOST_PATHS, States, changing_states, step_before
from netpol_harness.runner.new_pods import kind_of
from netpol_harness.runner.run import ScenarioRun
from netpol_harness.runner.targets import resolve_probes
from netpol_harness.scenario.scenario import Step

PREPARATION = 20.0
"""Seconds that the first answers may take."""

BASELINE = 0.3
"""Seconds of probing before each change."""

CONTROL_DELAY = 1.0
"""Seconds by which the positive control is late, at least."""

LONGEST_DELAY = 8.0
"""Seconds by which it is late, at most: probes that are further apart prove nothing."""

TEARDOWN = "teardown"

WINDOWS = ("restart", TEARDOWN)
"""The changes after which every path should be as before."""

_CADENCES = 4  # the control is late by so many times the longest gap so far, so that it can fail


@dataclass(frozen=True, slots=True)
class Measurement:
    """One path and one change. ``change`` is deny, allow, control, restart, teardown, or one of ``new_pods.KINDS``.

    ``taken`` is ``None`` if the path did not change; then ``windows`` are the times in which it was wrong, and
    ``samples`` counts the valid ones after the change: without any, nothing is known. For new pods
    ``leaks`` of the ``samples`` found a closed path open, and ``cadence`` is 0. ``problem``: why nothing was measured.
    """

    path: str
    change: str
    taken: Interval | None
    windows: tuple[Interval, ...]
    cadence: float
    samples: int
    delay: float = 0.0
    leaks: int = 0
    problem: str = ""


@dataclass(slots=True)
class _ProbedPath:
    """A path that is probed around a change, and its question, which the change may replace: pods are recreated."""

    path: Path
    goal: State
    resolves_name: bool
    question: Question

    def questions(self) -> Sequence[Question]:
        return (self.question,)


@dataclass(frozen=True, slots=True)
class LatencyMeter:
    """Measures one step of a scenario that is open. ``window``: seconds of probing after each change.

    ``new_pods`` are the steps of the scenario, after this one, that create its pods again.
    """

    run: ScenarioRun
    step: Step
    window: float
    new_pods: Sequence[Step] = ()

    def measure(self, repeat: int) -> Iterator[Measurement]:
        """Enter the step and go back, ``repeat`` times, and once with a known delay; then restart, delete, create.

        Raises ``HarnessError`` if no path changes.
        """
        before = step_before(self.run.scenario, self.step)
        old, new = map(self._possible, changing_states(self.run.scenario, before, self.step))
        self.run.enter(before)
        delay = CONTROL_DELAY
        for _ in range(repeat):
            for goal, states in ((self.step, new), (before, old)):
                for measured in self._change(partial(self.run.enter, goal), states, 0.0, ""):
                    if isfinite(measured.cadence):
                        delay = max(delay, min(_CADENCES * measured.cadence, LONGEST_DELAY))
                    yield measured
        yield from self._change(partial(self.run.enter, self.step), new, delay, "control")
        if Capability.AGENT_RESTART in self.run.capabilities:
            context = self.run.context
            yield from self._change(lambda: context.backend.restart_agent(context.cluster), new, 0.0, "restart")
        for namespace, states in self._namespaces(new).items():
            yield from self._change(partial(self.run.recreate_namespace, namespace), states, 0.0, TEARDOWN)
        for step in self.new_pods:
            yield from self._first_packets(step)

    def _namespaces(self, states: States) -> Mapping[str, States]:
        """Return the closed paths into each namespace that may be deleted, from pods and hosts outside of it."""
        found: dict[str, dict[Path, State]] = {}
        for path, state in states.items():
            source = path.source.ref.namespace if isinstance(path.source, PodSource) else ""
            if state is State.CLOSED and isinstance(path.target, PodTarget | ServiceTarget):
                namespace = path.target.ref.namespace
                key = ObjectKey("v1", "Namespace", "", self.run.placement.real(namespace))
                if namespace != source and key in self.run.applied:
                    found.setdefault(namespace, {})[path] = state
        return found

    def _first_packets(self, step: Step) -> Iterator[Measurement]:
        """Measure the paths of a step; what cannot be measured has no samples, and a problem."""
        change = kind_of(step)
        paths = {e: str(e.path).removeprefix(f"{e.path.mode} ") for e in step.expectations}
        try:
            self.run.enter(step)
            results = self.run.observer.observe(step, step.expectations, others=False).path_results
        except HarnessError as error:
            for path in paths.values():
                yield Measurement(path, change, None, (), 0.0, 0, problem=str(error).splitlines()[0])
            return
        for expectation, result in results.items():
            attempts = [attempt for pair in result.pairs for attempt in pair.evidence.attempts]
            valid, leaks = [a for a in attempts if a.is_open or a.denied], sum(a.is_open for a in attempts)
            yield Measurement(paths[expectation], change, None, (), 0.0, len(valid), leaks=leaks)

    def _possible(self, states: States) -> States:
        """Return the first paths that the cluster can carry."""
        lacking = {path: self.run.observer.missing_capability(path, self.step) for path in states}
        possible = [path for path, capability in lacking.items() if capability is None]
        if not possible:
            raise CapabilityMissing(next(filter(None, lacking.values())), f"all paths that {self.step.name} changes")
        return {path: states[path] for path in possible[:MOST_PATHS]}

    def _change(self, change: Callable[[], None], states: States, delay: float, name: str) -> Iterator[Measurement]:
        probed, since = list(self._resolved(states)), time.monotonic()
        probes = [ContinuousProbe(self.run.context.prober, each.questions, since=since) for each in probed]
        try:
            for probe in probes:
                probe.wait(Deadline(PREPARATION))
            _pause(BASELINE)
            announced = time.monotonic() - since
            _pause(delay)
            change()
            self._follow(probed, states)
            ended = time.monotonic() - since
            _pause(self.window)
        finally:
            attempts = [probe.end() for probe in probes]
        for each, probe, (own, *_) in zip(probed, probes, attempts, strict=True):
            samples = [
                _sample(attempt, span, resolves_name=each.resolves_name)
                for attempt, span in zip(own, probe.spans, strict=True)
            ]
            measured = replace(_measurement(each, samples, announced, name), delay=delay)
            known = sum(s.begun >= ended and s.state is not State.UNKNOWN for s in samples)
            yield replace(measured, samples=known) if name in WINDOWS else measured

    def _resolved(self, states: States) -> Iterator[_ProbedPath]:
        snapshot = self.run.snapshot()
        for path, goal in states.items():
            for probe in resolve_probes(Expectation(path, Expected.UNDEFINED, ""), snapshot):
                yield _ProbedPath(path, goal, isinstance(path.target, ServiceTarget), probe.question)

    def _follow(self, probed: Sequence[_ProbedPath], states: States) -> None:
        """Continue with the pods that the change has created, unless their number is another."""
        resolved = list(self._resolved(states))
        if [each.path for each in resolved] == [each.path for each in probed]:
            for earlier, now in zip(probed, resolved, strict=True):
                earlier.question = now.question


def _measurement(probed: _ProbedPath, samples: Sequence[Sample], changed: float, name: str) -> Measurement:
    taken = interval(samples, changed, probed.goal) if name not in WINDOWS else None
    windows = wrong_windows(samples, probed.goal) if taken is None else ()
    change = name or ("allow" if probed.goal is State.OPEN else "deny")
    return Measurement(str(probed.path), change, taken, windows, cadence(samples), len(samples))


def is_late(measurement: Measurement) -> bool:
    """Return whether a control was measured as late as it was, or later. Gaps of half its delay prove nothing."""
    taken, delay, gap = measurement.taken, measurement.delay, measurement.cadence
    if taken is None or taken.upper is None:
        return False
    # Not `lower` beside the delay: the packet that was seen last the old way may precede it by a gap and a probe.
    return taken.upper >= delay and max(gap, taken.upper - taken.lower) < delay / 2


def _sample(attempt: Attempt, span: tuple[float, float], *, resolves_name: bool) -> Sample:
    """Return an observation; the packet of a probe that waited in vain was sent before it began to wait.

    A name that does not resolve is a denial only if the path asks for one.
    """
    begun, ended = span
    if attempt.is_open:
        return Sample(begun, ended, State.OPEN)
    waited = min(attempt.reply.seconds, ended - begun)
    denied = attempt.credible or (resolves_name and attempt.reply.outcome is Outcome.NAME_FAILED)
    return Sample(begun, ended - waited, State.CLOSED if denied else State.UNKNOWN)


def _pause(seconds: float) -> None:
    if seconds > 0:
        Deadline(seconds).pause(seconds)
