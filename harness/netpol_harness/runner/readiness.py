"""Observes whether the pods of a scenario are Ready, for as long as it takes to know."""

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from netpol_harness.deadline import Deadline
from netpol_harness.kube import diagnose
from netpol_harness.kube.probe_times import seconds_to_fail
from netpol_harness.kube.wait import polls
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import Pod, World
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.paths.readiness import Readiness
from netpol_harness.results.readiness import PodReadiness, ReadinessResult
from netpol_harness.runner.applied_state import AppliedState
from netpol_harness.scenario.placement import Placement

PATIENCE = 3
"""How many times as long as before a pod has to become Ready, until it counts as one that does not."""

_CLOCK = 1.0
"""Seconds: the resolution of times in the API."""

Looks = list[tuple[PodReadiness, ...]]


class ReadinessObserver:
    """Observes one scenario. Remembers how long its pods took to become Ready."""

    def __init__(self, applied: AppliedState, placement: Placement, interval: float) -> None:
        self._applied = applied
        self._placement = placement
        self._interval = interval
        self._baselines: dict[NamespacedName, float] = {}

    def record(self) -> None:
        """Remember the workloads whose pods are Ready now, and how long they took."""
        for data in self._applied.live_pods():
            ready = diagnose.condition(data, "Ready")
            if ready.get("status") == "True" and not diagnose.is_terminating(data):
                workload = self._logical(Pod.parse(data).workload)
                seconds = _seconds(data["metadata"].get("creationTimestamp"), ready.get("lastTransitionTime"))
                self._baselines[workload] = max(self._baselines.get(workload, 0.0), seconds)

    def observe(self, expectations: Collection[Readiness]) -> Mapping[Readiness, ReadinessResult]:
        """Look at the pods until it is known for each expectation whether it holds."""
        looks: dict[Readiness, Looks] = {expectation: [] for expectation in expectations}
        pending, deadline = list(expectations), Deadline(0)
        while pending:
            for last in polls(deadline, self._interval):
                pods = self._applied.live_pods()
                for expectation in pending:
                    looks[expectation].append(self._look(expectation, pods))
                if last:
                    break
            left = {e: self._window(e, pods) - self._elapsed for e in pending if not _is_decided(e, looks[e])}
            pending = [expectation for expectation, seconds in left.items() if seconds > 0]
            deadline = Deadline(min((left[expectation] for expectation in pending), default=0))
        return {e: ReadinessResult(e, tuple(looks[e]), self._elapsed, self._baselines.get(e.ref)) for e in expectations}

    @property
    def _elapsed(self) -> float:
        """Seconds since the last change."""
        return time.monotonic() - self._applied.changed

    def _window(self, expectation: Readiness, pods: Sequence[JsonMapping]) -> float:
        """Return how many seconds after the last change it is known whether the expectation holds."""
        probes = max((seconds_to_fail(pod) for pod in self._of(expectation, pods)), default=0.0)
        if expectation.ready:
            return probes
        return max(probes, PATIENCE * (self._baselines.get(expectation.ref, 0.0)) + _CLOCK)

    def _look(self, expectation: Readiness, pods: Sequence[JsonMapping]) -> tuple[PodReadiness, ...]:
        return tuple(_pod_readiness(pod) for pod in self._of(expectation, pods))

    def _of(self, expectation: Readiness, pods: Sequence[JsonMapping]) -> list[JsonMapping]:
        """Return the pods of an expectation, without those that end."""
        alive = {(pod := Pod.parse(data)).ref: (pod, data) for data in pods if not diagnose.is_terminating(data)}
        endpoints = EndpointResolver(World(pods={ref: pod for ref, (pod, _) in alive.items()}))
        real = NamespacedName(self._placement.real(expectation.ref.namespace), expectation.ref.name)
        return [alive[pod.ref][1] for pod in endpoints.pods_of(real, expectation.replica)]

    def _logical(self, ref: NamespacedName) -> NamespacedName:
        return NamespacedName(self._placement.logical(ref.namespace), ref.name)


def _is_decided(expectation: Readiness, looks: Looks) -> bool:
    """Return whether later looks cannot change the judgement: a pod that must be Ready was seen not to be."""
    return expectation.ready and not all(pod.ready for pod in looks[-1])


def _pod_readiness(data: JsonMapping) -> PodReadiness:
    name = f"{data['metadata']['namespace']}/{data['metadata']['name']}"
    if diagnose.condition(data, "Ready").get("status") == "True":
        return PodReadiness(name, ready=True)
    return PodReadiness(name, ready=False, reason=diagnose.pod_message(data, ""), broken=diagnose.is_unstartable(data))


def _seconds(since: object, until: object) -> float:
    """Return the seconds between two times of the API (RFC 3339); 0 if one is missing."""
    if not (isinstance(since, str) and isinstance(until, str)):
        return 0.0
    return max(0.0, (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds())
