"""DaemonSets (apps/v1): one pod on each node that admits it.

A rolling update replaces as many pods at a time as ``maxUnavailable`` says. maxSurge has no effect, because a pod costs
a millisecond here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from netpol_harness.emulator.controllers.node_admission import admits, daemon_tolerations
from netpol_harness.emulator.controllers.owned_pods import OwnedPods
from netpol_harness.emulator.controllers.ownership import is_active
from netpol_harness.emulator.controllers.revisions import REVISION_LABEL, Revisions
from netpol_harness.emulator.pod import is_ready
from netpol_harness.emulator.store import Event, Key, Store
from netpol_harness.model.json_object import JsonMapping, JsonObject
from netpol_harness.model.labels import LabelSelector

_GENERATION_LABEL = "pod-template-generation"


class DaemonSetController:
    """Creates and deletes pods, and updates each DaemonSet's status."""

    resources = ("daemonsets", "nodes", "pods")

    def __init__(self, store: Store, delete: Callable[[Key], object]) -> None:
        self._store = store
        self._pods = OwnedPods(store, delete, "daemonsets", "DaemonSet")
        self._revisions = Revisions(store, delete)

    def affected_keys(self, event: Event) -> Iterator[Key]:
        if event.key.resource == "nodes":
            yield from (Key.of("daemonsets", daemon_set) for daemon_set in self._store.list("daemonsets"))
        else:
            yield from self._pods.affected_owners(event)

    def reconcile(self, key: Key) -> None:
        daemon_set = self._store.find(key)
        if daemon_set is None or "deletionTimestamp" in daemon_set["metadata"]:
            return
        update = self._revisions.current(daemon_set)["metadata"]["name"].rpartition("-")[2]
        self._pods.claim(daemon_set, LabelSelector.parse(daemon_set["spec"]["selector"]))
        nodes = self._admitting_nodes(daemon_set["spec"]["template"]["spec"])
        self._place(daemon_set, nodes, update)
        self._roll(daemon_set, nodes, update)
        by_node = self._by_node(daemon_set)
        self._store.modify(key, lambda copy: {**copy, "status": _status(copy, nodes, by_node, update)})
        self._revisions.prune(daemon_set, {f"{daemon_set['metadata']['name']}-{update}"})

    def _admitting_nodes(self, spec: JsonMapping) -> list[str]:
        tolerations = [*(spec.get("tolerations") or ()), *daemon_tolerations(spec)]
        return [node["metadata"]["name"] for node in self._store.list("nodes") if admits(node, spec, tolerations)]

    def _by_node(self, daemon_set: JsonObject) -> dict[str, list[JsonObject]]:
        by_node: dict[str, list[JsonObject]] = {}
        for pod in self._pods.of(daemon_set):
            by_node.setdefault(pod["spec"].get("nodeName", ""), []).append(pod)
        return by_node

    def _place(self, daemon_set: JsonObject, nodes: Sequence[str], update: str) -> None:
        """Create the missing pods, and delete finished ones, surplus ones and those of other nodes."""
        by_node = self._by_node(daemon_set)
        for name, pods in by_node.items():
            active = [pod for pod in pods if is_active(pod)] if name in nodes else []
            for pod in pods:
                if pod not in active[:1]:
                    self._pods.delete(pod)
        for name in nodes:
            if not by_node.get(name):
                self._create(daemon_set, name, update)

    def _roll(self, daemon_set: JsonObject, nodes: Sequence[str], update: str) -> None:
        """Delete pods of an old template, as many as may be unavailable at a time."""
        strategy = daemon_set["spec"]["updateStrategy"]
        if strategy["type"] == "OnDelete":
            return
        pods = [pod for pod in self._pods.of(daemon_set) if is_active(pod)]
        old = sorted((pod for pod in pods if _hash(pod) != update), key=is_ready)
        unavailable = len(nodes) - sum(map(is_ready, pods))
        allowed = _limit((strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1), len(nodes)) - unavailable
        unready = sum(not is_ready(pod) for pod in old)
        for pod in old[: max(0, allowed) + unready]:
            self._pods.delete(pod)

    def _create(self, daemon_set: JsonObject, node: str, update: str) -> None:
        generation = str(daemon_set["metadata"]["generation"])
        labels = {REVISION_LABEL: update, _GENERATION_LABEL: generation}
        template = daemon_set["spec"]["template"]
        tolerations = [*(template["spec"].get("tolerations") or ()), *daemon_tolerations(template["spec"])]
        spec = {"nodeName": node, "tolerations": tolerations, "affinity": _pinned(template["spec"], node)}
        self._pods.create(daemon_set, template, metadata={"labels": labels}, spec=spec)


def _pinned(spec: JsonMapping, node: str) -> dict[str, Any]:
    """Return the affinity of a template for one node alone."""
    affinity = dict(spec.get("affinity") or {})
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    required = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    own = {"requiredDuringSchedulingIgnoredDuringExecution": required}
    return {**affinity, "nodeAffinity": {**(affinity.get("nodeAffinity") or {}), **own}}


def _limit(value: int | str, count: int) -> int:
    """Return a number of pods; percentages are rounded up, and at least one pod may be unavailable."""
    return max(1, -(-count * int(value.removesuffix("%")) // 100) if isinstance(value, str) else value)


def _hash(pod: JsonMapping) -> str:
    return str((pod["metadata"].get("labels") or {}).get(REVISION_LABEL, ""))


def _status(
    daemon_set: JsonMapping, nodes: Sequence[str], by_node: Mapping[str, Sequence[JsonObject]], update: str
) -> JsonObject:
    """Return the whole status. ``by_node`` has the set's pods by the names of their nodes."""
    placed = [pod for name in nodes for pod in by_node.get(name, ())[:1]]
    ready = sum(map(is_ready, placed))
    counts = {
        "numberAvailable": ready,
        "numberUnavailable": len(nodes) - ready,
        "updatedNumberScheduled": sum(_hash(pod) == update for pod in placed),
    }
    return {
        "observedGeneration": daemon_set["metadata"]["generation"],
        "currentNumberScheduled": len(placed),
        "desiredNumberScheduled": len(nodes),
        "numberMisscheduled": sum(len(pods) for name, pods in by_node.items() if name not in nodes),
        "numberReady": ready,
        **{name: count for name, count in counts.items() if count},
    }
