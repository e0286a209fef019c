"""Deployments: one ReplicaSet per version of the pod template (apps/v1 Deployment).

A roll-out brings the new ReplicaSet up whole and takes the old ones down once it is available; with strategy Recreate
the old go first. maxSurge does not slow it down: pods here cost a millisecond. A paused Deployment keeps the
ReplicaSet it has.
"""

from collections.abc import Callable, Iterator, Sequence

from netpol_harness.emulator.apiserver.admission import admit
from netpol_harness.emulator.controllers.ownership import controlled_by, controls, fingerprint, reference_to
from netpol_harness.emulator.controllers.rollout import REVISION, deployment_status, revision
from netpol_harness.emulator.store import Event, Key, Store
from netpol_harness.model.json_object import JsonObject

HASH_LABEL = "pod-template-hash"
_HASH_LENGTH = 10


class Deployments:
    """Creates, scales and retires ReplicaSets, and keeps each Deployment's status."""

    resources = ("deployments", "replicasets", "pods")

    def __init__(self, store: Store, delete: Callable[[Key], object]) -> None:
        self._store = store
        self._delete = delete

    def concerned(self, event: Event) -> Iterator[Key]:
        match event.key.resource:
            case "deployments":
                yield event.key
            case "replicasets":
                yield from controlled_by(event.object, "deployments", "Deployment")
            case _:  # a pod of an old ReplicaSet that is gone at last may be what a Recreate waits for
                for owner in controlled_by(event.object, "replicasets", "ReplicaSet"):
                    replica_set = self._store.find(owner)
                    yield from controlled_by(replica_set, "deployments", "Deployment") if replica_set else ()

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
            self._roll(deployment, current, old)
            self._forget_history(deployment, old)
        self._report(key, deployment, current)

    def _owned(self, deployment: JsonObject) -> list[JsonObject]:
        everything = self._store.list("replicasets", deployment["metadata"]["namespace"])
        return sorted((rs for rs in everything if controls(deployment, rs)), key=revision)

    def _current(self, deployment: JsonObject) -> JsonObject | None:
        """The ReplicaSet of the present template; made where there is none."""
        owned = self._owned(deployment)
        newest = revision(owned[-1]) if owned else 0
        if deployment["spec"].get("paused"):
            return owned[-1] if owned else None
        name = f"{deployment['metadata']['name']}-{fingerprint(deployment['spec']['template'], _HASH_LENGTH)}"
        found = next((rs for rs in owned if rs["metadata"]["name"] == name), None)
        if found is None:
            found = self._create(deployment, name, newest + 1)
        elif revision(found) < newest:  # an earlier template again
            found = self._annotate(Key.of("replicasets", found), newest + 1)
        self._annotate(Key.of("deployments", deployment), revision(found))
        return found

    def _create(self, deployment: JsonObject, name: str, number: int) -> JsonObject:
        spec, namespace = deployment["spec"], deployment["metadata"]["namespace"]
        mark = {HASH_LABEL: name.rpartition("-")[2]}
        template, selector = spec["template"], spec["selector"]
        metadata = template.get("metadata") or {}
        labels = {**(metadata.get("labels") or {}), **mark}
        replica_set = {
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": labels,
                "annotations": {REVISION: str(number)},
                "ownerReferences": [reference_to(deployment)],
            },
            "spec": {
                "replicas": 0,
                "selector": {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), **mark}},
                "template": {**template, "metadata": {**metadata, "labels": labels}},
            },
        }
        return self._store.create("replicasets", admit(self._store, "replicasets", replica_set))

    def _annotate(self, key: Key, number: int) -> JsonObject:
        def change(copy: JsonObject) -> JsonObject:
            annotations = {**(copy["metadata"].get("annotations") or {}), REVISION: str(number)}
            return {**copy, "metadata": {**copy["metadata"], "annotations": annotations}}

        return self._store.modify(key, change)

    def _roll(self, deployment: JsonObject, current: JsonObject, old: Sequence[JsonObject]) -> None:
        wanted = deployment["spec"].get("replicas", 1)
        if deployment["spec"]["strategy"]["type"] == "Recreate":
            for replica_set in old:
                self._scale(replica_set, 0)
            if not self._has_pods(old):
                self._scale(current, wanted)
            return
        current = self._scale(current, wanted)
        if (current.get("status") or {}).get("availableReplicas", 0) >= wanted:
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

    def _forget_history(self, deployment: JsonObject, old: Sequence[JsonObject]) -> None:
        idle = [rs for rs in old if rs["spec"]["replicas"] == 0 and not (rs.get("status") or {}).get("replicas")]
        for replica_set in idle[: max(0, len(idle) - deployment["spec"].get("revisionHistoryLimit", 10))]:
            self._delete(Key.of("replicasets", replica_set))

    def _report(self, key: Key, deployment: JsonObject, current: JsonObject | None) -> None:
        replica_sets = self._owned(deployment)
        now = self._store.timestamp()
        self._store.modify(key, lambda copy: {**copy, "status": deployment_status(copy, replica_sets, current, now)})
