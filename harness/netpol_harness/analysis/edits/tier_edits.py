"""Edits of the ClusterNetworkPolicy whose rule decides about one side of a connection. Pure.

Whether they help is for the oracle to say. Rules with ``domainNames`` keep their action: the API wants Accept there.
"""

from collections.abc import Iterator
from itertools import islice

from netpol_harness.analysis.closeness import UNRELATED
from netpol_harness.analysis.edits.cluster_peer_repairs import cluster_peer
from netpol_harness.analysis.edits.cluster_port_repairs import protocol_item
from netpol_harness.analysis.edits.draft import Candidate
from netpol_harness.analysis.edits.missed_rules import rules_after
from netpol_harness.analysis.edits.repair import replaced
from netpol_harness.analysis.edits.task import Task
from netpol_harness.analysis.edits.tier_repairs import tier_repairs
from netpol_harness.analysis.rule_cover import covering
from netpol_harness.model.cluster_policy import (
    Action,
    ClusterNetworkPolicy,
    ClusterPeer,
    DomainNames,
    Networks,
    PodSelection,
    Tier,
)
from netpol_harness.model.names import Direction
from netpol_harness.model.policy import PEERS_FIELD, PodPeer
from netpol_harness.oracle.verdict import Ruling

_MOST_RULES = 25
"""How many rules a policy has at most in one direction (the API's schema)."""

_MOST_RULES_MOVED = 2
_MOST_RULINGS = 2
_MOST_POLICIES = 2
"""How many rules that decide, and how many other policies are tried."""

_INSTEAD = {
    Action.ACCEPT: {Action.DENY: (Action.ACCEPT, Action.PASS), Action.PASS: (Action.ACCEPT,)},
    Action.DENY: {Action.ACCEPT: (Action.DENY, Action.PASS), Action.PASS: (Action.DENY,)},
}
"""What a rule with an action can do instead, if the connection is to be accepted, or denied."""

_VERBS = {Action.ACCEPT: "accepts", Action.DENY: "denies", Action.PASS: "passes on"}


def tier_edits(task: Task, wanted: Action) -> Iterator[Candidate]:
    """Yield edits of the policies whose rules do not do what is ``wanted``: ACCEPT or DENY."""
    yield from tier_repairs(task, wanted)
    for ruling in [each for each in task.side.rulings if each.action in _INSTEAD[wanted]][:_MOST_RULINGS]:
        policy = next(p for p in task.draft.predictor.world.cluster_policies if p.name == ruling.policy)
        yield from _other_action(task, policy, ruling, wanted)
        yield from _moved_before(task, ruling, wanted)
        yield from _rule_before(task, ruling, wanted)
        yield from _other_order(task, policy, ruling, wanted)


def _other_action(task: Task, policy: ClusterNetworkPolicy, ruling: Ruling, wanted: Action) -> Iterator[Candidate]:
    """Yield the rule with another action. It is farther from what is meant if the rule matches others too."""
    rule = policy.rules(task.direction)[ruling.rule]
    if any(isinstance(peer, DomainNames) for peer in rule.peers):
        return
    rules = task.draft.cluster_rules(policy.name, task.direction)
    selection = task.draft.selection
    pods = [selection.peers(PodPeer(p.namespaces, p.pods), "") for p in rule.peers if isinstance(p, PodSelection)]
    count = sum(map(selection.workloads, pods)) + sum(map(_ends, rule.peers))
    for number, action in enumerate(_INSTEAD[wanted][ruling.action] if rules else ()):
        changed = {**rules[ruling.rule], "action": action.value}
        edit = task.draft.cluster_edit(policy.name, **{task.way: replaced(rules, ruling.rule, changed)})
        if edit:
            text = f"{_decision(task, ruling)}: write action: {action}"
            yield Candidate(text, edit, _distance(ruling) + number + (count > 1), max(0, count - 1))


def _ends(peer: ClusterPeer) -> int:
    """Return how many ends a peer that is not of pods means: more than one counts as two."""
    match peer:
        case PodSelection():
            return 0
        case Networks((block,)) if block.prefixlen == block.max_prefixlen:
            return 1
        case _:
            return 2


def _rule_before(task: Task, ruling: Ruling, wanted: Action) -> Iterator[Candidate]:
    rules, peer = task.draft.cluster_rules(ruling.policy, task.direction), cluster_peer(task)
    if peer is None or not rules or len(rules) >= _MOST_RULES:
        return
    protocols = [protocol_item(port) for port in task.ports if port.number]
    ports = {"protocols": protocols} if protocols else {}
    rule = {"action": wanted.value, PEERS_FIELD[task.direction]: [peer], **ports}
    edit = task.draft.cluster_edit(ruling.policy, **{task.way: replaced(rules, ruling.rule, rule, rules[ruling.rule])})
    if edit:
        verb = "accepts" if wanted is Action.ACCEPT else "denies"
        text = f"{_decision(task, ruling)}: add a rule before it that {verb} {task.peer_name}"
        yield Candidate(text, edit, _distance(ruling))


def _moved_before(task: Task, ruling: Ruling, wanted: Action) -> Iterator[Candidate]:
    """Yield later rules of the policy that do what is wanted, moved before the one that decides.

    A rule that covers the one that decides stays where it is: that one would never be reached.
    """
    rules = task.draft.cluster_rules(ruling.policy, task.direction)
    for policy, index in islice(rules_after(task, ruling, wanted) if rules else (), _MOST_RULES_MOVED):
        rest = replaced(rules, index)
        order = [*rest[: ruling.rule], rules[index], *rest[ruling.rule :]]
        edit, own = task.draft.cluster_edit(ruling.policy, **{task.way: order}), policy.rules(task.direction)
        if edit and not covering(own[index : index + 1], own[ruling.rule]):
            is_unreached = bool(covering(own[:index], own[index]))
            name = task.draft.names.rule_of_tier(policy, task.direction, index)
            text = f"{_decision(task, ruling)} before {name} is asked: move that one before it"
            yield Candidate(text, edit, _distance(ruling) - 1, is_mistake=is_unreached)


def _other_order(task: Task, policy: ClusterNetworkPolicy, ruling: Ruling, wanted: Action) -> Iterator[Candidate]:
    """Yield policies of the same tier with a rule that does what is wanted, moved before the one that decides."""
    if not policy.priority:
        return
    world, action = task.draft.predictor.world, wanted
    later = [
        other
        for other in sorted(world.cluster_policies, key=lambda other: (other.priority, other.name))
        if other.tier is policy.tier and other.priority >= policy.priority and other.name != policy.name
        if any(rule.action is action for rule in other.rules(task.direction))
    ]
    for other in later[:_MOST_POLICIES]:
        edit = task.draft.cluster_edit(other.name, priority=policy.priority - 1)
        if edit:
            text = (
                f"{_decision(task, ruling)} before {other.name} is asked: write priority: {policy.priority - 1} there"
            )
            yield Candidate(text, edit, _distance(ruling), widening=1)


def _decision(task: Task, ruling: Ruling) -> str:
    rule, verb = task.draft.names.cluster_rule(ruling, task.direction), _VERBS[ruling.action]
    if ruling.fails_closed:
        return f"{rule} has a part that is not known, and so denies everything"
    return f"{rule} {verb} {task.way} {'to' if task.direction is Direction.EGRESS else 'from'} {task.peer_name}"


def _distance(ruling: Ruling) -> int:
    """What the Baseline says, a NetworkPolicy can change: that is the nearer edit."""
    return 2 if ruling.tier is Tier.ADMIN else UNRELATED + 2
