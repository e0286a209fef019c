"""The pods that selectors select in one world, and labels that tell a pod apart from others. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import Pod, World
from netpol_harness.model.policy import IPBlock, NetworkPolicy, Peer
from netpol_harness.oracle.endpoints import EndpointIndex
from netpol_harness.oracle.pod_index import PodIndex
from netpol_harness.paths.path import Inventory
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL

_USUAL_KEYS = ("app.kubernetes.io/name", "k8s-app", "app", "name", "app.kubernetes.io/component", "component", "tier")
"""Keys of labels that name an application, the most usual first."""

_GENERATED = (
    "pod-template-hash",
    "pod-template-generation",
    "controller-revision-hash",
    "controller-uid",
    "job-name",
    "statefulset.kubernetes.io/",
    "apps.kubernetes.io/",
    "batch.kubernetes.io/",
)
"""Keys, or beginnings of keys, that controllers add: no author of a policy selects by them."""


class Selection:
    """Finds the pods of one world that its author wrote. Sets of pods are integers with a bit for each pod."""

    def __init__(self, world: World, inventory: Inventory) -> None:
        strangers = {workload.ref for workload in inventory.workloads.values() if workload.is_stranger}
        pods = {ref: pod for ref, pod in world.pods.items() if pod.workload not in strangers}
        world = replace(world, pods=pods)
        endpoints = EndpointIndex(world)
        self._index = PodIndex(endpoints)
        self._namespace_labels = endpoints.namespace_labels
        self._workloads = [pod.workload for pod in self._index.pods]
        self._identities: dict[NamespacedName, dict[str, str]] = {}

    def peers(self, peer: Peer, home: str) -> int:
        """Return the pods that a peer selects, or may, in a policy of namespace ``home``; none for an ipBlock."""
        if isinstance(peer, IPBlock):
            return 0
        return self._index.in_namespaces(peer.namespaces, home).possible & self._index.select(peer.pods)

    def subjects(self, policy: NetworkPolicy) -> int:
        """Return the pods that a policy selects."""
        return self._index.in_namespace(policy.ref.namespace, policy.subject)

    @property
    def every_pod(self) -> int:
        """The set of all pods."""
        return self._index.all_pods

    def pods(self, numbers: int) -> Iterator[Pod]:
        """Yield the pods of a set."""
        yield from (pod for number, pod in enumerate(self._index.pods) if numbers >> number & 1)

    def workloads(self, numbers: int) -> int:
        """Return the number of workloads to which the pods of a set belong."""
        return len({workload for number, workload in enumerate(self._workloads) if numbers >> number & 1})

    def namespace_labels(self, name: str) -> Mapping[str, str]:
        """Return the labels of a namespace."""
        return self._namespace_labels(name)

    def peer_of(self, pod: Pod, home: str) -> dict[str, object]:
        """Return a peer, as in a manifest, that selects the pod in a policy of namespace ``home``."""
        selector = selector_of(self.identifying_labels(pod))
        if pod.ref.namespace == home:
            return {"podSelector": selector}
        spaces = {"matchLabels": {NAMESPACE_NAME_LABEL: pod.ref.namespace}}
        return {"namespaceSelector": spaces, "podSelector": selector}

    def identifying_labels(self, pod: Pod) -> dict[str, str]:
        """Return the fewest usual labels that select the pods of its workload alone, or else all of its labels."""
        if pod.ref not in self._identities:
            self._identities[pod.ref] = self._identity(pod)
        return self._identities[pod.ref]

    def _identity(self, pod: Pod) -> dict[str, str]:
        chosen: dict[str, str] = {}
        for key in sorted(filter(_is_written, pod.labels), key=_usage):
            chosen[key] = pod.labels[key]
            for labels in ({key: pod.labels[key]}, chosen):
                selected = self._index.in_namespace(pod.ref.namespace, LabelSelector.equal(labels))
                if all(other.workload == pod.workload for other in self.pods(selected)):
                    return dict(labels)
        return chosen


def selector_of(labels: Mapping[str, str]) -> dict[str, object]:
    """Return the selector of these labels, as in a manifest."""
    return {"matchLabels": dict(labels)} if labels else {}


def _is_written(key: str) -> bool:
    return not key.startswith(_GENERATED)


def _usage(key: str) -> tuple[int, str]:
    return (_USUAL_KEYS.index(key) if key in _USUAL_KEYS else len(_USUAL_KEYS), key)
