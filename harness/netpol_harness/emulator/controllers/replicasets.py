"""ReplicaSets: the requested number of pods of one template (apps/v1 ReplicaSet).

Pods that no longer match the selector are released, and matching ones without a controller are adopted. Of surplus
pods, unready ones are deleted first, then the youngest.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from netpol_harness.emulator.apiserver.admission import admit
from netpol_harness.emulator.controllers.ownership import (
    controller_keys,
    controller_of,
    controls,
    is_active,
    owner_reference,
)
from netpol_harness.emulator.dataplane.selection import LabelIndex
from netpol_harness.emulator.pod import is_ready
from netpol_harness.emulator.store import Event, Key, Store
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.labels import LabelSelector


class ReplicaSetController:
    """Creates, releases, adopts and deletes pods, and updates each ReplicaSet's status."""

    resources = ("replicasets", "pods")

    def __init__(self, store: Store, delete: Callable[[Key], object]) -> None:
        self._store = store
        self._delete = delete

    def affected_keys(self, event: Event) -> Iterator[Key]:
        if event.key.resource == "replicasets":
            yield event.key
            return
        for pod in filter(None, (event.object, event.previous)):
            yield from controller_keys(pod, "replicasets", "ReplicaSet")
        if controller_of(event.object) is None:
            yield from (Key.of("replicasets", rs) for rs in self._store.list("replicasets", event.key.namespace))

    def reconcile(self, key: Key) -> None:
        replica_set = self._store.find(key)
        if replica_set is None or "deletionTimestamp" in replica_set["metadata"]:
            return
        pods = self._claim(replica_set)
        missing = replica_set["spec"].get("replicas", 1) - len(pods)
        for _ in range(missing):
            self._create(replica_set)
        for pod in _by_deletion_order(pods)[: max(0, -missing)]:
            self._delete(Key.of("pods", pod))
        self._update_status(key, [pod for pod in self._pods(key.namespace) if controls(replica_set, pod)])

    def _claim(self, replica_set: JsonObject) -> list[JsonObject]:
        """Return the replicas, after releasing those that no longer match and adopting those without a controller."""
        pods = {pod["metadata"]["name"]: pod for pod in self._pods(replica_set["metadata"]["namespace"])}
        index = LabelIndex({name: pod["metadata"].get("labels") or {} for name, pod in pods.items()})
        matching = index.select(LabelSelector.parse(replica_set["spec"]["selector"]))
        for name, pod in pods.items():
            if controls(replica_set, pod) and name not in matching:
                self._set_owners(pod, [r for r in pod["metadata"]["ownerReferences"] if not r.get("controller")])
            elif controller_of(pod) is None and name in matching:
                self._set_owners(pod, [*(pod["metadata"].get("ownerReferences") or ()), owner_reference(replica_set)])
        return [pod for pod in self._pods(replica_set["metadata"]["namespace"]) if controls(replica_set, pod)]

    def _pods(self, namespace: str) -> list[JsonObject]:
        return [pod for pod in self._store.list("pods", namespace) if is_active(pod)]

    def _set_owners(self, pod: JsonObject, references: list[Any]) -> None:
        owned = {"ownerReferences": references}
        self._store.modify(Key.of("pods", pod), lambda copy: {**copy, "metadata": {**copy["metadata"], **owned}})

    def _create(self, replica_set: JsonObject) -> None:
        template = replica_set["spec"]["template"]
        metadata = {
            **(template.get("metadata") or {}),
            "generateName": f"{replica_set['metadata']['name']}-",
            "namespace": replica_set["metadata"]["namespace"],
            "ownerReferences": [owner_reference(replica_set)],
        }
        self._store.create("pods", admit(self._store, "pods", {"metadata": metadata, "spec": template["spec"]}))

    def _update_status(self, key: Key, pods: Iterable[JsonObject]) -> None:
        replicas = list(pods)
        ready = sum(map(is_ready, replicas))

        def change(copy: JsonObject) -> JsonObject:
            counts = {"readyReplicas": ready, "availableReplicas": ready} if ready else {}
            status = {"replicas": len(replicas), "fullyLabeledReplicas": len(replicas), **counts}
            return {**copy, "status": {**status, "observedGeneration": copy["metadata"]["generation"]}}

        self._store.modify(key, change)


def _by_deletion_order(pods: Iterable[JsonObject]) -> list[JsonObject]:
    """Sort unready pods before ready ones, and the youngest first among equals."""
    youngest = sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True)
    return sorted(youngest, key=is_ready)
