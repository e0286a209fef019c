"""ReplicaSets and ReplicationControllers: the requested number of pods of one template (apps/v1, core/v1).

Of surplus pods, unready ones are deleted first, then the youngest.
"""

from collections.abc import Callable, Iterable, Iterator

from netpol_harness.emulator.controllers.owned_pods import OwnedPods
from netpol_harness.emulator.controllers.ownership import is_active
from netpol_harness.emulator.pod import is_ready
from netpol_harness.emulator.store import Event, Key, Store
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.labels import LabelSelector


class ReplicaSetController:
    """Creates, releases, adopts and deletes pods, and updates each owner's status.

    It serves one of the two kinds: they differ in the form of their selector only.
    """

    def __init__(
        self,
        store: Store,
        delete: Callable[[Key], object],
        resource: str = "replicasets",
        kind: str = "ReplicaSet",
    ) -> None:
        self.resources = (resource, "pods")
        self._store = store
        self._pods = OwnedPods(store, delete, resource, kind)

    def affected_keys(self, event: Event) -> Iterator[Key]:
        yield from self._pods.affected_owners(event)

    def reconcile(self, key: Key) -> None:
        owner = self._store.find(key)
        if owner is None or "deletionTimestamp" in owner["metadata"]:
            return
        pods = list(filter(is_active, self._pods.claim(owner, _selector(owner))))
        missing = owner["spec"].get("replicas", 1) - len(pods)
        for _ in range(missing):
            self._pods.create(owner, owner["spec"]["template"])
        for pod in _by_deletion_order(pods)[: max(0, -missing)]:
            self._pods.delete(pod)
        self._update_status(key, filter(is_active, self._pods.of(owner)))

    def _update_status(self, key: Key, pods: Iterable[JsonObject]) -> None:
        replicas = list(pods)
        ready = sum(map(is_ready, replicas))

        def change(copy: JsonObject) -> JsonObject:
            counts = {"readyReplicas": ready, "availableReplicas": ready} if ready else {}
            status = {"replicas": len(replicas), "fullyLabeledReplicas": len(replicas), **counts}
            return {**copy, "status": {**status, "observedGeneration": copy["metadata"]["generation"]}}

        self._store.modify(key, change)


def _selector(owner: JsonObject) -> LabelSelector:
    selector = owner["spec"]["selector"]
    return LabelSelector.equal(selector) if owner["kind"] == "ReplicationController" else LabelSelector.parse(selector)


def _by_deletion_order(pods: Iterable[JsonObject]) -> list[JsonObject]:
    """Sort unready pods before ready ones, and the youngest first among equals."""
    youngest = sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True)
    return sorted(youngest, key=is_ready)
