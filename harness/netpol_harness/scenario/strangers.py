"""Pods that no manifest names, and that policies may treat otherwise than those that it names. Pure.

Policies that admit every connection between a scenario's own workloads look as if they denied nothing. What they deny
are strangers: a pod without labels in every namespace, and one in a namespace of its own. A peer of a rule that matches
no pod gets a representative, so that what the rule admits is probed as well.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count

from netpol_harness.model.cluster_policy import ClusterNetworkPolicy, ClusterRule, NamedPort, PodSelection, PortRange
from netpol_harness.model.labels import Labels, LabelSelector
from netpol_harness.model.names import Direction, NamespacedName, Port, Protocol
from netpol_harness.model.objects import ContainerPort, Pod, World
from netpol_harness.model.policy import NetworkPolicy, PodPeer, Rule
from netpol_harness.model.solve_labels import ANY_VALUE, labels_matching
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL

STRANGER = "stranger"
"""The name of a pod without labels, unless it is taken."""

STRANGERS = "strangers"
"""The name of the namespace in which there are only strangers, unless it is taken."""

STRANGER_PORT = Port(Protocol.TCP, 8080)
"""The port of strangers to which a policy may deny connections."""

_FIRST_NAMED_PORT = 9000
_MEANINGLESS = frozenset({"", "true", "yes", ANY_VALUE})
_LONGEST_NAME = 50


@dataclass(frozen=True, slots=True)
class StrangerPod:
    """A pod to be made, with the ports that it serves."""

    ref: NamespacedName
    labels: Labels
    ports: tuple[ContainerPort, ...] = ()


@dataclass(frozen=True, slots=True)
class Strangers:
    """Pods to be made, and the labels of their namespaces that no manifest declares."""

    namespaces: Mapping[str, Labels]
    pods: tuple[StrangerPod, ...]


def strangers_of(worlds: Sequence[World], system: frozenset[str]) -> Strangers:
    """Return the strangers of some steps, each a snapshot of what its manifests define.

    No pod is made in a ``system`` namespace. A peer has no representative if its selectors contradict themselves, or
    match none but such namespaces.
    """
    town = _Town(worlds, system)
    for world in worlds:
        pods = _pods_by_namespace(world.pods.values())
        for peer in dict.fromkeys((*_peers(world.policies), *_cluster_peers(world.cluster_policies))):
            if not _has_pods(peer, pods, world):
                town.represent(peer)
    return town.strangers()


def _pods_by_namespace(pods: Iterable[Pod]) -> Mapping[str, Sequence[Labels]]:
    """Return the labels of the pods of each namespace, each once. Peers do not select pods on a node's network."""
    labels: dict[str, dict[frozenset[tuple[str, str]], Labels]] = defaultdict(dict)
    for pod in pods:
        if not pod.host_network:
            labels[pod.ref.namespace].setdefault(frozenset(pod.labels.items()), pod.labels)
    return {namespace: tuple(distinct.values()) for namespace, distinct in labels.items()}


def _has_pods(peer: "_RulePeer", pods: Mapping[str, Sequence[Labels]], world: World) -> bool:
    return any(
        peer.matches_namespace(name, namespace.labels if (namespace := world.namespaces.get(name)) else {})
        and any(map(peer.matches_pod, labels))
        for name, labels in pods.items()
    )


@dataclass(frozen=True, slots=True)
class _RulePeer:
    """A peer of a rule. ``home`` is the namespace of its policy, ``ports`` are those of which it is a target."""

    selector: PodPeer
    home: str
    ports: tuple[ContainerPort, ...]

    def matches_pod(self, labels: Labels) -> bool:
        return self.selector.pods is None or self.selector.pods.matches(labels)

    def matches_namespace(self, name: str, labels: Labels) -> bool:
        if self.selector.namespaces is None:
            return name == self.home
        return self.selector.namespaces.matches({**labels, NAMESPACE_NAME_LABEL: name})


def _peers(policies: Iterable[NetworkPolicy]) -> Iterator[_RulePeer]:
    for policy in policies:
        for direction in sorted(policy.directions):
            for rule in policy.rules(direction):
                ports = tuple(_targets(rule)) if direction is Direction.EGRESS else ()
                selectors = [peer for peer in rule.peers or () if isinstance(peer, PodPeer)]
                yield from (_RulePeer(selector, policy.ref.namespace, ports) for selector in selectors)


def _cluster_peers(policies: Iterable[ClusterNetworkPolicy]) -> Iterator[_RulePeer]:
    for policy in policies:
        for direction in Direction:
            for rule in policy.rules(direction):
                ports = tuple(_cluster_targets(rule)) if direction is Direction.EGRESS else ()
                selections = [peer for peer in rule.peers if isinstance(peer, PodSelection)]
                yield from (_RulePeer(PodPeer(each.namespaces, each.pods), "", ports) for each in selections)


def _cluster_targets(rule: ClusterRule) -> Iterator[ContainerPort]:
    """Yield a port for each entry of a rule, as ``_targets`` does."""
    for index, entry in enumerate(rule.ports or ()):
        if isinstance(entry, NamedPort):
            yield ContainerPort(Port(Protocol.TCP, _FIRST_NAMED_PORT + index), entry.name)
        elif isinstance(entry, PortRange):
            yield ContainerPort(Port(entry.protocol, entry.first))


def _targets(rule: Rule) -> Iterator[ContainerPort]:
    """Yield a port for each entry of a rule: the first of a range, and a free one for a name."""
    for index, entry in enumerate(rule.ports or ()):
        if isinstance(entry.port, str):
            yield ContainerPort(Port(entry.protocol, _FIRST_NAMED_PORT + index), entry.port)
        elif entry.port is not None:
            yield ContainerPort(Port(entry.protocol, entry.port))


@dataclass(slots=True)
class _Draft:
    """A stranger without a name, with the ports that rules admit as targets."""

    namespace: str
    labels: Labels
    ports: dict[ContainerPort, None] = field(default_factory=dict)


class _Town:
    """The namespaces of the strangers: those that exist, with their labels, and those that are founded for them."""

    def __init__(self, worlds: Sequence[World], system: frozenset[str]) -> None:
        every = {name: namespace.labels for world in worlds for name, namespace in world.namespaces.items()}
        self._system = {name: every.get(name, {}) for name in system}
        self._existing = {name: labels for name, labels in every.items() if name not in system}
        self._policies = tuple(dict.fromkeys(policy for world in worlds for policy in world.policies))
        self._services = [service for world in worlds for service in world.services.values()]
        self._taken: dict[str, set[str]] = defaultdict(set)
        for ref in (r for world in worlds for r in (*world.services, *(p.workload for p in world.pods.values()))):
            self._taken[ref.namespace].add(ref.name)
        self._isolates_sources = any(Direction.EGRESS in policy.directions for policy in self._policies)
        self._subjects: dict[str, list[LabelSelector]] = defaultdict(list)
        for policy in self._policies:
            self._subjects[policy.ref.namespace].append(policy.subject)
        tiers = dict.fromkeys(policy for world in worlds for policy in world.cluster_policies)
        peers = (*_peers(self._policies), *_cluster_peers(tiers))
        self._peer_selectors = tuple(p.selector.pods for p in peers if p.selector.pods)
        self._selectors_in: dict[str, Sequence[LabelSelector]] = {}
        self._drafts: dict[tuple[str, frozenset[tuple[str, str]]], _Draft] = {}
        self._founded: dict[str, Labels] = {free_name(STRANGERS, every): {}}

    def represent(self, peer: _RulePeer) -> None:
        """Add a pod that the peer matches, if there can be one."""
        namespace = self._namespace_of(peer)
        labels = labels_matching(peer.selector.pods or LabelSelector(), self._selectors(namespace))
        if namespace and labels is not None:
            self._draft(namespace, labels).ports |= dict.fromkeys(peer.ports)

    def strangers(self) -> Strangers:
        """Return all strangers: in each namespace first the one without labels."""
        pods: list[StrangerPod] = []
        for namespace in (*self._existing, *self._founded):
            self._draft(namespace, {})
            own = [draft for draft in self._drafts.values() if draft.namespace == namespace]
            pods += map(self._pod, sorted(own, key=lambda draft: len(draft.labels)))
        return Strangers(self._founded, tuple(pods))

    def _draft(self, namespace: str, labels: Labels) -> _Draft:
        return self._drafts.setdefault((namespace, frozenset(labels.items())), _Draft(namespace, labels))

    def _pod(self, draft: _Draft) -> StrangerPod:
        taken = self._taken[draft.namespace]
        ref = NamespacedName(draft.namespace, free_name(_described(STRANGER, draft.labels), taken))
        taken.add(ref.name)
        more = [ContainerPort(STRANGER_PORT)] if self._may_be_denied(draft) else []
        return StrangerPod(ref, draft.labels, tuple(dict.fromkeys([*draft.ports, *more])))

    def _may_be_denied(self, draft: _Draft) -> bool:
        """Whether a policy may close connections to a stranger: at the source, or at the stranger itself."""
        subjects = self._subjects[draft.namespace]
        return self._isolates_sources or any(subject.matches(draft.labels) for subject in subjects)

    def _namespace_of(self, peer: _RulePeer) -> str:
        """Return a namespace that the peer matches, its own first, or found one; empty if there can be none."""
        known = {**self._existing, **self._founded}
        matching = [name for name, labels in known.items() if peer.matches_namespace(name, labels)]
        if matching:
            return peer.home if peer.home in matching else matching[0]
        if any(peer.matches_namespace(name, labels) for name, labels in self._system.items()):
            return ""
        return self._found(peer)

    def _found(self, peer: _RulePeer) -> str:
        """Found a namespace that the peer matches; empty if there can be none."""
        labels = dict(labels_matching(peer.selector.namespaces or LabelSelector()) or {})
        known = {*self._existing, *self._founded, *self._system}
        name = labels.pop(NAMESPACE_NAME_LABEL, "") or free_name(_described(STRANGERS, labels), known)
        if name in known or not peer.matches_namespace(name, labels):
            return ""
        self._founded[name] = labels
        return name

    def _selectors(self, namespace: str) -> Sequence[LabelSelector]:
        """Return the selectors that may select pods of a namespace: a representative should meet few of them."""
        if namespace not in self._selectors_in:
            services = [s.selector for s in self._services if s.ref.namespace == namespace and s.selector]
            every = chain(self._subjects[namespace], map(LabelSelector.equal, services), self._peer_selectors)
            self._selectors_in[namespace] = tuple(selector for selector in every if selector.requirements)
        return self._selectors_in[namespace]


def _described(name: str, labels: Labels) -> str:
    """Return a DNS label that tells strangers apart: ``stranger-prometheus`` for ``app=prometheus``."""
    words = [key.rpartition("/")[2] if value in _MEANINGLESS else value for key, value in labels.items()]
    text = "-".join([name, *words]).lower()
    plain = "".join(character if character.isascii() and character.isalnum() else "-" for character in text)
    return plain[:_LONGEST_NAME].strip("-")


def free_name(name: str, taken: Iterable[str]) -> str:
    """Return the name, with a number if it is taken."""
    known = set(taken)
    return next(option for option in chain([name], (f"{name}-{n}" for n in count(2))) if option not in known)
