"""Which pods a selector picks: set algebra over an inverted label index.

Invariant: equal worlds give equal selections. Every operator of a requirement is one set operation on the index, so no
pod's labels are read again once the index exists. Implements apimachinery ``metav1.LabelSelector`` and the peers of
networking.k8s.io/v1. Pure.
"""

from collections.abc import Hashable, Iterable, Mapping
from functools import reduce
from ipaddress import ip_address
from typing import Generic, TypeVar

from netpol_harness.model.labels import Labels, LabelSelector, Operator, Requirement
from netpol_harness.model.names import NamespacedName, Protocol
from netpol_harness.model.objects import Pod, World
from netpol_harness.model.policy import NetworkPolicy, PodPeer
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL

T = TypeVar("T", bound=Hashable)


class LabelIndex(Generic[T]):
    """Items by their labels: the items that have a key, and those that have a key with a value."""

    def __init__(self, labelled: Mapping[T, Labels]) -> None:
        self._all = frozenset(labelled)
        self._carrying: dict[str, set[T]] = {}
        self._valued: dict[tuple[str, str], set[T]] = {}
        for item, labels in labelled.items():
            for key, value in labels.items():
                self._carrying.setdefault(key, set()).add(item)
                self._valued.setdefault((key, value), set()).add(item)

    def select(self, selector: LabelSelector) -> frozenset[T]:
        """Return all items that satisfy every requirement. The empty selector picks all."""
        return reduce(
            lambda selected, requirement: selected & self._satisfying(requirement), selector.requirements, self._all
        )

    def _satisfying(self, requirement: Requirement) -> frozenset[T]:
        match requirement.operator:
            case Operator.IN:
                return self._valued_any(requirement)
            case Operator.NOT_IN:
                return self._all - self._valued_any(requirement)
            case Operator.EXISTS:
                return frozenset(self._carrying.get(requirement.key, ()))
            case Operator.DOES_NOT_EXIST:
                return self._all - self._carrying.get(requirement.key, frozenset())

    def _valued_any(self, requirement: Requirement) -> frozenset[T]:
        return frozenset().union(*(self._valued.get((requirement.key, value), ()) for value in requirement.values))


class PodIndex:
    """Some pods of a world, those that have an address, found by selectors and by the names of their ports.

    Raises ``ValueError`` if an address is not valid.
    """

    def __init__(self, world: World, pods: Iterable[Pod]) -> None:
        self.pods = {pod.ref: pod for pod in pods if pod.addresses}
        self._addresses = {r: frozenset(str(ip_address(a)) for a in pod.addresses) for r, pod in self.pods.items()}
        self._by_labels = LabelIndex({ref: pod.labels for ref, pod in self.pods.items()})
        self._by_namespace: dict[str, set[NamespacedName]] = {}
        self._declaring: dict[tuple[str, Protocol], list[tuple[NamespacedName, int]]] = {}
        for ref, pod in self.pods.items():
            self._by_namespace.setdefault(ref.namespace, set()).add(ref)
            for declared in pod.ports:
                key = (declared.name, declared.port.protocol)
                self._declaring.setdefault(key, []).append((ref, declared.port.number))
        self._namespaces = LabelIndex(_namespace_labels(world, self._by_namespace))

    def addresses(self, pods: Iterable[NamespacedName]) -> frozenset[str]:
        """Return the addresses of these pods, in canonical text."""
        return frozenset().union(*(self._addresses[pod] for pod in pods))

    def all_pods(self) -> frozenset[NamespacedName]:
        """Return all pods of the index."""
        return frozenset(self.pods)

    def within(self, namespace: str, selector: LabelSelector) -> frozenset[NamespacedName]:
        """Return the pods of one namespace that the selector picks."""
        return self._by_labels.select(selector) & self._by_namespace.get(namespace, frozenset())

    def subjects(self, policy: NetworkPolicy) -> frozenset[NamespacedName]:
        """Return the pods that a policy applies to."""
        return self.within(policy.ref.namespace, policy.subject)

    def peers(self, peer: PodPeer, namespace: str) -> frozenset[NamespacedName]:
        """Return the pods of a peer entry. ``namespace`` is the policy's, which applies without a namespaceSelector."""
        namespaces = frozenset({namespace}) if peer.namespaces is None else self._namespaces.select(peer.namespaces)
        pods: frozenset[NamespacedName] = frozenset().union(*(self._by_namespace.get(name, ()) for name in namespaces))
        return pods if peer.pods is None else pods & self._by_labels.select(peer.pods)

    def first_declaring(self, name: str, protocol: Protocol) -> dict[NamespacedName, int]:
        """Return the number of the first such port of each pod, to which Services send (k8s.io/kubernetes FindPort)."""
        declared = self._declaring.get((name, protocol), ()) if name else ()
        first: dict[NamespacedName, int] = {}
        for pod, number in declared:
            first.setdefault(pod, number)
        return first

    def declaring(self, name: str, protocol: Protocol) -> frozenset[tuple[NamespacedName, int]]:
        """Return the pods that declare a container port ``name`` with this protocol, each with the port's number."""
        return frozenset(self._declaring.get((name, protocol), ())) if name else frozenset()


def _namespace_labels(world: World, inhabited: Iterable[str]) -> dict[str, Labels]:
    """Return the labels of all namespaces.

    A namespace that has pods but is unknown gets the label that the API server would give it.
    """
    unknown: dict[str, Labels] = {name: {NAMESPACE_NAME_LABEL: name} for name in inhabited}
    return unknown | {name: namespace.labels for name, namespace in world.namespaces.items()}
