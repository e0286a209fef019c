"""Binds each pod to a node, at once when it is created, or when a change of the cluster makes room for it."""

from typing import Any

from netpol_harness.emulator.kubelet.podstatus import has_ended, unschedulable
from netpol_harness.emulator.kubelet.recorder import EventRecorder
from netpol_harness.emulator.pod import is_external_host
from netpol_harness.emulator.scheduler.affinity import Cluster, labels
from netpol_harness.emulator.scheduler.choice import Unschedulable, choose
from netpol_harness.emulator.store import Event, EventType, Key, Store
from netpol_harness.model.json_object import JsonObject

_NAME = "default-scheduler"
_RELEVANT = ("nodes", "namespaces", "pods")


class Scheduler:
    """Assigns the pods of a store to its nodes. ``names`` gives the order of the nodes: the first of equals is chosen.

    Pods that name another scheduler are left to it.
    """

    def __init__(self, store: Store, names: tuple[str, ...]) -> None:
        self._store = store
        self._names = names
        self._recorder = EventRecorder(store, _NAME, "")
        self._waiting: dict[Key, str] = {}
        store.subscribe(self._on_event)

    def _on_event(self, event: Event) -> None:
        if event.key.resource not in _RELEVANT:
            return
        if event.key.resource == "pods":
            self._place(event.key)
        if self._waiting and _makes_a_difference(event):
            for key in tuple(self._waiting):
                self._place(key)

    def _place(self, key: Key) -> None:
        """Bind the pod, or report why no node can run it."""
        pod = self._store.find(key)
        if pod is None or not _is_ours(pod):
            self._waiting.pop(key, None)
            return
        try:
            node = choose(pod, self._cluster())
        except Unschedulable as problem:
            self._postpone(key, pod, str(problem))
            return
        self._waiting.pop(key, None)
        self._store.modify(key, lambda copy: {**copy, "spec": {**copy["spec"], "nodeName": node}})
        self._recorder.normal(pod, "Scheduled", f"Successfully assigned {key.namespace}/{key.name} to {node}")

    def _postpone(self, key: Key, pod: JsonObject, reason: str) -> None:
        if self._waiting.get(key) == reason:
            return
        self._waiting[key] = reason
        now = self._store.timestamp()
        self._store.modify(key, lambda copy: unschedulable(copy, reason, now))
        self._recorder.warning(pod, "FailedScheduling", reason)

    def _cluster(self) -> Cluster:
        nodes = {node["metadata"]["name"]: node for node in self._store.list("nodes")}
        pods = list(filter(_counts, self._store.list("pods")))
        namespaces = {name["metadata"]["name"]: labels(name) for name in self._store.list("namespaces")}
        return Cluster([nodes[name] for name in self._names if name in nodes], pods, namespaces)


def _makes_a_difference(event: Event) -> bool:
    """Return whether the event may let another pod be bound. Most changes of a pod's status do not."""
    if event.key.resource != "pods" or event.type is EventType.DELETED:
        return True
    before, after = event.previous, event.object
    return before is None or (_counts(before), labels(before)) != (_counts(after), labels(after))


def _counts(pod: JsonObject) -> bool:
    """Return whether the pod occupies its node. Hosts outside of the cluster do not."""
    return bool(pod["spec"].get("nodeName")) and not has_ended(pod) and not is_external_host(pod)


def _is_ours(pod: JsonObject) -> bool:
    spec: dict[str, Any] = pod["spec"]
    return not spec.get("nodeName") and spec.get("schedulerName", _NAME) == _NAME and not spec.get("schedulingGates")
