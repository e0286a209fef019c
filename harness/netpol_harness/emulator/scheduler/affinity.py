"""Affinity and anti-affinity between pods (core/v1 PodAffinityTerm), and the spread of pods (TopologySpreadConstraint).

Not read: ``matchLabelKeys``, ``minDomains`` and the policies about nodes that a spread ignores. Pure.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from netpol_harness.emulator.controllers.node_admission import selects
from netpol_harness.model.json_object import JsonMapping, JsonObject
from netpol_harness.model.labels import LabelSelector

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"

AFFINITY, ANTI_AFFINITY = "podAffinity", "podAntiAffinity"


@dataclass(frozen=True, slots=True)
class Cluster:
    """The objects that decide where a pod goes. ``pods`` are those with a node that have not ended."""

    nodes: Sequence[JsonMapping]
    pods: Sequence[JsonMapping]
    namespaces: Mapping[str, Mapping[str, str]]
    """The labels of all namespaces, by name."""

    def labels_of_node(self, name: str) -> Mapping[str, str]:
        """Return the labels of a node; none if there is no such node."""
        return next((labels(node) for node in self.nodes if node["metadata"]["name"] == name), {})

    def domain(self, pod: JsonMapping, key: str) -> str | None:
        """Return the value of the topology key on the pod's node."""
        return self.labels_of_node(pod["spec"]["nodeName"]).get(key)


def labels(obj: JsonMapping) -> Mapping[str, str]:
    """Return the labels of an object."""
    return obj["metadata"].get("labels") or {}


def required_terms(pod: JsonMapping, kind: str) -> Sequence[JsonMapping]:
    """Return the terms of an affinity that must hold."""
    return _affinity(pod, kind).get(_REQUIRED) or ()


def preferred_terms(pod: JsonMapping, kind: str) -> Iterator[tuple[int, JsonMapping]]:
    """Yield the weights and the terms of an affinity that should hold."""
    for entry in _affinity(pod, kind).get(_PREFERRED) or ():
        yield entry["weight"], entry["podAffinityTerm"]


def is_near(term: JsonMapping, owner: JsonMapping, node: JsonMapping, cluster: Cluster) -> bool:
    """Return whether a pod that the term of ``owner`` selects is in the topology domain of the node."""
    key = term["topologyKey"]
    domain = labels(node).get(key)
    return domain is not None and any(
        cluster.domain(other, key) == domain for other in cluster.pods if _selects(term, owner, other, cluster)
    )


def is_first_of_its_kind(pod: JsonMapping, term: JsonMapping, cluster: Cluster) -> bool:
    """Return whether the term selects the pod itself and no other: it would wait for itself."""
    others = any(_selects(term, pod, other, cluster) for other in cluster.pods)
    return not others and _selects(term, pod, pod, cluster)


def is_repelled(pod: JsonMapping, node: JsonMapping, cluster: Cluster) -> bool:
    """Return whether a pod in the node's domain must not be near this pod, by its own anti-affinity."""
    for other in cluster.pods:
        for term in required_terms(other, ANTI_AFFINITY):
            domain = labels(node).get(term["topologyKey"])
            is_here = domain is not None and cluster.domain(other, term["topologyKey"]) == domain
            if is_here and _selects(term, other, pod, cluster):
                return True
    return False


def skews(pod: JsonMapping, node: JsonMapping, cluster: Cluster, *, hard: bool) -> Iterator[tuple[JsonMapping, int]]:
    """Yield the constraints of the pod's spread, and for each the skew with the pod on this node.

    ``hard`` are those with ``whenUnsatisfiable: DoNotSchedule``. A node without the key has a skew beyond any limit.
    """
    for constraint in pod["spec"].get("topologySpreadConstraints") or ():
        if hard == (constraint.get("whenUnsatisfiable", "DoNotSchedule") == "DoNotSchedule"):
            yield constraint, _skew(pod, node, cluster, constraint)


def _skew(pod: JsonMapping, node: JsonMapping, cluster: Cluster, constraint: JsonMapping) -> int:
    key, own = constraint["topologyKey"], labels(node).get(constraint["topologyKey"])
    if own is None:
        return len(cluster.pods) + int(constraint["maxSkew"]) + 1
    selector, namespace = LabelSelector.parse(constraint.get("labelSelector") or {}), pod["metadata"]["namespace"]
    counts = Counter({labels(n)[key]: 0 for n in cluster.nodes if key in labels(n) and selects(n, pod["spec"])})
    for other in cluster.pods:
        domain = cluster.domain(other, key)
        if domain is not None and other["metadata"]["namespace"] == namespace and selector.matches(labels(other)):
            counts[domain] += 1
    return counts[own] + selector.matches(labels(pod)) - min(counts.values(), default=0)


def _affinity(pod: JsonMapping, kind: str) -> JsonObject:
    return (pod["spec"].get("affinity") or {}).get(kind) or {}


def _selects(term: JsonMapping, owner: JsonMapping, pod: JsonMapping, cluster: Cluster) -> bool:
    """Return whether the term of ``owner`` selects the pod. A term without labelSelector selects none."""
    selector = term.get("labelSelector")
    if selector is None or not LabelSelector.parse(selector).matches(labels(pod)):
        return False
    namespace, by_labels = pod["metadata"]["namespace"], term.get("namespaceSelector")
    named = term.get("namespaces") or ([owner["metadata"]["namespace"]] if by_labels is None else [])
    return namespace in named or (
        by_labels is not None and LabelSelector.parse(by_labels).matches(cluster.namespaces.get(namespace, {}))
    )
