"""The three-valued algebra of the oracle: something matches always, never, or depending on open points.

Invariant: a match is MAYBE exactly if ``depends_on`` is not empty. Open points count as independent of each other, so
that the result errs towards MAYBE, never towards a wrong certainty. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from netpol_harness.oracle.points import Decision, OpenPoint, Profile


class Certainty(Enum):
    """Whether something matches."""

    ALWAYS = "always"
    MAYBE = "maybe"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Match:
    """Whether something matches, with the points that it ``depends_on`` and those that a profile ``decided``."""

    certainty: Certainty
    depends_on: frozenset[OpenPoint] = frozenset()
    decided: frozenset[OpenPoint] = frozenset()


ALWAYS = Match(Certainty.ALWAYS)
NEVER = Match(Certainty.NEVER)


def undecided(*points: OpenPoint) -> Match:
    """Return a match that depends on these points."""
    return Match(Certainty.MAYBE, frozenset(points))


def definite(condition: bool) -> Match:  # noqa: FBT001 - the boundary where a plain comparison becomes a match
    """Return a match that depends on nothing."""
    return ALWAYS if condition else NEVER


def both(first: Match, second: Match) -> Match:
    """Whether both match. If they do not, the decisive points are those of the one that does not match."""
    refusing = [match for match in (first, second) if match.certainty is Certainty.NEVER]
    if refusing:
        return min(refusing, key=lambda match: len(match.decided))
    depends_on = first.depends_on | second.depends_on
    certainty = Certainty.MAYBE if depends_on else Certainty.ALWAYS
    return Match(certainty, depends_on, first.decided | second.decided)


def by_profile(profile: Profile, point: OpenPoint, *, yes: Match = ALWAYS, no: Match = NEVER) -> Match:
    """Choose between two matches as the profile decides the point.

    Without a decision, the result is certain only if both matches agree.
    """
    if yes.certainty is no.certainty is not Certainty.MAYBE:
        return yes
    match profile.decided.get(point):
        case Decision.YES:
            return replace(yes, decided=yes.decided | {point})
        case Decision.NO:
            return replace(no, decided=no.decided | {point})
        case None:
            return Match(Certainty.MAYBE, yes.depends_on | no.depends_on | {point}, yes.decided | no.decided)


def supported(profile: Profile, point: OpenPoint) -> Match:
    """Return a match that the API promises and that only a profile's NO takes away."""
    return Match(Certainty.NEVER, decided=frozenset({point})) if profile.decided.get(point) is Decision.NO else ALWAYS


def any_of(matches: Iterable[Match]) -> Match:
    """Whether one of them matches; if not, with all points that were decided against them."""
    depends_on, decided = frozenset[OpenPoint](), frozenset[OpenPoint]()
    for match in matches:
        if match.certainty is Certainty.ALWAYS:
            return match
        depends_on, decided = depends_on | match.depends_on, decided | match.decided
    return Match(Certainty.MAYBE if depends_on else Certainty.NEVER, depends_on, decided)
