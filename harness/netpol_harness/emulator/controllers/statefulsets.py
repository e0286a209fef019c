"""StatefulSets (apps/v1): pods with ordinals, each under its own name for as long as the set wants it.

With OrderedReady, pods start one after the other, each when all before it are ready, and end in the opposite order. A
pod that is replaced keeps its name and its claims. Updates begin at the highest ordinal. Implements
kubernetes.io/docs/concepts/workloads/controllers/statefulset.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from netpol_harness.emulator.apiserver.admission import admit
from netpol_harness.emulator.controllers.owned_pods import OwnedPods
from netpol_harness.emulator.controllers.ownership import is_active
from netpol_harness.emulator.controllers.revisions import REVISION_LABEL, Revisions
from netpol_harness.emulator.pod import is_ready
from netpol_harness.emulator.store import Event, Key, Store
from netpol_harness.model.json_object import JsonMapping, JsonObject
from netpol_harness.model.labels import LabelSelector
from netpol_harness.wellknown import POD_INDEX_LABEL, POD_NAME_LABEL


@dataclass(frozen=True, slots=True)
class _Replicas:
    """The pods of a set by ordinal: those that it wants (None: missing), and those that it has too many of."""

    wanted: dict[int, JsonObject | None]
    condemned: dict[int, JsonObject]


class StatefulSetController:
    """Creates and deletes pods and their claims, and updates each StatefulSet's status."""

    resources = ("statefulsets", "pods")

    def __init__(self, store: Store, delete: Callable[[Key], object]) -> None:
        self._store = store
        self._pods = OwnedPods(store, delete, "statefulsets", "StatefulSet")
        self._revisions = Revisions(store, delete)

    def affected_keys(self, event: Event) -> Iterator[Key]:
        yield from self._pods.affected_owners(event)

    def reconcile(self, key: Key) -> None:
        stateful_set = self._store.find(key)
        if stateful_set is None or "deletionTimestamp" in stateful_set["metadata"]:
            return
        update = self._revisions.current(stateful_set)["metadata"]["name"]
        current = (stateful_set.get("status") or {}).get("currentRevision") or update
        pods = self._pods.claim(stateful_set, LabelSelector.parse(stateful_set["spec"]["selector"]))
        replicas = _replicas(stateful_set, pods)
        if self._fill(stateful_set, replicas, current, update) and self._shrink(stateful_set, replicas):
            self._roll(stateful_set, replicas, update)
        pods = self._pods.of(stateful_set)
        updated = self._store.modify(key, lambda copy: {**copy, "status": _status(copy, pods, current, update)})
        self._revisions.prune(updated, {update, updated["status"]["currentRevision"]})

    def _fill(self, stateful_set: JsonObject, replicas: _Replicas, current: str, update: str) -> bool:
        """Create missing pods and replace finished ones, in order. Return whether none has to be awaited."""
        complete = True
        for ordinal, pod in replicas.wanted.items():
            if pod is None:
                self._create(stateful_set, ordinal, current, update)
            elif not is_active(pod):
                self._pods.delete(pod)
            if pod is None or not is_ready(pod):
                complete = False
                if _is_ordered(stateful_set):
                    return False
        return complete or not _is_ordered(stateful_set)

    def _shrink(self, stateful_set: JsonObject, replicas: _Replicas) -> bool:
        """Delete surplus pods from the highest ordinal down. Return whether there is none."""
        for _, pod in sorted(replicas.condemned.items(), reverse=True):
            self._pods.delete(pod)
            if _is_ordered(stateful_set):
                return False
        return not replicas.condemned

    def _roll(self, stateful_set: JsonObject, replicas: _Replicas, update: str) -> None:
        """Delete the next pod of an old revision, from the highest ordinal down, if all others are ready."""
        if stateful_set["spec"]["updateStrategy"]["type"] == "OnDelete":
            return
        for ordinal, pod in sorted(replicas.wanted.items(), reverse=True):
            if ordinal < _first_updated(stateful_set) or pod is None:
                return
            if _revision(pod) != update:
                self._pods.delete(pod)
                return
            if not is_ready(pod):
                return

    def _create(self, stateful_set: JsonObject, ordinal: int, current: str, update: str) -> None:
        revision = current if ordinal < _first_updated(stateful_set) else update
        name = f"{stateful_set['metadata']['name']}-{ordinal}"
        template = self._revisions.template(stateful_set, revision)
        labels = {REVISION_LABEL: revision, POD_NAME_LABEL: name, POD_INDEX_LABEL: str(ordinal)}
        identity = {"hostname": name, "subdomain": stateful_set["spec"].get("serviceName", "")}
        volumes = self._claimed_volumes(stateful_set, name, template)
        spec = {**{field: value for field, value in identity.items() if value}, **volumes}
        self._pods.create(stateful_set, template, metadata={"name": name, "labels": labels}, spec=spec)

    def _claimed_volumes(self, stateful_set: JsonObject, pod: str, template: JsonMapping) -> dict[str, Any]:
        """Create the pod's claims that do not exist yet, and return the volumes of its spec, if it has claims."""
        namespace, claims = (
            stateful_set["metadata"]["namespace"],
            stateful_set["spec"].get("volumeClaimTemplates") or (),
        )
        claimed: list[JsonObject] = []
        for claim in claims:
            volume, name = claim["metadata"]["name"], f"{claim['metadata']['name']}-{pod}"
            claimed.append({"name": volume, "persistentVolumeClaim": {"claimName": name}})
            if self._store.find(Key("persistentvolumeclaims", namespace, name)) is None:
                labels = {**(claim["metadata"].get("labels") or {}), **_match_labels(stateful_set)}
                metadata = {**claim["metadata"], "name": name, "namespace": namespace, "labels": labels}
                wanted = {"metadata": metadata, "spec": claim["spec"]}
                self._store.create("persistentvolumeclaims", admit(self._store, "persistentvolumeclaims", wanted))
        names = {volume["name"] for volume in claimed}
        others = [volume for volume in template["spec"].get("volumes") or () if volume["name"] not in names]
        return {"volumes": [*others, *claimed]} if claimed else {}


def _replicas(stateful_set: JsonMapping, pods: Sequence[JsonObject]) -> _Replicas:
    first = _first(stateful_set)
    wanted: dict[int, JsonObject | None] = dict.fromkeys(range(first, first + stateful_set["spec"].get("replicas", 1)))
    condemned: dict[int, JsonObject] = {}
    for pod in pods:
        ordinal = _ordinal(stateful_set, pod)
        if ordinal in wanted:
            wanted[ordinal] = pod
        elif ordinal is not None:
            condemned[ordinal] = pod
    return _Replicas(wanted, condemned)


def _ordinal(stateful_set: JsonMapping, pod: JsonMapping) -> int | None:
    """Return the ordinal of a pod; None if its name is not one that the set gives."""
    parent, _, number = pod["metadata"]["name"].rpartition("-")
    return int(number) if parent == stateful_set["metadata"]["name"] and number.isdecimal() else None


def _first(stateful_set: JsonMapping) -> int:
    return int((stateful_set["spec"].get("ordinals") or {}).get("start", 0))


def _first_updated(stateful_set: JsonMapping) -> int:
    """Return the ordinal from which on pods get the newest template (``partition``)."""
    rolling = stateful_set["spec"]["updateStrategy"].get("rollingUpdate") or {}
    return _first(stateful_set) + int(rolling.get("partition", 0))


def _is_ordered(stateful_set: JsonMapping) -> bool:
    return bool(stateful_set["spec"].get("podManagementPolicy") != "Parallel")


def _match_labels(stateful_set: JsonMapping) -> dict[str, str]:
    return dict(stateful_set["spec"]["selector"].get("matchLabels") or {})


def _revision(pod: JsonMapping) -> str:
    return str((pod["metadata"].get("labels") or {}).get(REVISION_LABEL, ""))


def _status(stateful_set: JsonMapping, pods: Sequence[JsonMapping], current: str, update: str) -> JsonObject:
    """Return the whole status. The updated revision becomes the current one when all pods have it and are ready."""
    ready = sum(map(is_ready, pods))
    updated = sum(_revision(pod) == update for pod in pods if is_active(pod))
    if updated == ready == len(pods) == stateful_set["spec"].get("replicas", 1):
        current = update
    counts = {
        "readyReplicas": ready,
        "currentReplicas": sum(_revision(pod) == current for pod in pods if is_active(pod)),
        "updatedReplicas": updated,
    }
    return {
        "observedGeneration": stateful_set["metadata"]["generation"],
        "replicas": len(pods),
        "availableReplicas": ready,
        **{name: count for name, count in counts.items() if count},
        "currentRevision": current,
        "updateRevision": update,
        "collisionCount": 0,
    }
