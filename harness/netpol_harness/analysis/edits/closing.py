"""Edits that may make one side of a connection blocked, or take away one rule that admits it. Pure."""

from collections.abc import Iterator

from netpol_harness.analysis.closeness import UNRELATED
from netpol_harness.analysis.edits.draft import Candidate
from netpol_harness.analysis.edits.narrowing import Narrowings
from netpol_harness.analysis.edits.new_policy import new_policy
from netpol_harness.analysis.edits.retarget import retargeted
from netpol_harness.analysis.edits.task import Task
from netpol_harness.analysis.edits.tier_edits import tier_edits
from netpol_harness.model.cluster_policy import Action
from netpol_harness.model.names import Direction
from netpol_harness.oracle.sides import selects
from netpol_harness.oracle.verdict import Stage


def closings(task: Task) -> Iterator[Candidate]:
    """Yield candidates, in no order. There are none if the subject is not a pod."""
    if task.subject is None or task.peer is None:
        return
    yield from tier_edits(task, Action.DENY)
    if task.side.stages == {Stage.ADMIN}:
        return
    if task.side.isolating:
        for admission in task.side.admissions:
            yield from Narrowings(task, admission).all()
        return
    yield from _more_types(task)
    yield from retargeted(task)
    text = f"no policy isolates {task.subject_name} for {task.way}: add one that does"
    yield Candidate(text, new_policy(task, []), UNRELATED + 1)


def _more_types(task: Task) -> Iterator[Candidate]:
    """Yield policies that select the subject, with the type that they lack."""
    for policy in task.draft.policies.values():
        if task.subject is None or not selects(policy, task.subject):
            continue
        edit = task.draft.edit(policy.ref, policyTypes=[direction.value for direction in Direction])
        if edit:
            name, direction = task.draft.names.policy(policy.ref), task.direction
            if policy.rules(direction):
                text = f"{name} has {task.way} rules without effect, since its policyTypes lack {direction}: add it"
            else:
                text = f"{name} does not isolate for {task.way}, since its policyTypes lack {direction}: add it"
            others = task.draft.subject_workloads(policy) - 1
            has_rules = bool(policy.rules(direction))
            yield Candidate(text, edit, 0 if has_rules else UNRELATED, others, is_mistake=has_rules)
