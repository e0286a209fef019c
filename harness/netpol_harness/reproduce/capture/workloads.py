"""The workloads of a cluster, each reduced to the few pods that connectivity needs. Pure.

Pods of one owner that no policy and no Service can tell apart are one workload. Two pods of it are enough to show that
rules hold for every replica, and that its pods reach each other.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.labels import Labels
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import ContainerPort, Pod
from netpol_harness.scenario.strangers import free_name
from netpol_harness.wellknown import POD_INDEX_LABEL, POD_NAME_LABEL

MOST_PODS = 2
"""How many pods stand for one workload."""

AUTOMATIC_LABELS = frozenset(
    {
        "pod-template-hash",
        "controller-revision-hash",
        "pod-template-generation",
        "rollouts-pod-template-hash",
        POD_NAME_LABEL,
        POD_INDEX_LABEL,
        "controller-uid",
        "job-name",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-name",
        "batch.kubernetes.io/job-completion-index",
        "deployment",
    }
)
"""Labels that controllers add to their pods. They are left out, unless a selector asks for one of them."""

_KEPT_KINDS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job"})
_CONTROLLER_ADDED = AUTOMATIC_LABELS - {"deployment"}


@dataclass(frozen=True, slots=True)
class Owner:
    """The topmost controller of a pod, or the pod itself (``kind`` Pod)."""

    kind: str
    ref: NamespacedName


@dataclass(frozen=True, slots=True)
class Replica:
    """One pod as it will be made: its place in DNS (``hostname``, ``subdomain``) is that of its spec."""

    pod: Pod
    labels: Labels
    ports: tuple[ContainerPort, ...]
    hostname: str = ""
    subdomain: str = ""


@dataclass(frozen=True, slots=True)
class StandInWorkload:
    """A workload to be made: ``pods`` of the cluster, for which the first ``MOST_PODS`` stand.

    ``names`` are those of the Pods to make one by one, because no template describes them, or else that of the
    controller.
    """

    ref: NamespacedName
    kind: str
    pods: tuple[Replica, ...]
    names: tuple[str, ...]

    @property
    def made(self) -> int:
        """How many pods are made."""
        return min(len(self.pods), MOST_PODS)


class Owners:
    """Finds the topmost controller of pods, from the ReplicaSets and Jobs between."""

    def __init__(self, between: Iterable[JsonMapping]) -> None:
        self._above: dict[tuple[str, str, str], JsonMapping] = {}
        for data in between:
            metadata = data["metadata"]
            if owner := _controller(metadata):
                self._above[str(metadata.get("namespace") or "default"), data["kind"], metadata["name"]] = owner

    def of(self, data: JsonMapping) -> Owner:
        """Return the topmost controller of a pod. Without its ReplicaSet, the Deployment is told by the pod's name."""
        metadata = data["metadata"]
        namespace = str(metadata.get("namespace") or "default")
        owner = _controller(metadata)
        if owner is None or owner["kind"] == "Node":
            return Owner("Pod", NamespacedName(namespace, str(metadata["name"])))
        kind, name = str(owner["kind"]), str(owner["name"])
        above = self._above.get((namespace, kind, name))
        if above:
            kind, name = ("Job" if kind == "Job" else str(above["kind"])), str(above["name"])
        elif kind == "ReplicaSet" and "pod-template-hash" in (metadata.get("labels") or {}):
            kind, name = "Deployment", name.rpartition("-")[0] or name
        return Owner(kind if kind in _KEPT_KINDS else "Deployment", NamespacedName(namespace, name))


def _controller(metadata: JsonMapping) -> JsonMapping | None:
    owners: Iterable[JsonMapping] = metadata.get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)


def workloads_of(
    replicas: Iterable[tuple[Owner, Replica]],
    selected_keys: Collection[str],
    place: Callable[[Pod], object] | None,
) -> tuple[StandInWorkload, ...]:
    """Return the workloads, sorted by name.

    ``selected_keys`` are the label keys of all selectors. ``place`` tells apart pods whose addresses matter; these are
    made one by one, because a template cannot give addresses. ``None``: no address matters.
    """
    groups: dict[Owner, dict[object, list[Replica]]] = {}
    for owner, replica in sorted(replicas, key=lambda both: both[1].pod.ref):
        kept = _without_automatic(replica, selected_keys)
        key = (frozenset(kept.labels.items()), kept.ports, kept.pod.host_network, kept.subdomain, kept.pod.name_servers)
        sub_group = (key, place(kept.pod) if place else None)
        groups.setdefault(owner, {}).setdefault(sub_group, []).append(kept)
    return tuple(_named(groups, are_alone=place is not None))


def _without_automatic(replica: Replica, selected_keys: Collection[str]) -> Replica:
    labels = {k: v for k, v in replica.labels.items() if k not in AUTOMATIC_LABELS or k in selected_keys}
    return Replica(replica.pod, labels, replica.ports, replica.hostname, replica.subdomain)


def _named(groups: Mapping[Owner, Mapping[object, list[Replica]]], *, are_alone: bool) -> Iterator[StandInWorkload]:
    taken: set[NamespacedName] = set()

    def claim(namespace: str, name: str) -> str:
        free = free_name(name, {ref.name for ref in taken if ref.namespace == namespace})
        taken.add(NamespacedName(namespace, free))
        return free

    for owner in sorted(groups, key=lambda owner: (owner.ref, owner.kind)):
        parts = sorted(groups[owner].values(), key=lambda pods: (-len(pods), pods[0].pod.ref))
        for number, pods in enumerate(parts):
            alone = owner.kind != "Pod" and (are_alone or number > 0 or not _fits_a_template(pods[0]))
            made = pods[:MOST_PODS] if alone else pods[:1]
            own_names = owner.kind == "StatefulSet" and alone
            bases = [each.pod.ref.name if own_names else owner.ref.name for each in made]
            names = tuple(claim(owner.ref.namespace, base) for base in bases)
            ref = NamespacedName(owner.ref.namespace, names[0])
            yield StandInWorkload(ref, "Pod" if alone else owner.kind, tuple(pods), names)


def _fits_a_template(replica: Replica) -> bool:
    """Return whether a controller can make the pod: it selects it by labels, and adds none that must be the same."""
    return bool(replica.labels) and not replica.labels.keys() & _CONTROLLER_ADDED
