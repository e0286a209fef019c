"""The parts of one policy that select something, each with what it selects in one step. Pure."""

from collections.abc import Iterator

from netpol_harness.analysis.describe import describe_peer, describe_port, describe_selector, natural_list
from netpol_harness.analysis.notes.near_miss import near_miss
from netpol_harness.analysis.notes.note import Note
from netpol_harness.analysis.notes.part import Part
from netpol_harness.analysis.notes.view import StepView
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import Direction
from netpol_harness.model.objects import Pod
from netpol_harness.model.policy import PEERS_FIELD, NetworkPolicy, PodPeer, PolicyPort, Rule
from netpol_harness.scenario.scenario import Manifest


class PolicyParts:
    """The parts of a policy in one step: its podSelector, the peers of its rules, and the names of their ports.

    All steps have the same parts, in the same order.
    """

    def __init__(self, manifest: Manifest, view: StepView) -> None:
        self._manifest = manifest
        self._view = view
        self._policy = NetworkPolicy.parse(manifest.data)
        self._home = self._policy.ref.namespace
        self._subjects = view.selection.subjects(self._policy)

    def all(self) -> Iterator[Part]:
        """Yield the parts. Those of a policy that selects no pod are not looked at: it has no effect as a whole."""
        head = f"policy {self._policy.ref.name} selects no pod"
        yield self._part("" if self._subjects else f"{head}: {self._missed_subject()}", "spec", "podSelector")
        for direction in sorted(self._policy.directions):
            for index, rule in enumerate(self._policy.rules(direction)):
                yield from self._rule(direction, index, rule)

    def _rule(self, direction: Direction, index: int, rule: Rule) -> Iterator[Part]:
        place = ("spec", direction.lower(), index)
        name = f"{direction.lower()} rule {index + 1} of {self._policy.ref.name}"
        for number, peer in enumerate(rule.peers or ()):
            if isinstance(peer, PodPeer):
                text = self._missed_peer(peer) if self._subjects else ""
                note = (
                    f"{name} means {describe_peer(peer, self._home)}, of which there are none: {text}" if text else ""
                )
                yield self._part(note, *place, PEERS_FIELD[direction], number)
        for number, port in enumerate(rule.ports or ()):
            if isinstance(port.port, str):
                text = self._missed_port(direction, rule, port) if self._subjects else ""
                yield self._part(f"{name} {text}" if text else "", *place, "ports", number)

    def _missed_subject(self) -> str:
        selector = self._policy.subject
        if elsewhere := self._elsewhere(selector):
            return f"pods of {elsewhere} have {describe_selector(selector)}, and a policy selects in its own namespace"
        return self._of_template(selector) or near_miss(
            selector, self._view.pods_in(self._home), f"pod of {self._home}"
        )

    def _missed_peer(self, peer: PodPeer) -> str:
        """Return why a peer selects no pod; empty if it selects some."""
        if self._view.selection.peers(peer, self._home):
            return ""
        pods = peer.pods or LabelSelector()
        if peer.namespaces is None:
            if elsewhere := self._elsewhere(pods):
                return f"pods of {elsewhere} have {describe_selector(pods)}; add a namespaceSelector to the same peer"
            return self._of_template(pods) or near_miss(pods, self._view.pods_in(self._home), f"pod of {self._home}")
        return self._view.near_miss(peer.namespaces, pods)

    def _elsewhere(self, selector: LabelSelector) -> str:
        """Return the other namespaces with pods that the selector selects."""
        if not selector.requirements:
            return ""
        pods = self._view.pods(self._view.selection.peers(PodPeer(LabelSelector(), selector), self._home))
        return natural_list(sorted({pod.ref.namespace for pod in pods} - {self._home}))

    def _of_template(self, selector: LabelSelector) -> str:
        """Name a controller that has the labels itself, while its pods have others."""
        for kind, ref, own, labels in self._view.workloads_in(self._home):
            if selector.matches(own):
                has = describe_selector(LabelSelector.equal(labels)) or "none"
                return (
                    f"{kind} {ref.name} itself has {describe_selector(selector)}, but the labels of its pods are {has}"
                )
        return ""

    def _missed_port(self, direction: Direction, rule: Rule, port: PolicyPort) -> str:
        """Return why a port's name means nothing; empty if a pod declares it, or if it leads to no pod at all."""
        pods = self._destinations(direction, rule)
        name = str(port.port)
        declared = [each for pod in pods for each in pod.ports if each.name]
        if not pods or any(each.name == name and each.port.protocol is port.protocol for each in declared):
            return ""
        if others := [each.port for each in declared if each.name == name]:
            return f"names {describe_port(port)}, and the pods declare it as {others[0]}: write its protocol"
        names = natural_list([f"{each.name} ({each.port})" for each in declared])
        return (
            f"names {describe_port(port)}, which no pod that it leads to declares; they declare {names or 'no names'}"
        )

    def _destinations(self, direction: Direction, rule: Rule) -> list[Pod]:
        """Return the pods that a rule leads to."""
        if direction is Direction.INGRESS:
            return self._view.pods(self._subjects)
        peers = [PodPeer(LabelSelector(), None)] if rule.peers is None else rule.peers
        return [pod for peer in peers for pod in self._view.pods(self._view.selection.peers(peer, self._home))]

    def _part(self, text: str, *keys: str | int) -> Part:
        return Part(Note(self._manifest.at(*keys), text, frozenset({self._home})))
