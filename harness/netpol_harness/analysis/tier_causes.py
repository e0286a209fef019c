"""What a surprising verdict owes to the tiers of ClusterNetworkPolicies. Pure.

Each sentence is proven: that a rule decides is what the oracle says, and what would decide without the NetworkPolicies
is what it says of the world without them.
"""

from collections.abc import Iterator

from netpol_harness.analysis.cause_context import CauseContext
from netpol_harness.analysis.describe import natural_list
from netpol_harness.model.cluster_policy import Action, Tier
from netpol_harness.model.names import Direction
from netpol_harness.oracle.verdict import Answer, Flow, Ruling, Side, Stage

_VERBS = {Answer.ALLOWED: "accepts", Answer.BLOCKED: "denies"}


def tier_causes(context: CauseContext) -> Iterator[str]:
    """Yield the sentences."""
    for answer in (Answer.ALLOWED, Answer.BLOCKED):
        for flow, side in context.sides(answer):
            yield from _admin_decides(context, side)
            yield from _passed(context, flow, side)
            yield from _baseline_is_not_asked(context, flow, side)


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
