"""What is asked while a cluster is led into a step: paths ``throughout`` the change, and ``first`` packets of new pods.

Invariant: a passage asks from before the first change of the cluster until it is ended, which is after the step has
settled. Paths ``throughout`` are aimed before the change, and anew after it, for what was made again. A path to a new
pod is asked as soon as the API shows an address of it; one from a new pod by a container that is put into the pod's
manifest before it is made, and whose log tells what it met.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from netpol_harness.deadline import Deadline
from netpol_harness.errors import WorkloadFailed
from netpol_harness.kube.client import Client
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.names import NamespacedName, ObjectKey
from netpol_harness.model.objects import Pod
from netpol_harness.paths.ends import PodSource
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Expectation, Path, ProbeMode
from netpol_harness.probe import first_packet
from netpol_harness.probe.continuous import ContinuousProbe
from netpol_harness.probe.converge import NOT_ASKED
from netpol_harness.probe.first_packet import FirstPacketProbes
from netpol_harness.probe.prober import Prober
from netpol_harness.probe.question import Question
from netpol_harness.results.evidence import Attempt, Evidence
from netpol_harness.runner.snapshot import ClusterSnapshot
from netpol_harness.runner.state import Act, Change
from netpol_harness.runner.targets import ResolvedProbe, probes_from, resolve_probes
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import Step

PATIENCE = 2
"""Time-outs of a probe that a pod's first container gives each of its own: its machine is busy starting a pod."""

PREPARATION = 20.0
"""Seconds that the first answers may take, for which the first change waits."""

Attempts = Sequence[Sequence[Attempt]]
"""By aim of a path, in the order of ``resolve_probes``; oldest first."""

Look = Callable[[Collection[str]], ClusterSnapshot]
"""Who is there right now, without the pods of these uids."""


@dataclass(frozen=True, slots=True)
class TransitionContext:
    """What a passage stands on."""

    prober: Prober
    client: Client
    placement: Placement
    look: Look


@dataclass(slots=True)
class _ContinuousProbe:
    """A path asked from outside. Without ``questions``, its pod is sought among those that were not there before."""

    path: Path
    questions: Sequence[Question]
    before: Collection[str]


@dataclass(slots=True)
class StepTransition:
    """The way into one step. ``before`` is who was there before the first change.

    ``began`` is the monotonic moment from which the times of attempts are counted.
    """

    step: Step
    ways: TransitionContext
    before: ClusterSnapshot
    began: float
    _watched: list[_ContinuousProbe] = field(default_factory=list)
    _watches: dict[Path, ContinuousProbe] = field(default_factory=dict)
    _firsts: dict[NamespacedName, FirstPacketProbes] = field(default_factory=dict)
    _told: dict[Path, Attempts] = field(default_factory=dict)
    _took: float = 0.0

    def start(self) -> None:
        """Begin to ask."""
        for path in paths(self.step, ProbeMode.CONTINUOUS):
            questions: Sequence[Question] = ()
            with suppress(WorkloadFailed):  # what comes with the step is asked from then on
                questions = _questions(path, Expected.ALLOWED, self.before)
            self._watch(_ContinuousProbe(path, questions, ()))
        for watched in self._watched:
            if watched.questions:
                self._watches[watched.path].wait(Deadline(PREPARATION))
        for path in paths(self.step, ProbeMode.FIRST_PACKET):
            if not (isinstance(path.source, PodSource) and self._starts(path.source.ref)):
                self._watch(_ContinuousProbe(path, (), self.before.uids))

    def inject(self, changes: Iterable[Change]) -> tuple[Change, ...]:
        """The changes, with a first container in the pods from which something is to be asked first."""
        return tuple(self._injected(change) for change in changes)

    def finish(self, after: ClusterSnapshot, changed: float) -> None:
        """Take note that all was ``changed`` by then (monotonic), and all pods run. ``after`` is who is there now."""
        self._took = changed - self.began
        for watched in self._watched:
            watched.questions = _questions(watched.path, Expected.UNDEFINED, after)
        for source, asked in self._firsts.items():
            self._told |= self._heard(source, asked, after)

    def end(self) -> Mapping[Path, Attempts]:
        """Stop asking; what was seen of each path, also when called again."""
        self._told |= {path: watch.end() for path, watch in self._watches.items()}
        self._watches.clear()
        return self._told

    def merge(
        self, expectation: Expectation, position: int, resolved_probe: ResolvedProbe, settled: Evidence
    ) -> Evidence:
        """The evidence of one aim, which was gathered once all was changed, with what was seen on the way there.

        Times count from the beginning. What asked for itself had no witness: the first of the settled step speaks
        for it. Of a source that has ended there is nothing else. Where nothing was seen on the way, the settled step
        cannot stand in for it: the path was not asked.
        """
        told = self.end().get(expectation.path, ())
        earlier = told[position] if position < len(told) else ()
        if not earlier:
            return Evidence(expectation.expected, (Attempt(0.0, NOT_ASKED),), expectation.path.mode)
        liveness = settled.attempts[0].liveness
        attempts = (
            *(attempt if attempt.liveness else replace(attempt, liveness=liveness) for attempt in earlier),
            *(
                replace(attempt, at=attempt.at + self._took)
                for attempt in settled.attempts
                if not resolved_probe.source_completed
            ),
        )
        return Evidence(expectation.expected, attempts, expectation.path.mode)

    def _watch(self, watched: _ContinuousProbe) -> None:
        self._watched.append(watched)
        self._watches[watched.path] = ContinuousProbe(
            self.ways.prober, lambda: self._present(watched), since=self.began
        )

    def _present(self, watched: _ContinuousProbe) -> Sequence[Question]:
        if not watched.questions:
            watched.questions = _questions(watched.path, Expected.ALLOWED, self.ways.look(watched.before))
        return watched.questions

    def _starts(self, workload: NamespacedName) -> bool:
        """Whether the step makes the pods of this workload."""
        return workload in self.step.recreate or not self.before.has_pods(workload)

    def _injected(self, change: Change) -> Change:
        key = change.key
        source = NamespacedName(self.ways.placement.logical(key.namespace), key.name)
        asked = [path for path in paths(self.step, ProbeMode.FIRST_PACKET) if path.source == PodSource(source)]
        if not asked or not change.starts_pods or change.act is Act.DELETE or not self._starts(source):
            return change
        stub = Pod(NamespacedName(key.namespace, key.name), {})
        probes = dict.fromkeys(probe for path in asked for probe in probes_from(path, stub, self.before))
        self._firsts[source] = FirstPacketProbes.asking(tuple(probes), PATIENCE * self.ways.prober.timeout)
        return Change(change.act, key, _with_first(change.data, self._firsts[source], self.ways.prober.image))

    def _heard(
        self, source: NamespacedName, asked: FirstPacketProbes, after: ClusterSnapshot
    ) -> Mapping[Path, Attempts]:
        """What the first containers of all pods of a workload met, by path and aim."""
        heard = []
        for pod in after.pods_ever_of(source):
            ref = pod.ref
            log = self.ways.client.log(ObjectKey("v1", "Pod", ref.namespace, ref.name), container=first_packet.NAME)
            heard.append((pod, dict(zip(asked.probes, asked.read(log), strict=True))))
        return {
            path: [
                [Attempt(0.0, reply) for reply in first_packet.without_failed_start(replies[probe])]
                for pod, replies in heard
                for probe in probes_from(path, pod, after)
                if probe in replies
            ]
            for path in paths(self.step, ProbeMode.FIRST_PACKET)
            if path.source == PodSource(source)
        }


def paths(step: Step, *manners: ProbeMode) -> Iterator[Path]:
    """The paths of a step that are asked in one of these manners, with a word or without."""
    for path in (*(e.path for e in step.expectations), *(inquiry.path for inquiry in step.inquiries)):
        if path.mode in manners:
            yield path


def _questions(path: Path, expected: Expected, snapshot: ClusterSnapshot) -> tuple[Question, ...]:
    """The questions of a path. A Service must exist for an ``expected`` ALLOWED, and need not for UNDEFINED."""
    return tuple(resolved.question for resolved in resolve_probes(Expectation(path, expected, ""), snapshot))


def _with_first(data: JsonMapping, asked: FirstPacketProbes, image: str) -> JsonMapping:
    """The manifest of a pod, or of what makes pods, with the container in it."""
    spec = data["spec"]
    if "template" in spec:
        template = spec["template"]
        return {**data, "spec": {**spec, "template": {**template, "spec": asked.within(template["spec"], image)}}}
    return {**data, "spec": asked.within(spec, image)}
