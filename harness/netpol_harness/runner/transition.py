"""Probes that run while a step is entered: ``throughout`` paths continuously, ``first`` paths for first packets.

Invariant: a transition probes from before the first change of the cluster until ``end``, which is called after the step
has settled. Paths ``throughout`` are resolved before the change, and again after it, since pods may be recreated. A
path to a new pod is probed as soon as the API shows its address. A path from a new pod is probed by an init container
that is injected into the pod's manifest before the pod is created; its log holds the answers.
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
from netpol_harness.probe.first_packet import FirstPacketProbes
from netpol_harness.probe.plan.question import Question
from netpol_harness.probe.prober import Prober
from netpol_harness.probe.rounds import MISSING_REPLY
from netpol_harness.results.evidence import Attempt, Evidence
from netpol_harness.results.proof import Proof
from netpol_harness.runner.snapshot import ClusterSnapshot
from netpol_harness.runner.state import Act, Change
from netpol_harness.runner.targets import ResolvedProbe, probes_from, resolve_probes
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import Step

FIRST_PACKET_TIMEOUTS = 2
"""Probe time-outs that the init container gives each of its probes: the node is busy starting the pod."""

PREPARATION = 20.0
"""Seconds that the first answers may take; the first change waits for them."""

DURING_TRANSITION = (ProbeMode.FIRST_PACKET, ProbeMode.CONTINUOUS)
"""The modes of paths that are probed during a transition."""

Attempts = Sequence[Sequence[Attempt]]
"""The attempts of one path: one sequence for each of its resolved probes, in their order; oldest first."""

TakeSnapshot = Callable[[Collection[str]], ClusterSnapshot]
"""Returns the live objects, except those of the given uids."""


@dataclass(frozen=True, slots=True)
class TransitionContext:
    """What a transition works with."""

    prober: Prober
    client: Client
    placement: Placement
    take_snapshot: TakeSnapshot


@dataclass(slots=True)
class _ContinuousPath:
    """A path that is probed from a pod that runs already.

    While it has no ``questions``, it is resolved among the objects that are not in ``ignored`` (uids).
    """

    path: Path
    questions: Sequence[Question]
    ignored: Collection[str]


@dataclass(slots=True)
class StepTransition:
    """The transition into one step. ``before`` is the snapshot before the first change.

    ``began`` is the monotonic time from which the times of attempts are counted.
    """

    step: Step
    context: TransitionContext
    before: ClusterSnapshot
    began: float
    _continuous_paths: list[_ContinuousPath] = field(default_factory=list)
    _continuous_probes: dict[Path, ContinuousProbe] = field(default_factory=dict)
    _first_packet_probes: dict[NamespacedName, FirstPacketProbes] = field(default_factory=dict)
    _attempts: dict[Path, Attempts] = field(default_factory=dict)
    _duration: float = 0.0

    def start(self) -> None:
        """Start to probe, and wait for the first answers of the paths that exist already."""
        for path in paths_with(self.step, ProbeMode.CONTINUOUS):
            questions: Sequence[Question] = ()
            with suppress(WorkloadFailed):  # a pod that the step creates is probed from then on
                questions = _questions(path, Expected.ALLOWED, self.before)
            self._probe_continuously(_ContinuousPath(path, questions, ()))
        for continuous in self._continuous_paths:
            if continuous.questions:
                self._continuous_probes[continuous.path].wait(Deadline(PREPARATION))
        for path in paths_with(self.step, ProbeMode.FIRST_PACKET):
            if not (isinstance(path.source, PodSource) and self._creates_pods_of(path.source.ref)):
                self._probe_continuously(_ContinuousPath(path, (), self.before.uids))

    def inject(self, changes: Iterable[Change]) -> tuple[Change, ...]:
        """Return the changes, with an init container in the pods whose first packets are probed."""
        return tuple(self._injected(change) for change in changes)

    def finish(self, after: ClusterSnapshot, changed: float) -> None:
        """Resolve all paths again, and read the logs of the init containers.

        ``changed`` is the monotonic time of the last change; all pods run in the snapshot ``after`` it.
        """
        self._duration = changed - self.began
        for continuous in self._continuous_paths:
            continuous.questions = _questions(continuous.path, Expected.UNDEFINED, after)
        for source, probes in self._first_packet_probes.items():
            self._attempts |= self._first_packet_attempts(source, probes, after)

    def end(self) -> Mapping[Path, Attempts]:
        """Stop to probe and return the attempts at each path. May be called again."""
        self._attempts |= {path: probe.end() for path, probe in self._continuous_probes.items()}
        self._continuous_probes.clear()
        return self._attempts

    def merge(
        self, expectation: Expectation, position: int, resolved_probe: ResolvedProbe, settled: Evidence
    ) -> Evidence:
        """Return the evidence of one resolved probe: that of the transition, then the ``settled`` evidence of the step.

        Times count from the beginning. An init container makes no liveness checks, so that the first one of the settled
        step stands for them. The controls of the settled step show who answers in the end. A source that has completed
        has no later evidence. If the transition has no attempt, the evidence of the settled step cannot replace it: the
        result is that nothing was probed.
        """
        by_position = self.end().get(expectation.path, ())
        earlier = by_position[position] if position < len(by_position) else ()
        if not earlier:
            return Evidence(expectation.expected, (Attempt(0.0, MISSING_REPLY),), expectation.path.mode)
        liveness = settled.attempts[0].liveness
        later = () if resolved_probe.source_completed else settled.attempts
        attempts = (
            *(attempt if attempt.liveness else replace(attempt, liveness=liveness) for attempt in earlier),
            *(replace(attempt, at=attempt.at + self._duration) for attempt in later),
        )
        proof = Proof.LISTENER if resolved_probe.source_completed else settled.proof
        return replace(
            settled, expected=expectation.expected, attempts=attempts, mode=expectation.path.mode, proof=proof
        )

    def _probe_continuously(self, continuous: _ContinuousPath) -> None:
        self._continuous_paths.append(continuous)
        self._continuous_probes[continuous.path] = ContinuousProbe(
            self.context.prober, lambda: self._current_questions(continuous), since=self.began
        )

    def _current_questions(self, continuous: _ContinuousPath) -> Sequence[Question]:
        if not continuous.questions:
            snapshot = self.context.take_snapshot(continuous.ignored)
            continuous.questions = _questions(continuous.path, Expected.ALLOWED, snapshot)
        return continuous.questions

    def _creates_pods_of(self, workload: NamespacedName) -> bool:
        replaced = (*self.step.recreate, *self.step.relaunched)
        return workload in replaced or not self.before.has_pods(workload)

    def _injected(self, change: Change) -> Change:
        key = change.key
        source = NamespacedName(self.context.placement.logical(key.namespace), key.name)
        paths = self._first_packet_paths(source)
        if not paths or not change.starts_pods or change.act is Act.DELETE or not self._creates_pods_of(source):
            return change
        pod = Pod(NamespacedName(key.namespace, key.name), {})
        probes = dict.fromkeys(probe for path in paths for probe in probes_from(path, pod, self.before))
        timeout = FIRST_PACKET_TIMEOUTS * self.context.prober.timeout
        self._first_packet_probes[source] = injected = FirstPacketProbes.of(tuple(probes), timeout)
        return Change(change.act, key, _with_init_container(change.data, injected, self.context.prober.image))

    def _first_packet_attempts(
        self, source: NamespacedName, probes: FirstPacketProbes, after: ClusterSnapshot
    ) -> Mapping[Path, Attempts]:
        """Return what the init containers in all pods of a workload observed."""
        replies_by_pod = [
            (pod, dict(zip(probes.probes, probes.read(self._init_container_log(pod)), strict=True)))
            for pod in after.pods_ever_of(source)
        ]
        return {
            path: [
                [Attempt(0.0, reply) for reply in first_packet.without_failed_start(replies[probe])]
                for pod, replies in replies_by_pod
                for probe in probes_from(path, pod, after)
                if probe in replies
            ]
            for path in self._first_packet_paths(source)
        }

    def _init_container_log(self, pod: Pod) -> bytes:
        key = ObjectKey("v1", "Pod", pod.ref.namespace, pod.ref.name)
        return self.context.client.log(key, container=first_packet.NAME)

    def _first_packet_paths(self, source: NamespacedName) -> Sequence[Path]:
        paths = paths_with(self.step, ProbeMode.FIRST_PACKET)
        return [path for path in paths if isinstance(path.source, PodSource) and path.source.ref == source]


def paths_with(step: Step, *modes: ProbeMode) -> Iterator[Path]:
    """Yield the paths of a step that are probed in one of these modes, with or without a verdict."""
    for path in step.paths:
        if path.mode in modes:
            yield path


def _questions(path: Path, expected: Expected, snapshot: ClusterSnapshot) -> tuple[Question, ...]:
    """Resolve a path. Its Service must exist if ``expected`` is ALLOWED, and may be absent if it is UNDEFINED."""
    return tuple(resolved.question for resolved in resolve_probes(Expectation(path, expected, ""), snapshot))


def _with_init_container(data: JsonMapping, probes: FirstPacketProbes, image: str) -> JsonMapping:
    """Return the manifest of a pod, or of a controller that creates pods, with the init container."""
    spec = data["spec"]
    if "template" in spec:
        template = spec["template"]
        return {**data, "spec": {**spec, "template": {**template, "spec": probes.inject(template["spec"], image)}}}
    return {**data, "spec": probes.inject(spec, image)}
