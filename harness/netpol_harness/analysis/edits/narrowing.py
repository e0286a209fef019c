"""Changes of a rule that admits a connection, so that it does not. Pure."""

from collections.abc import Iterator
from ipaddress import ip_network
from itertools import pairwise
from typing import Any

from netpol_harness.analysis.describe import describe_peer, describe_port, describe_rule
from netpol_harness.analysis.edits.draft import Candidate
from netpol_harness.analysis.edits.repair import replaced
from netpol_harness.analysis.edits.task import Task
from netpol_harness.model.names import Direction
from netpol_harness.model.objects import Pod
from netpol_harness.model.policy import PEERS_FIELD, IPBlock, Peer, PodPeer, Rule, parse_peer
from netpol_harness.oracle.peers import addresses_of
from netpol_harness.oracle.verdict import Admission

Item = dict[str, Any]


class Narrowings:
    """The changes of the rule of one admission."""

    def __init__(self, task: Task, admission: Admission) -> None:
        self._task = task
        self._admission = admission
        self._policy = task.draft.policies[admission.policy]
        self._rule = self._policy.rules(task.direction)[admission.rule]
        self._rules = task.draft.rules(admission.policy, task.direction)
        self._field = PEERS_FIELD[task.direction]
        self._name = task.rule_name(self._policy, admission.rule)

    def all(self) -> Iterator[Candidate]:
        """Yield candidates; none if no manifest has the policy."""
        if not self._rules:
            return
        yield from self._joined_peers()
        yield from self._joined_rules()
        yield from self._narrower_peer()
        yield from self._without_peer()
        yield from self._without_port()
        rest = [rule for index, rule in enumerate(self._rules) if index != self._admission.rule]
        described = describe_rule(self._rule, self._policy.ref.namespace)
        text = f"{self._name} admits {described}, and no other policy can take that back: remove the rule"
        yield from self._candidate(rest, text, 4, self._peers(self._rule_peers()))

    def _joined_peers(self) -> Iterator[Candidate]:
        """Yield the rule with two adjacent peers as one, of which one has only namespaces and the other only pods."""
        peers, items = self._rule_peers(), self._items
        text = "has two selectors as two peers, of which either is enough: without the second '-' both must match"
        for at, (first, second) in enumerate(pairwise(peers)):
            if isinstance(first, PodPeer) and isinstance(second, PodPeer) and _are_halves(first, second):
                joined = [*items[:at], {**items[at], **items[at + 1]}, *items[at + 2 :]]
                yield from self._with_peers(joined, text, 1)

    def _joined_rules(self) -> Iterator[Candidate]:
        """Yield a rule of peers and an adjacent rule of ports as one rule."""
        rules = self._policy.rules(self._task.direction)
        for at, (first, second) in enumerate(pairwise(rules)):
            if _are_split(first, second) and self._admission.rule in (at, at + 1):
                joined = {key: value for rule in self._rules[at : at + 2] for key, value in rule.items() if value}
                name = self._task.rule_name(self._policy, at)
                text = f"{name} and the next hold the peers and the ports separately, and either is enough: without the"
                changed = [*self._rules[:at], joined, *self._rules[at + 2 :]]
                yield from self._candidate(changed, f"{text} second '-' both must match", 1)

    def _narrower_peer(self) -> Iterator[Candidate]:
        """Yield the admitting peer without what it has too much: all namespaces, or an address inside a block."""
        index = self._admission.peer
        if index is None:
            return
        peer, item, end = self._rule_peers()[index], self._items[index], self._task.peer
        if isinstance(peer, IPBlock):
            yield from self._with_excepts(index, peer)
        elif peer.namespaces is not None and not peer.namespaces.requirements and isinstance(end, Pod):
            own = {"podSelector": item.get("podSelector") or {}}
            home = self._policy.ref.namespace
            text = f"means pods of all namespaces: without its namespaceSelector it means those of {home} alone"
            yield from self._with_peers(replaced(self._items, index, own), text, 2)

    def _with_excepts(self, index: int, block: IPBlock) -> Iterator[Candidate]:
        end = self._task.peer
        for address in addresses_of(end) if end is not None else ():
            hole = ip_network(address)
            if hole.version == block.cidr.version and hole != block.cidr:
                written = self._items[index]["ipBlock"]
                item = {"ipBlock": {**written, "except": [*(written.get("except") or ()), str(hole)]}}
                text = f"admits {block.cidr}, and {self._task.peer_name} is in it: except its address"
                yield from self._with_peers(replaced(self._items, index, item), text, 2)

    def _without_peer(self) -> Iterator[Candidate]:
        """Yield the rule without the admitting peer, if it has others: without any it would admit every peer."""
        if self._admission.peer is not None and len(self._items) > 1:
            peer = self._rule_peers()[self._admission.peer]
            text = f"admits {describe_peer(peer, self._policy.ref.namespace)}: remove this peer"
            yield from self._with_peers(replaced(self._items, self._admission.peer), text, 3)

    def _without_port(self) -> Iterator[Candidate]:
        """Yield the rule without the admitting port, if it has others."""
        items, ports = self._rules[self._admission.rule].get("ports") or [], self._rule.ports or ()
        if self._admission.port is not None and len(items) > 1:
            changed = {**self._rules[self._admission.rule], "ports": replaced(items, self._admission.port)}
            text = f"{self._name} admits {describe_port(ports[self._admission.port])}: remove this port"
            yield from self._candidate(replaced(self._rules, self._admission.rule, changed), text, 3)

    def _with_peers(self, items: list[Item], text: str, distance: int) -> Iterator[Candidate]:
        lost = self._peers(self._rule_peers()) & ~self._peers(tuple(map(parse_peer, items)))
        changed = {**self._rules[self._admission.rule], self._field: items}
        rules = replaced(self._rules, self._admission.rule, changed)
        yield from self._candidate(rules, f"{self._name} {text}", distance, lost)

    def _candidate(self, rules: list[Item], sentence: str, distance: int, lost: int = 0) -> Iterator[Candidate]:
        """Yield the policy with these rules. Its types stay, also if they follow from the rules that it loses."""
        types = [direction.value for direction in Direction if direction in self._policy.directions]
        written = ((self._task.draft.data(self._policy.ref) or {}).get("spec") or {}).get("policyTypes")
        is_implied = self._task.direction is Direction.EGRESS and not (rules or written)
        fields = {self._task.way: rules, **({"policyTypes": types} if is_implied else {})}
        edit = self._task.draft.edit(self._policy.ref, **fields)
        if edit:
            others = max(0, self._task.draft.selection.workloads(lost) - 1)
            yield Candidate(sentence, edit, distance, others)

    @property
    def _items(self) -> list[Item]:
        return [dict(item) for item in self._rules[self._admission.rule].get(self._field) or ()]

    def _rule_peers(self) -> tuple[Peer, ...]:
        return self._rule.peers or ()

    def _peers(self, peers: tuple[Peer, ...]) -> int:
        selected = 0
        for peer in peers:
            selected |= self._task.draft.selection.peers(peer, self._policy.ref.namespace)
        return selected


def _are_halves(first: PodPeer, second: PodPeer) -> bool:
    return (first.namespaces is None) != (second.namespaces is None) and (first.pods is None) != (second.pods is None)


def _are_split(first: Rule, second: Rule) -> bool:
    return (first.peers is None) != (second.peers is None) and (first.ports is None) != (second.ports is None)
