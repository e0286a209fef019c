"""The parts of one ClusterNetworkPolicy that select something, each with what it selects in one step. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from netpol_harness.analysis.closeness import is_similar
from netpol_harness.analysis.describe import describe_peer, natural_list
from netpol_harness.analysis.notes.note import Note
from netpol_harness.analysis.notes.part import Part
from netpol_harness.analysis.notes.view import StepView
from netpol_harness.model.cluster_policy import (
    ClusterNetworkPolicy,
    ClusterRule,
    DomainNames,
    NamedPort,
    PodSelection,
)
from netpol_harness.model.names import Direction
from netpol_harness.model.objects import Pod
from netpol_harness.model.policy import PEERS_FIELD, PodPeer
from netpol_harness.oracle.cluster_peers import is_below
from netpol_harness.scenario.scenario import Manifest


class ClusterPolicyParts:
    """The parts of a policy in one step: its subject, the peers of its rules that select pods, and names of ports.

    All steps have the same parts, in the same order.
    """

    def __init__(self, manifest: Manifest, view: StepView) -> None:
        self._manifest = manifest
        self._view = view
        self._policy = ClusterNetworkPolicy.parse(manifest.data)
        self._subjects = view.selected(self._policy.subject)

    def all(self) -> Iterator[Part]:
        """Yield the parts. Those of a policy that selects no pod are not looked at: it has no effect as a whole."""
        head = f"policy {self._policy.name} selects no pod"
        yield self._part("" if self._subjects else f"{head}: {self._missed(self._policy.subject)}", "spec", "subject")
        for direction in sorted(Direction):
            yield from self._peers(direction)
            yield from self._domain_names(direction)
            for index, rule in enumerate(self._policy.rules(direction)):
                yield from self._ports(direction, index, rule)

    def _peers(self, direction: Direction) -> Iterator[Part]:
        """Yield each distinct peer of the rules once, at its first place."""
        places: dict[PodSelection, list[tuple[int, int]]] = defaultdict(list)
        for index, rule in enumerate(self._policy.rules(direction)):
            for number, peer in enumerate(rule.peers):
                if isinstance(peer, PodSelection):
                    places[peer].append((index, number))
        for peer, found in places.items():
            is_inert = self._subjects and not self._view.selected(peer)
            text = self._missed_peer(direction, peer, [index for index, _ in found]) if is_inert else ""
            index, number = found[0]
            yield self._part(text, "spec", direction.lower(), index, PEERS_FIELD[direction], number)

    def _missed_peer(self, direction: Direction, peer: PodSelection, indexes: Sequence[int]) -> str:
        verb = "mean" if len(set(indexes)) > 1 else "means"
        meant = describe_peer(PodPeer(peer.namespaces, peer.pods), "")
        name = rule_names(self._policy, direction, indexes)
        return f"{name} {verb} {meant}, of which there are none: {self._missed(peer)}"

    def _domain_names(self, direction: Direction) -> Iterator[Part]:
        """Yield each name of ``domainNames`` peers, if the scenario says which names there are."""
        for index, rule in enumerate(self._policy.rules(direction)):
            for number, peer in enumerate(rule.peers):
                for place, name in enumerate(peer.names if isinstance(peer, DomainNames) else ()):
                    text = self._missed_name(name) if self._view.domain_names and self._subjects else ""
                    keys = ("spec", direction.lower(), index, PEERS_FIELD[direction], number, "domainNames", place)
                    yield self._part(f"{rule_names(self._policy, direction, [index])} {text}" if text else "", *keys)

    def _missed_name(self, pattern: str) -> str:
        """Return why no name of the scenario is meant; empty if one is."""
        known, plain = self._view.domain_names, pattern.removeprefix("*.")
        if any(is_below(name, pattern) for name in known):
            return ""
        head = f"means {pattern}, which is no name of the scenario"
        if plain in known:
            return f"{head}: a wildcard does not mean {plain} itself"
        near = sorted(name for name in known if is_similar(plain, name) or name.endswith(f".{plain}"))
        return f"{head}; the nearest is {near[0]}" if near else head

    def _ports(self, direction: Direction, index: int, rule: ClusterRule) -> Iterator[Part]:
        for number, port in enumerate(rule.ports or ()):
            if isinstance(port, NamedPort):
                text = self._missed_port(direction, rule, port.name) if self._subjects else ""
                name = rule_names(self._policy, direction, [index])
                place = ("spec", direction.lower(), index, "protocols", number)
                yield self._part(f"{name} {text}" if text else "", *place)

    def _missed(self, selection: PodSelection) -> str:
        if self._view.selected(selection, on_host_network=True):
            return "those that it means are on the networks of their nodes, which no ClusterNetworkPolicy selects"
        return self._view.near_miss(selection.namespaces, selection.pods)

    def _missed_port(self, direction: Direction, rule: ClusterRule, name: str) -> str:
        """Return why a port's name means nothing; empty if a pod declares it, or if it leads to no pod at all."""
        pods = self._destinations(direction, rule)
        names = [f"{each.name} ({each.port})" for pod in pods for each in pod.ports if each.name]
        if not pods or any(each.name == name for pod in pods for each in pod.ports):
            return ""
        declared = natural_list(names) or "no names"
        return f"names port {name}, which no pod that it leads to declares; they declare {declared}"

    def _destinations(self, direction: Direction, rule: ClusterRule) -> list[Pod]:
        """Return the pods that a rule leads to; none if some are not chosen by selectors."""
        if direction is Direction.INGRESS:
            return self._subjects
        selections = [peer for peer in rule.peers if isinstance(peer, PodSelection)]
        is_whole = len(selections) == len(rule.peers)
        return [pod for peer in selections for pod in self._view.selected(peer)] if is_whole else []

    def _part(self, text: str, *place: str | int) -> Part:
        home = frozenset({pod.ref.namespace for pod in self._subjects})
        return Part(Note(self._manifest.at(*place), text, home))


def rule_names(policy: ClusterNetworkPolicy, direction: Direction, indexes: Sequence[int]) -> str:
    """Return ``egress rule 2 'dns' of default`` or ``egress rules 2 'dns' and 3 of default``, counted from 1."""
    distinct = sorted(set(indexes))
    names = [policy.rules(direction)[index].name for index in distinct]
    numbers = [f"{index + 1}{f' {name!r}' if name else ''}" for index, name in zip(distinct, names, strict=True)]
    return f"{direction.lower()} rule{'s' * (len(numbers) > 1)} {natural_list(numbers)} of {policy.name}"
