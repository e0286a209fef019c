"""The pods of workloads that policies tell apart. Pure.

Two pods of a workload are alike if they have the same addresses, and their labels meet the same requirements of the
policies in force. Of pods that are alike, one stands for all; a path from a workload to itself needs two.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property

from netpol_harness.model.labels import Requirement
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import Pod, World
from netpol_harness.oracle.likeness import pod_requirements, requirements_met
from netpol_harness.oracle.verdict import Flow, FlowEnd, Host
from netpol_harness.paths.endpoint_resolver import EndpointResolver

_Likeness = tuple[NamespacedName, tuple[str, ...], str, frozenset[Requirement]]


class Replicas:
    """The pods of the workloads of one world, as its policies see them."""

    def __init__(self, world: World, endpoints: EndpointResolver) -> None:
        self._world = world
        self._endpoints = endpoints
        self._likenesses: dict[NamespacedName, _Likeness] = {}
        self._varying: dict[NamespacedName, frozenset[str]] = {}
        self._distinct: dict[NamespacedName, tuple[Pod, ...]] = {}

    def distinct(self, workload: NamespacedName) -> tuple[Pod, ...]:
        """Return one pod of each kind that policies tell apart; none if the workload has no running pod."""
        if workload not in self._distinct:
            self._distinct[workload] = tuple(self.unlike(self._endpoints.pods_of(workload)))
        return self._distinct[workload]

    def unlike(self, pods: Iterable[Pod]) -> Iterator[Pod]:
        """Yield the pods that are not like an earlier one."""
        seen: set[_Likeness] = set()
        for pod in pods:
            if (likeness := self._likeness(pod)) not in seen:
                seen.add(likeness)
                yield pod

    def pairs(self, source: NamespacedName, target: NamespacedName) -> Iterator[tuple[Pod, Pod]]:
        """Yield the pairs of pods by which two workloads connect.

        A pod is not paired with itself, unless it is the only pod of its workload.
        """
        if source != target:
            yield from ((one, other) for one in self.distinct(source) for other in self.distinct(target))
            return
        pods = self._endpoints.pods_of(source)
        for pod in self.distinct(source):
            peers = [other for other in pods if other.ref != pod.ref]
            yield from ((pod, peer) for peer in self.unlike(peers or [pod]))

    def unlike_flows(self, flows: Iterable[Flow]) -> tuple[Flow, ...]:
        """Return the flows between ends that are not like those of an earlier one."""
        first: dict[tuple[object, ...], Flow] = {}
        for flow in flows:
            ends = (self._end(flow.source), self._end(flow.destination), _returns(flow))
            first.setdefault((*ends, flow.port, flow.through, flow.virtual, flow.forwarded, flow.version), flow)
        return tuple(first.values())

    def _end(self, end: FlowEnd) -> FlowEnd | _Likeness:
        name = end.runs if isinstance(end, Host) else end
        pod = self._world.pods.get(name) if name else None
        return end if pod is None else self._likeness(pod)

    def _likeness(self, pod: Pod) -> _Likeness:
        if pod.ref not in self._likenesses:
            varying = self._varying_labels(pod.workload)
            met = requirements_met(pod.labels, self._requirements, varying)
            self._likenesses[pod.ref] = pod.workload, pod.addresses, pod.node, met
        return self._likenesses[pod.ref]

    def _varying_labels(self, workload: NamespacedName) -> frozenset[str]:
        """Return the keys of the labels that not all pods of a workload have with one value."""
        if workload not in self._varying:
            labels = [frozenset(pod.labels.items()) for pod in self._endpoints.pods_of(workload)]
            common = frozenset.intersection(*labels) if labels else frozenset()
            self._varying[workload] = frozenset(key for own in labels for key, _ in own - common)
        return self._varying[workload]

    @cached_property
    def _requirements(self) -> frozenset[Requirement]:
        return pod_requirements(self._world.policies, self._world.cluster_policies)


def _returns(flow: Flow) -> bool:
    """Return whether a flow leads from a pod, or from the node of a pod, to this pod."""
    source = flow.source
    return flow.destination in (source, source.runs if isinstance(source, Host) else None)
