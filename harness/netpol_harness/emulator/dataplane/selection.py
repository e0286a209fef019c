"""Which pods a selector picks: a set algebra over an inverted label index.

Invariant: equal worlds give equal selections. Every operator of a requirement is one set operation on the index, so
that no pod's labels are read again once the index stands. Implements apimachinery ``metav1.LabelSelector`` and the
peers of networking.k8s.io/v1. Pure.
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
    """Things by their labels: who carries a key, who carries a key with a value."""

    def __init__(self, labelled: Mapping[T, Labels]) -> None:
        self._all = frozenset(labelled)
        self._carrying: dict[str, set[T]] = {}
        self._valued: dict[tuple[str, str], set[T]] = {}
        for thing, labels in labelled.items():
            for key, value in labels.items():
                self._carrying.setdefault(key, set()).add(thing)
                self._valued.setdefault((key, value), set()).add(thing)

    def select(self, selector: LabelSelector) -> frozenset[T]:
        """All things for which every requirement holds; the empty selector picks everything."""
        return reduce(
            lambda found, requirement: found & self._satisfying(requirement), selector.requirements, self._all
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

    Raises ``ValueError`` where an address is none.
    """

    def __init__(self, world: World, pods: Iterable[Pod]) -> None:
        self.pods = {pod.ref: pod for pod in pods if pod.addresses}
        self._addresses = {r: frozenset(str(ip_address(a)) for a in pod.addresses) for r, pod in self.pods.items()}
        self._by_labels = LabelIndex({ref: pod.labels for ref, pod in self.pods.items()})
        self._by_namespace: dict[str, set[NamespacedName]] = {}
        self._declaring: dict[tuple[str, Protocol], set[tuple[NamespacedName, int]]] = {}
        for ref, pod in self.pods.items():
            self._by_namespace.setdefault(ref.namespace, set()).add(ref)
            for declared in pod.ports:
                key = (declared.name, declared.port.protocol)
                self._declaring.setdefault(key, set()).add((ref, declared.port.number))
        self._namespaces = LabelIndex(_namespace_labels(world, self._by_namespace))

    def addresses(self, pods: Iterable[NamespacedName]) -> frozenset[str]:
        """The addresses of these pods, in their canonical text."""
        return frozenset().union(*(self._addresses[pod] for pod in pods))

    def everyone(self) -> frozenset[NamespacedName]:
        """All pods of the index."""
        return frozenset(self.pods)

    def within(self, namespace: str, selector: LabelSelector) -> frozenset[NamespacedName]:
        """The pods of one namespace that the selector picks."""
        return self._by_labels.select(selector) & self._by_namespace.get(namespace, frozenset())

    def subjects(self, policy: NetworkPolicy) -> frozenset[NamespacedName]:
        """The pods that a policy applies to."""
        return self.within(policy.ref.namespace, policy.subject)

    def peers(self, peer: PodPeer, home: str) -> frozenset[NamespacedName]:
        """The pods of a peer entry; ``home`` is the policy's namespace, meant where no namespaceSelector is given."""
        homes = frozenset({home}) if peer.namespaces is None else self._namespaces.select(peer.namespaces)
        residents: frozenset[NamespacedName] = frozenset().union(*(self._by_namespace.get(name, ()) for name in homes))
        return residents if peer.pods is None else residents & self._by_labels.select(peer.pods)

    def declaring(self, name: str, protocol: Protocol) -> frozenset[tuple[NamespacedName, int]]:
        """Pods with the numbers of the container ports that they declare under ``name`` with this protocol."""
        return frozenset(self._declaring.get((name, protocol), ())) if name else frozenset()


def _namespace_labels(world: World, inhabited: Iterable[str]) -> dict[str, Labels]:
    """Labels of all namespaces; an inhabited one that is unknown has the label that the API server would give it."""
    unknown: dict[str, Labels] = {name: {NAMESPACE_NAME_LABEL: name} for name in inhabited}
    return unknown | {name: namespace.labels for name, namespace in world.namespaces.items()}
