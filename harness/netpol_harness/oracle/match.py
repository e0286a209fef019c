"""The three-valued algebra of the oracle: something matches surely, never, or depending on open points.

Invariant: a match holds MAYBE exactly where ``hangs_on`` names the points that it depends on. Open points count as
independent of each other, so that an answer errs towards MAYBE, never towards a wrong certainty. Pure.
"""

from dataclasses import dataclass, replace
from enum import Enum

from netpol_harness.oracle.points import Decision, Point, Profile


class Holds(Enum):
    """Whether something matches."""

    SURELY = "surely"
    MAYBE = "maybe"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Match:
    """Whether something matches, and why: the points that it ``hangs_on``, and those that a profile ``decided``."""

    holds: Holds
    hangs_on: frozenset[Point] = frozenset()
    decided: frozenset[Point] = frozenset()


SURE = Match(Holds.SURELY)
NEVER = Match(Holds.NEVER)


def hanging(*points: Point) -> Match:
    """A match that depends on these points."""
    return Match(Holds.MAYBE, frozenset(points))


def surely(condition: bool) -> Match:  # noqa: FBT001 - the boundary where a plain comparison becomes a match
    """A match that depends on nothing."""
    return SURE if condition else NEVER


def both(one: Match, other: Match) -> Match:
    """Whether both match. What never matches is decided by the sides that do not."""
    refusing = [match for match in (one, other) if match.holds is Holds.NEVER]
    if refusing:
        return min(refusing, key=lambda match: len(match.decided))
    hangs_on = one.hangs_on | other.hangs_on
    return Match(Holds.MAYBE if hangs_on else Holds.SURELY, hangs_on, one.decided | other.decided)


def choice(profile: Profile, point: Point, *, yes: Match, no: Match) -> Match:
    """What matches by the decision of the profile; where it has none, what is the same either way."""
    if yes.holds is no.holds is not Holds.MAYBE:
        return yes
    match profile.decided.get(point):
        case Decision.YES:
            return replace(yes, decided=yes.decided | {point})
        case Decision.NO:
            return replace(no, decided=no.decided | {point})
        case None:
            return Match(Holds.MAYBE, yes.hangs_on | no.hangs_on | {point}, yes.decided | no.decided)


def admitted(profile: Profile, point: Point) -> Match:
    """A match that is nothing but the decision of the profile."""
    return choice(profile, point, yes=SURE, no=NEVER)


def supported(profile: Profile, point: Point) -> Match:
    """A match that the text promises and that only a profile takes away."""
    return Match(Holds.NEVER, decided=frozenset({point})) if profile.decided.get(point) is Decision.NO else SURE
