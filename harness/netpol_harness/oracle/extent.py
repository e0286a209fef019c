"""The three-valued algebra of ``match`` over sets of pods: a set is an integer with a bit for each pod.

Invariant: ``sure`` is a part of ``possible``. Every operation is a few operations on integers, whatever the number of
pods, and equals the one of ``match`` for every single pod; only the reasons are not kept. Pure.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from netpol_harness.oracle.match import Holds, Match
from netpol_harness.oracle.points import Decision, Point, Profile


@dataclass(frozen=True, slots=True)
class Extent:
    """The pods that match surely, and those that match surely or maybe."""

    sure: int = 0
    possible: int = 0

    @classmethod
    def exactly(cls, pods: int) -> "Extent":
        """These pods match, the others do not."""
        return cls(pods, pods)

    @classmethod
    def uniform(cls, match: Match, pods: int) -> "Extent":
        """Each of these pods matches alike, the others do not."""
        return cls(pods if match.holds is Holds.SURELY else 0, 0 if match.holds is Holds.NEVER else pods)

    def __or__(self, other: "Extent") -> "Extent":
        return Extent(self.sure | other.sure, self.possible | other.possible)

    def __and__(self, other: "Extent") -> "Extent":
        return Extent(self.sure & other.sure, self.possible & other.possible)

    def within(self, pods: int) -> "Extent":
        """The part among these pods."""
        return Extent(self.sure & pods, self.possible & pods)


NOBODY = Extent()


def choice(profile: Profile, point: Point, *, yes: Extent, no: Extent) -> Extent:
    """What matches by the decision of the profile; where it has none, what is the same either way."""
    match profile.decided.get(point):
        case Decision.YES:
            return yes
        case Decision.NO:
            return no
        case None:
            return Extent(yes.sure & no.sure, yes.possible | no.possible)


def union(extents: Iterable[Extent]) -> Extent:
    """Whatever one of them matches."""
    sure = possible = 0
    for extent in extents:
        sure |= extent.sure
        possible |= extent.possible
    return Extent(sure, possible)


def numbers(pods: int) -> Iterator[int]:
    """The pods of a set by number, in order."""
    while pods:
        lowest = pods & -pods
        yield lowest.bit_length() - 1
        pods ^= lowest
