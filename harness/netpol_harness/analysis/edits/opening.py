"""Edits that may make one side of a connection allowed. Whether they do is for the oracle to say. Pure."""

from collections.abc import Iterator
from itertools import islice, product
from typing import Any

from netpol_harness.analysis.closeness import UNRELATED
from netpol_harness.analysis.describe import natural_list
from netpol_harness.analysis.edits.draft import Candidate
from netpol_harness.analysis.edits.labelling import labellings
from netpol_harness.analysis.edits.new_policy import new_policy
from netpol_harness.analysis.edits.object_edit import Data
from netpol_harness.analysis.edits.peer_repairs import PeerRepairs, new_peer
from netpol_harness.analysis.edits.port_repairs import port_items, port_repairs
from netpol_harness.analysis.edits.repair import replaced
from netpol_harness.analysis.edits.retarget import retargeted
from netpol_harness.analysis.edits.task import RefusedRule, Task
from netpol_harness.analysis.edits.tier_edits import tier_edits
from netpol_harness.model.cluster_policy import Action
from netpol_harness.model.names import Direction
from netpol_harness.model.policy import PEERS_FIELD, NetworkPolicy
from netpol_harness.oracle.verdict import Stage

_CLOSEST_RULES = 8
"""How many rules are tried, from the one that comes closest."""

_POLICIES = 2
"""How many policies are tried with one more rule, or with one type less."""

_REPAIRS = 3
"""How many changes of one list are tried."""


def openings(task: Task) -> Iterator[Candidate]:
    """Yield candidates, in no order. There are none if the subject is not a pod."""
    if task.subject is None or task.peer is None:
        return
    yield from tier_edits(task, Action.ACCEPT)
    if task.side.stages == {Stage.ADMIN}:
        return
    for refused in closest(task):
        yield from _repaired(task, refused)
        yield from labellings(task, refused)
    yield from _fewer_types(task)
    yield from retargeted(task)
    yield from _one_more_rule(task)
    yield from _one_more_policy(task)


def closest(task: Task) -> list[RefusedRule]:
    """Return the rules of the isolating policies that come closest to the connection, the closest first."""
    related = [refused for refused in task.refused_rules() if refused.distance < UNRELATED]
    return sorted(related, key=lambda refused: refused.distance)[:_CLOSEST_RULES]


def _repaired(task: Task, refused: RefusedRule) -> Iterator[Candidate]:
    """Yield a rule with its peers, its ports or both changed.

    A rule never gets both a new peer and new ports: it would admit its old peers on the new ports.
    """
    policy, index = refused.policy, refused.index
    rules = task.draft.rules(policy.ref, task.direction)
    if not rules or task.draft.is_new(policy.ref):
        return
    data = rules[index]
    peers = PeerRepairs(task, policy, refused.rule, data).all(refused.refusal, refused.uncertain_peers)
    ports = port_repairs(task, policy, refused.rule, data, refused.refusals)
    for peer, port in product(islice(peers, _REPAIRS), [*islice(ports, _REPAIRS)]):
        changed = _rule_data(data, {PEERS_FIELD[task.direction]: peer.items, "ports": port.items})
        edit = task.draft.edit(policy.ref, **{task.way: replaced(rules, index, changed)})
        text = "; it ".join(filter(None, (peer.text, port.text)))
        if edit and text and not (peer.is_addition and port.is_addition):
            sentence = f"{task.rule_name(policy, index)} {text}"
            is_mistake = peer.is_mistake or port.is_mistake
            yield Candidate(sentence, edit, refused.distance, peer.widening, is_mistake)


def _rule_data(data: Data, lists: dict[str, Any]) -> dict[str, Any]:
    """Return the rule with these lists; a list that is ``None`` is left out."""
    return {key: value for key, value in {**data, **lists}.items() if value is not None or key not in lists}


def _fewer_types(task: Task) -> Iterator[Candidate]:
    """Yield policies without a type for which they have no rules, while they have rules of the other direction."""
    other = Direction.EGRESS if task.direction is Direction.INGRESS else Direction.INGRESS
    one_way = [p for p in task.isolating if p.rules(other) and not p.rules(task.direction)]
    for policy in one_way[:_POLICIES]:
        edit = task.draft.edit(policy.ref, policyTypes=[other.value])
        if edit is None:
            continue
        is_written = bool(((edit.before or {}).get("spec") or {}).get("policyTypes"))
        name = task.draft.names.policy(policy.ref)
        if is_written:
            text = f"{name} has {task.direction} among its policyTypes and no {task.way} rules: write [{other}]"
        else:
            text = f"{name} has no policyTypes, and therefore isolates for {task.way} too: write policyTypes: [{other}]"
        yield Candidate(text, edit, UNRELATED + 1 if is_written else 1)


def _one_more_rule(task: Task) -> Iterator[Candidate]:
    """Yield policies with one more rule: those that select the fewest pods, apart from those that only isolate."""
    isolating = (p for p in task.isolating if p.subject.requirements or p.rules(task.direction))
    for policy in sorted(isolating, key=lambda p: task.draft.selection.subjects(p).bit_count())[:_POLICIES]:
        peer = new_peer(task, policy.ref.namespace)
        rules = task.draft.rules(policy.ref, task.direction)
        if peer is None:
            return
        edit = task.draft.edit(policy.ref, **{task.way: [*rules, _new_rule(task, peer)]})
        if edit:
            is_new = task.draft.is_new(policy.ref)
            remedy = f"add a rule to {policy.ref.name}" if is_new else "add a rule"
            sentence = _forgotten(task, None if is_new else policy, remedy)
            others = task.draft.subject_workloads(policy) - 1
            yield Candidate(sentence, edit, UNRELATED, others)


def _one_more_policy(task: Task) -> Iterator[Candidate]:
    assert task.subject is not None
    peer = new_peer(task, task.subject.ref.namespace)
    if peer is not None:
        edit = new_policy(task, [_new_rule(task, peer)])
        yield Candidate(_forgotten(task, None, "add a policy that does"), edit, UNRELATED + 1)


def _new_rule(task: Task, peer: Data) -> dict[str, Any]:
    ports = port_items(task.ports)
    return {PEERS_FIELD[task.direction]: [peer], **({"ports": ports} if ports else {})}


def _forgotten(task: Task, policy: NetworkPolicy | None, remedy: str) -> str:
    """Say that no rule of a policy, or of all that isolate, admits the connection."""
    if not policy and not task.side.isolating:
        return (
            f"no NetworkPolicy isolates {task.subject_name} for {task.way}, and so the Baseline tier decides: {remedy}"
        )
    policies = [policy] if policy else [each for each in task.isolating if not task.draft.is_new(each.ref)]
    names = natural_list([task.draft.names.policy(each.ref) for each in policies])
    ports = natural_list([*map(str, task.ports)])
    if task.is_lookup:
        return f"the {task.way} rules of {names} forget the name server {task.peer_name} on {ports}: {remedy}"
    isolate = "isolates" if len(policies) == 1 else "isolate"
    way = "egress to" if task.direction is Direction.EGRESS else "ingress from"
    return (
        f"{names} {isolate} {task.subject_name} for {task.way}, and no rule admits its {way} {task.peer_name} on"
        f" {ports}: {remedy}"
    )
