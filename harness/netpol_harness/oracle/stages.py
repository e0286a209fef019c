"""Combines what the stages of one direction may answer into one side. Pure.

Every stage that may be reached contributes a side. The answer is certain if all of them have the same one.
"""

from collections.abc import Sequence
from dataclasses import replace

from netpol_harness.model.cluster_policy import Action, Tier
from netpol_harness.oracle.match import Certainty, Match
from netpol_harness.oracle.points import OpenPoint
from netpol_harness.oracle.tiers import TierResult
from netpol_harness.oracle.verdict import Answer, Side, Stage

_FINAL = {Action.ACCEPT: Answer.ALLOWED, Action.DENY: Answer.BLOCKED}


def with_tier(tier: Tier, result: TierResult, following: Side) -> Side:
    """Return the side of a tier and what follows it. ``following`` is the side as the later stages judge it."""
    stage = frozenset({Stage.of(tier)})
    answers = [answer for action, answer in _FINAL.items() if action in result.actions]
    sides = [Side(following.direction, answer, stages=stage) for answer in answers]
    if result.goes_on:
        side = _alternatives([*sides, following], result.depends_on)
    else:
        side = replace(_alternatives(sides, result.depends_on), bypassed=following.isolating)
    later = following.rulings if result.goes_on else ()
    return replace(side, rulings=(*result.rulings, *later))


def unless(exempt: Match, side: Side, exempted: Side) -> Side:
    """Return ``exempted`` if the match is certain, ``side`` if it is impossible, else both as alternatives."""
    match exempt.certainty:
        case Certainty.ALWAYS:
            return replace(exempted, points=exempted.points | exempt.decided)
        case Certainty.NEVER:
            return replace(side, points=side.points | exempt.decided)
        case Certainty.MAYBE:
            both = _alternatives([exempted, side], exempt.depends_on)
            isolating, admissions = side.isolating or exempted.isolating, side.admissions or exempted.admissions
            bypassed = () if isolating else side.bypassed
            return replace(both, isolating=isolating, admissions=admissions, bypassed=bypassed)


def _alternatives(sides: Sequence[Side], depends_on: frozenset[OpenPoint]) -> Side:
    """Return a side that is one of these, which one depends on these points. The last one has the reasons."""
    answers = {side.answer for side in sides}
    stages = frozenset[Stage]().union(*(side.stages for side in sides))
    if len(answers) == 1 and Answer.UNDEFINED not in answers:
        decided = frozenset[OpenPoint]().union(*(side.points for side in sides))
        return replace(sides[-1], stages=stages, points=decided)
    undefined = (side.points for side in sides if side.answer is Answer.UNDEFINED)
    points = (depends_on if len(sides) > 1 else frozenset[OpenPoint]()).union(*undefined)
    return replace(sides[-1], answer=Answer.UNDEFINED, stages=stages, points=points)
