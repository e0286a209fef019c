"""A scenario's states without a cluster: every change that a stage would make, as a policy agent would hear of it.

Invariant: the changes, their order and the parsing are those of a real run. Of a real cluster's own doing only this is
played: pods get addresses at once, a new one each time, and controllers have all of their pods at once. Services are
left out, since no mutant misreads them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from netpol_harness.emulator.address_plan import NODE_ADDRESS, NODE_POD_CIDR
from netpol_harness.emulator.dataplane.snapshot import Snapshot, WorldView
from netpol_harness.emulator.kubelet.addresses import Pool
from netpol_harness.emulator.kubelet.podspec import chosen_address
from netpol_harness.emulator.store import Event, EventType, Key
from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.names import ObjectKey
from netpol_harness.paths.names import WORKLOAD_KINDS
from netpol_harness.runner.state import Act, Change, State, changes
from netpol_harness.runner.target_state import recreated_pods, scenario_objects
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import Restart, Scenario, Step

_CLUSTER = ObjectKey("", "Cluster", "", "")
_RESOURCES = {"Namespace": "namespaces", "Pod": "pods", "NetworkPolicy": "networkpolicies"}
_SYSTEM = {"kube-system": {"k8s-app": "kube-dns"}, "default": {}}


@dataclass(frozen=True, slots=True)
class SimulatedState:
    """A state on the way. In one that ``lasts`` paths are asked; before one with ``restart`` the agent starts over."""

    snapshot: Snapshot
    lasts: bool = False
    restart: bool = False


def simulate(scenario: Scenario) -> Iterator[SimulatedState]:
    """All states that the scenario's steps lead through, in order."""
    cluster, state = _Cluster(), dict[ObjectKey, JsonMapping]()
    placement = Placement.literal(scenario)
    for step in (None, *_visits(scenario)):
        target: State = scenario_objects(scenario, step, placement)
        again = recreated_pods(scenario, step, placement) if step else ()
        for change in changes(state, target, again):
            yield from map(SimulatedState, cluster.make(change, target))
        state = dict(target)
        yield SimulatedState(
            cluster.snapshot(), lasts=step is not None, restart=bool(step and step.restart is Restart.AGENT)
        )


def _visits(scenario: Scenario) -> Iterator[Step]:
    """The steps as they are entered; two rounds of a repeated one show all that many would."""
    yield from scenario.steps[:1]
    for before, step in pairwise(scenario.steps):
        yield from (step, before, step) if step.repeat > 1 else (step,)


class _Cluster:
    """The cluster as its policy agent hears of it."""

    def __init__(self) -> None:
        self._view = WorldView()
        self._addresses = Pool(NODE_POD_CIDR)
        self._held: dict[ObjectKey, list[tuple[str, JsonMapping]]] = {}
        for name, labels in _SYSTEM.items():
            metadata = {"namespace": name, "name": name, "labels": labels}
            self._put(_CLUSTER, "namespaces", {"metadata": {"name": name}})
            self._put(_CLUSTER, "pods", self._running({"metadata": metadata, "spec": {}}))

    def snapshot(self) -> Snapshot:
        """The state as it is now."""
        return self._view.snapshot()

    def make(self, change: Change, target: State) -> Iterator[Snapshot]:
        """Make one change; the states that this takes."""
        key = change.key
        if change.act is Act.RELABEL:
            self._relabel(key, target[key])
            yield self.snapshot()
            return
        if key in self._held and (change.starts_pods or change.act is Act.DELETE):
            self._remove(key)
            yield self.snapshot()
        if change.act is not Act.DELETE:
            self._make(key, target[key])
            yield self.snapshot()

    def _make(self, key: ObjectKey, data: JsonMapping) -> None:
        self._held[key] = []
        if key.kind in WORKLOAD_KINDS:
            for pod in _pods(data):
                self._put(key, "pods", self._running(pod))
        elif key.kind in _RESOURCES and key.api_version in ("v1", "networking.k8s.io/v1"):
            self._put(key, _RESOURCES[key.kind], data)

    def _remove(self, key: ObjectKey) -> None:
        """What it was; a namespace takes along what is in it."""
        inside = [one for one in self._held if key.kind == "Namespace" and one.namespace == key.name]
        for gone in (*inside, key):
            for resource, data in self._held.pop(gone):
                self._tell(EventType.DELETED, resource, data)

    def _relabel(self, key: ObjectKey, data: JsonMapping) -> None:
        """Other labels, and all else as it is; those of a controller are not those of its pods."""
        for resource, old in self._held.pop(key, ()):
            labels = old if key.kind in WORKLOAD_KINDS and key.kind != "Pod" else data
            metadata = {**old["metadata"], "labels": labels["metadata"].get("labels") or {}}
            self._put(key, resource, {**old, "metadata": metadata})

    def _running(self, pod: JsonMapping) -> JsonMapping:
        """The pod with an address: the node's, the one that it has chosen, or the next one."""
        own = NODE_ADDRESS if pod["spec"].get("hostNetwork") else chosen_address(pod) or self._addresses.take()
        return {**pod, "status": {"phase": "Running", "podIPs": [{"ip": own}]}}

    def _put(self, key: ObjectKey, resource: str, data: JsonMapping) -> None:
        self._held.setdefault(key, []).append((resource, data))
        self._tell(EventType.ADDED, resource, data)

    def _tell(self, event: EventType, resource: str, data: JsonMapping) -> None:
        self._view.apply(Event(event, Key.of(resource, data), dict(data), None, 0))


def _pods(data: JsonMapping) -> Iterator[JsonMapping]:
    """A pod, or those of a controller, named as nobody else."""
    if data["kind"] == "Pod":
        yield data
        return
    spec, metadata = data["spec"], data["metadata"]
    template = spec["template"]
    for number in range(spec.get("replicas", 1)):
        name = f"{metadata['name']}-{number}"
        own = {**(template.get("metadata") or {}), "name": name, "namespace": metadata.get("namespace", "")}
        yield {"metadata": own, "spec": template["spec"]}
