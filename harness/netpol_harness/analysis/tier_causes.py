"""What a surprising verdict owes to the tiers of ClusterNetworkPolicies. Pure.

Each sentence is proven: that a rule decides is what the oracle says, and what would decide without the NetworkPolicies
is what it says of the world without them.
"""

from collections.abc import Iterator

from netpol_harness.analysis.cause_context import CauseContext
from netpol_harness.analysis.describe import natural_list
from netpol_harness.analysis.edits.draft import Draft
from netpol_harness.analysis.edits.missed_rules import MissedRule, missed_rules
from netpol_harness.analysis.edits.task import Task
from netpol_harness.model.cluster_policy import Action, PodSelection, Tier
from netpol_harness.model.names import Direction
from netpol_harness.oracle.mismatch import DecidedAgainst, NotANode, OnNodeNetwork, OtherName
from netpol_harness.oracle.points import OpenPoint
from netpol_harness.oracle.verdict import Answer, Flow, Ruling, Side, Stage
from netpol_harness.paths.outcome import Expected

_VERBS = {Answer.ALLOWED: "accepts", Answer.BLOCKED: "denies"}


def tier_causes(context: CauseContext) -> Iterator[str]:
    """Yield the sentences."""
    yield from _order_is_open(context)
    yield from _does_not_match(context)
    for flow, side in _decisive(context):
        yield from _admin_decides(context, side)
        yield from _passed(context, flow, side)
        yield from _baseline_is_not_asked(context, flow, side)


def _decisive(context: CauseContext) -> Iterator[tuple[Flow, Side]]:
    """Yield the sides that have decided the verdict: those of the look-up if the name does not resolve."""
    verdict = context.prediction.verdict
    flows = context.prediction.lookups if verdict is Expected.UNRESOLVED else context.prediction.connections
    answers = {Expected.ALLOWED: (Answer.ALLOWED,), Expected.UNDEFINED: (Answer.ALLOWED, Answer.BLOCKED)}
    for each in flows:
        sides = ((each.flow, side) for side in (each.egress, each.ingress))
        yield from (pair for pair in sides if pair[1].answer in answers.get(verdict, (Answer.BLOCKED,)))


def _admin_decides(context: CauseContext, side: Side) -> Iterator[str]:
    """Name the rule of the Admin tier that precedes the namespace's own policies."""
    ruling = next((ruling for ruling in side.rulings if not ruling.points and ruling.action is not Action.PASS), None)
    if side.stages == {Stage.ADMIN} and ruling is not None:
        rule, verb = context.names.cluster_rule(ruling, side.direction), _VERBS[side.answer]
        own = natural_list([context.names.policy(ref) for ref in side.bypassed])
        before = (
            f"your NetworkPolicy: {own} cannot change that" if own else "any NetworkPolicy: adding one changes nothing"
        )
        yield f"an Admin rule decides before {before}; {rule} {verb} this {side.direction.lower()}"


def _passed(context: CauseContext, flow: Flow, side: Side) -> Iterator[str]:
    """Name the Pass rule that leads to what decides."""
    ruling = _certain_pass(side, Tier.ADMIN)
    if ruling is None or Stage.ADMIN in side.stages:
        return
    subject = context.names.end(flow.source if side.direction is Direction.EGRESS else flow.destination)
    rule = context.names.cluster_rule(ruling, side.direction)
    if side.isolating:
        own = natural_list([context.names.policy(ref) for ref in side.isolating])
        yield f"Pass leads to the namespace's own policies: {rule} skips the rest of its tier, and {own} decides"
    else:
        yield (
            f"Pass leads to the namespace's own policies: {rule} skips the rest of its tier, and no NetworkPolicy"
            f" isolates {subject} for {side.direction.lower()}, so the Baseline tier and then the default decide"
        )


def _certain_pass(side: Side, tier: Tier) -> Ruling | None:
    certain = (ruling for ruling in side.rulings if ruling.tier is tier and not ruling.points)
    return next((ruling for ruling in certain if ruling.action is Action.PASS), None)


def _baseline_is_not_asked(context: CauseContext, flow: Flow, side: Side) -> Iterator[str]:
    """Name the rule of the Baseline tier that would decide otherwise if no NetworkPolicy isolated the subject."""
    world = context.predictor.world
    if side.stages != {Stage.NETWORK_POLICY} or not world.cluster_policies:
        return
    others = tuple(policy for policy in world.policies if policy.ref not in side.isolating)
    without = context.predictor.with_policies(others).judge(flow).side(side.direction)
    rulings = [ruling for ruling in without.rulings if ruling.tier is Tier.BASELINE]
    if without.stages == {Stage.BASELINE} and without.answer is not side.answer and rulings:
        own = natural_list([context.names.policy(ref) for ref in side.isolating])
        rule = context.names.cluster_rule(rulings[-1], side.direction)
        word = "Accept" if side.answer is Answer.ALLOWED else "denial"
        yield f"your NetworkPolicy's {word} never meets the Baseline: {own} is final, and {rule} is not asked"


def _order_is_open(context: CauseContext) -> Iterator[str]:
    """Name the policies of one tier and priority whose order the verdict depends on."""
    for _, side in context.sides(Answer.UNDEFINED):
        tied = [ruling for ruling in side.rulings if OpenPoint.ADMIN_TIERS in ruling.points]
        if OpenPoint.ADMIN_TIERS in side.points and tied:
            policies = natural_list([context.names.cluster_policy(ruling.policy) for ruling in tied])
            rank = f"the {tied[0].tier} tier and priority {tied[0].priority}"
            yield f"{policies} have {rank}, and the API leaves open which goes first: give one another priority"


def _does_not_match(context: CauseContext) -> Iterator[str]:
    """Name the rule that would do what is wanted and comes closest, if it fails for a reason that no edit removes."""
    if not context.predictor.world.cluster_policies:
        return
    draft = Draft(context.predictor, context.prediction.path, context.names)
    wanted = Action.DENY if context.prediction.verdict is Expected.ALLOWED else Action.ACCEPT
    excluded = (Answer.ALLOWED, Answer.UNDEFINED) if wanted is Action.DENY else (Answer.BLOCKED, Answer.UNDEFINED)
    for answer in excluded:
        for flow, side in context.sides(answer):
            task = Task(draft, side.direction, (flow,), (side,))
            yield from [text for missed in missed_rules(task, wanted) for text in _lasting_reasons(missed)][:1]
            yield from _unselected_subjects(task, wanted)


def _lasting_reasons(missed: MissedRule) -> Iterator[str]:
    """Yield the reasons of a rule's peers that depend on what the other end is."""
    reasons = [reason for each in missed.refusal.peers for reason in each if isinstance(reason, _LASTING)]
    if reasons and not missed.refusal.subject and not missed.refusal.ports:
        yield f"{missed.name} does not match this: {missed.task.reason(reasons[0])}"


def _unselected_subjects(task: Task, wanted: Action) -> Iterator[str]:
    """Name the policies that mean the subject, which is on the network of its node."""
    for policy in task.draft.predictor.world.cluster_policies:
        means = task.subject is not None and task.subject.host_network and _means(task, policy.subject)
        if means and any(rule.action is wanted for rule in policy.rules(task.direction)):
            name = task.draft.names.cluster_policy(policy.name)
            yield f"{name} has no effect on {task.subject_name}: {task.subject_reason(OnNodeNetwork())}"


def _means(task: Task, subject: PodSelection) -> bool:
    """Whether the selectors match the subject, wherever it runs."""
    pod = task.subject
    labels = task.draft.selection.namespace_labels(pod.ref.namespace) if pod else {}
    return pod is not None and subject.selects(labels, pod.labels)


_LASTING = (OnNodeNetwork, NotANode, OtherName, DecidedAgainst)
