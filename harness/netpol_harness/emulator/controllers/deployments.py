"""Deployments: one ReplicaSet per version of the pod template (apps/v1 Deployment).

A rollout scales the new ReplicaSet up at once, and scales the old ones down when it is available. With strategy
Recreate the old ones are scaled down first. maxSurge does not slow it down, because a pod costs a millisecond here. A
paused Deployment keeps its current ReplicaSet.
"""

from collections.abc import Callable, Iterator, Sequence

from netpol_harness.emulator.apiserver.admission import admit
from netpol_harness.emulator.controllers.ownership import controller_keys, controls, fingerprint, owner_reference
from netpol_harness.emulator.controllers.rollout import REVISION, deployment_status, revision
from netpol_harness.emulator.store import Event, Key, Store
from netpol_harness.model.json_object import JsonObject

HASH_LABEL = "pod-template-hash"
_HASH_LENGTH = 10


class DeploymentController:
    """Creates, scales and deletes ReplicaSets, and updates each Deployment's status."""

    resources = ("deployments", "replicasets", "pods")

    def __init__(self, store: Store, delete: Callable[[Key], object]) -> None:
        self._store = store
        self._delete = delete

    def affected_keys(self, event: Event) -> Iterator[Key]:
        match event.key.resource:
            case "deployments":
                yield event.key
            case "replicasets":
                yield from controller_keys(event.object, "deployments", "Deployment")
            case _:  # a Recreate may wait for the last pod of an old ReplicaSet
                for owner in controller_keys(event.object, "replicasets", "ReplicaSet"):
                    replica_set = self._store.find(owner)
                    yield from controller_keys(replica_set, "deployments", "Deployment") if replica_set else ()

    def reconcile(self, key: Key) -> None:
        deployment = self._store.find(key)
        if deployment is None or "deletionTimestamp" in deployment["metadata"]:
            return
        current = self._current(deployment)
        old = [
            rs
            for rs in self._owned(deployment)
            if current is None or rs["metadata"]["uid"] != current["metadata"]["uid"]
        ]
        if current is not None:
            self._roll_out(deployment, current, old)
            self._prune_history(deployment, old)
        self._update_status(key, deployment, current)

    def _owned(self, deployment: JsonObject) -> list[JsonObject]:
        candidates = self._store.list("replicasets", deployment["metadata"]["namespace"])
        return sorted((rs for rs in candidates if controls(deployment, rs)), key=revision)

    def _current(self, deployment: JsonObject) -> JsonObject | None:
        """Return the ReplicaSet of the current template; create it if it does not exist."""
        owned = self._owned(deployment)
        newest = revision(owned[-1]) if owned else 0
        if deployment["spec"].get("paused"):
            return owned[-1] if owned else None
        name = f"{deployment['metadata']['name']}-{fingerprint(deployment['spec']['template'], _HASH_LENGTH)}"
        replica_set = next((rs for rs in owned if rs["metadata"]["name"] == name), None)
        if replica_set is None:
            replica_set = self._create(deployment, name, newest + 1)
        elif revision(replica_set) < newest:  # the template is an earlier one
            replica_set = self._annotate(Key.of("replicasets", replica_set), newest + 1)
        self._annotate(Key.of("deployments", deployment), revision(replica_set))
        return replica_set

    def _create(self, deployment: JsonObject, name: str, number: int) -> JsonObject:
        spec, namespace = deployment["spec"], deployment["metadata"]["namespace"]
        hash_label = {HASH_LABEL: name.rpartition("-")[2]}
        template, selector = spec["template"], spec["selector"]
        metadata = template.get("metadata") or {}
        labels = {**(metadata.get("labels") or {}), **hash_label}
        replica_set = {
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": labels,
                "annotations": {REVISION: str(number)},
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": {
                "replicas": 0,
                "selector": {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), **hash_label}},
                "template": {**template, "metadata": {**metadata, "labels": labels}},
            },
        }
        return self._store.create("replicasets", admit(self._store, "replicasets", replica_set))

    def _annotate(self, key: Key, number: int) -> JsonObject:
        def change(copy: JsonObject) -> JsonObject:
            annotations = {**(copy["metadata"].get("annotations") or {}), REVISION: str(number)}
            return {**copy, "metadata": {**copy["metadata"], "annotations": annotations}}

        return self._store.modify(key, change)

    def _roll_out(self, deployment: JsonObject, current: JsonObject, old: Sequence[JsonObject]) -> None:
        replicas = deployment["spec"].get("replicas", 1)
        if deployment["spec"]["strategy"]["type"] == "Recreate":
            for replica_set in old:
                self._scale(replica_set, 0)
            if not self._has_pods(old):
                self._scale(current, replicas)
            return
        current = self._scale(current, replicas)
        if (current.get("status") or {}).get("availableReplicas", 0) >= replicas:
            for replica_set in old:
                self._scale(replica_set, 0)

    def _has_pods(self, replica_sets: Sequence[JsonObject]) -> bool:
        return any(
            controls(rs, pod) for rs in replica_sets for pod in self._store.list("pods", rs["metadata"]["namespace"])
        )

    def _scale(self, replica_set: JsonObject, replicas: int) -> JsonObject:
        if replica_set["spec"]["replicas"] == replicas:
            return replica_set
        changed = {**replica_set, "spec": {**replica_set["spec"], "replicas": replicas}}
        return self._store.update("replicasets", admit(self._store, "replicasets", changed, replica_set))

    def _prune_history(self, deployment: JsonObject, old: Sequence[JsonObject]) -> None:
        idle = [rs for rs in old if rs["spec"]["replicas"] == 0 and not (rs.get("status") or {}).get("replicas")]
        for replica_set in idle[: max(0, len(idle) - deployment["spec"].get("revisionHistoryLimit", 10))]:
            self._delete(Key.of("replicasets", replica_set))

    def _update_status(self, key: Key, deployment: JsonObject, current: JsonObject | None) -> None:
        replica_sets = self._owned(deployment)
        now = self._store.timestamp()
        self._store.modify(key, lambda copy: {**copy, "status": deployment_status(copy, replica_sets, current, now)})
