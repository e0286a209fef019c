"""Simulate a scenario's states without a cluster: every change that a run would make, as a policy agent would see it.

Invariant: the changes, their order and the parsing are those of a real run. Of the cluster's own actions only these are
simulated: a pod has an address at once, a new one each time, a controller has all of its pods at once, and a name
outside the cluster has its new addresses at once. Services are left out, because no mutant misreads them. Nobody knows
when a pod completes: a scenario can be simulated with pods that never do, and with pods that do at once.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from netpol_harness.emulator.address_plan import AddressPlan
from netpol_harness.emulator.dataplane.snapshot import CLUSTER_NETWORK_POLICIES, Snapshot, WorldView
from netpol_harness.emulator.kubelet import podstatus
from netpol_harness.emulator.kubelet.addresses import AddressPool
from netpol_harness.emulator.kubelet.podspec import chosen_addresses
from netpol_harness.emulator.store import Event, EventType, Key
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.kinds import CLUSTER_NETWORK_POLICY, GroupKind, makes_pods, pod_template, wanted_pods
from netpol_harness.model.names import ObjectKey
from netpol_harness.runner.state import Act, Change, State, changes
from netpol_harness.runner.target_state import recreated_workloads, scenario_objects
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import Restart, Scenario, Step

_NODE = AddressPlan().node()
_CLUSTER = ObjectKey("", "Cluster", "", "")
_RESOURCES = {
    GroupKind("", "Namespace"): "namespaces",
    GroupKind("networking.k8s.io", "NetworkPolicy"): "networkpolicies",
    CLUSTER_NETWORK_POLICY: CLUSTER_NETWORK_POLICIES,
    GroupKind("", "ConfigMap"): "configmaps",
}
_VERSIONS = dict.fromkeys(("architecture", "kernel", "system", "kubernetes", "dataplane"), "")
_STORED_NODE = podstatus.node(_NODE, "", 0, _VERSIONS)
_SYSTEM = {"kube-system": {"k8s-app": "kube-dns"}, "default": {}}


@dataclass(frozen=True, slots=True)
class SimulatedState:
    """The policy agent's view after one change. ``is_step``: the last state of a step, in which its paths are probed.

    ``restart``: the agent is restarted before it sees this state.
    """

    snapshot: Snapshot
    is_step: bool = False
    restart: bool = False


def simulate(scenario: Scenario, *, completing: bool = False, wandering: bool = False) -> Iterator[SimulatedState]:
    """Yield all states that the scenario's steps lead through, in order.

    ``completing``: pods that are not always restarted complete at once. ``wandering``: as a test in Python may, go back
    to the first step, delete everything, and enter all steps again.
    """
    cluster, state = _Cluster(completing=completing), dict[ObjectKey, JsonMapping]()
    placement = Placement.literal(scenario)
    for step in _journey(scenario) if wandering else (None, *_visits(scenario)):
        cluster.answer((step or scenario.steps[0]).inventory.domain_names())
        target: State = scenario_objects(scenario, step, placement)
        again = recreated_workloads(scenario, step, placement) if step else ()
        if step is None:
            yield from map(SimulatedState, cluster.reach(state, {}))
            state = {}
        yield from map(SimulatedState, cluster.reach(state, target, again))
        state = dict(target)
        yield SimulatedState(
            cluster.snapshot(), is_step=step is not None, restart=bool(step and step.restart is Restart.AGENT)
        )


def _journey(scenario: Scenario) -> Iterator[Step | None]:
    """Yield the steps as a test in Python may enter them; None stands for a new beginning."""
    yield from (None, *_visits(scenario), *reversed(scenario.steps[:-1]))
    yield from (None, *_visits(scenario))


def _visits(scenario: Scenario) -> Iterator[Step]:
    """Yield the steps as they are entered; two rounds of a repeated step show all that many rounds would."""
    yield from scenario.steps[:1]
    for before, step in pairwise(scenario.steps):
        yield from (step, before, step) if step.repeat > 1 else (step,)


class _Cluster:
    """A cluster as its policy agent sees it. ``_objects`` holds what each object of the state has become."""

    def __init__(self, *, completing: bool) -> None:
        self._completing = completing
        self._view = WorldView()
        self._addresses = AddressPool(_NODE.pod_ranges[0])
        self._objects: dict[ObjectKey, list[tuple[str, JsonMapping]]] = {}
        self._names: Mapping[str, tuple[str, ...]] = {}
        self._put(_CLUSTER, "nodes", _STORED_NODE)
        for name, labels in _SYSTEM.items():
            metadata = {"namespace": name, "name": name, "labels": labels}
            self._put(_CLUSTER, "namespaces", {"metadata": {"name": name}})
            self._put(_CLUSTER, "pods", self._running({"metadata": metadata, "spec": {}}))

    def snapshot(self) -> Snapshot:
        """Return the present state."""
        return self._view.snapshot(domain_names=self._names)

    def answer(self, names: Mapping[str, tuple[str, ...]]) -> None:
        """Resolve names outside the cluster to these addresses from now on."""
        self._names = names

    def reach(self, old: State, new: State, again: Collection[ObjectKey] = ()) -> Iterator[Snapshot]:
        """Apply the changes from one state to another, and yield the states on the way."""
        for change in changes(old, new, again):
            yield from self.apply(change, new)

    def apply(self, change: Change, target: State) -> Iterator[Snapshot]:
        """Apply one change, and yield the states that it leads through."""
        key = change.key
        if change.act is Act.RELABEL:
            self._relabel(key, target[key])
            yield self.snapshot()
            return
        if key in self._objects and (change.starts_pods or change.act is Act.DELETE):
            self._remove(key)
            yield self.snapshot()
        if change.act is not Act.DELETE:
            self._create(key, target[key])
            yield self.snapshot()
            if self._completing and self._complete(key):
                yield self.snapshot()

    def _complete(self, key: ObjectKey) -> bool:
        """Let the pods of an object complete, except those that are always restarted; return whether it has any."""
        ending = [pod for _, pod in self._objects[key] if may_complete(pod)]
        for pod in ending:
            self._put(key, "pods", {**pod, "status": {**pod["status"], "phase": "Succeeded"}})
        return bool(ending)

    def _create(self, key: ObjectKey, data: JsonMapping) -> None:
        self._objects[key] = []
        if makes_pods(data):
            for pod in _pods(data):
                self._put(key, "pods", self._running(pod))
        elif resource := _RESOURCES.get(key.group_kind):
            self._put(key, resource, data)

    def _remove(self, key: ObjectKey) -> None:
        """Remove an object; a namespace with all that it contains."""
        contents = [other for other in self._objects if key.kind == "Namespace" and other.namespace == key.name]
        for removed in (*contents, key):
            for resource, data in self._objects.pop(removed):
                self._notify(EventType.DELETED, resource, data)

    def _relabel(self, key: ObjectKey, data: JsonMapping) -> None:
        """Replace the labels and nothing else; the labels of a controller are not those of its pods."""
        for resource, old in self._objects.pop(key, ()):
            labels = old if resource == "pods" and key.kind != "Pod" else data
            metadata = {**old["metadata"], "labels": labels["metadata"].get("labels") or {}}
            self._put(key, resource, {**old, "metadata": metadata})

    def _running(self, pod: JsonMapping) -> JsonMapping:
        """Return the pod with an address: the node's, the one that its annotation demands, or the next free one."""
        on_host = pod["spec"].get("hostNetwork")
        addresses = _NODE.addresses if on_host else chosen_addresses(pod) or (self._addresses.take(),)
        return {**pod, "status": {"phase": "Running", "podIPs": [{"ip": address} for address in addresses]}}

    def _put(self, key: ObjectKey, resource: str, data: JsonMapping) -> None:
        self._objects.setdefault(key, []).append((resource, data))
        self._notify(EventType.ADDED, resource, data)

    def _notify(self, event: EventType, resource: str, data: JsonMapping) -> None:
        self._view.apply(Event(event, Key.of(resource, data), dict(data), None, 0))


def may_complete(pod: JsonMapping) -> bool:
    """Return whether the pod, or a pod of this template, may complete."""
    return pod.get("spec", {}).get("restartPolicy") not in (None, "Always")


def _pods(data: JsonMapping) -> Iterator[JsonMapping]:
    """Yield a pod, or the pods of a controller under unique names."""
    if data["kind"] == "Pod":
        yield data
        return
    metadata, template = data["metadata"], pod_template(data)
    for number in range(wanted_pods(data)):
        name = f"{metadata['name']}-{number}"
        pod_metadata = {**(template.get("metadata") or {}), "name": name, "namespace": metadata.get("namespace", "")}
        yield {"metadata": pod_metadata, "spec": template["spec"]}
