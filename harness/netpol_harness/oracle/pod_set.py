"""The three-valued algebra of ``match`` over sets of pods: a set is an integer with a bit for each pod.

Invariant: ``certain`` is a subset of ``possible``. Every operation is a few operations on integers, whatever the number
of pods, and equals that of ``match`` for every single pod; only the reasons are not kept. Pure.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from netpol_harness.oracle.match import Certainty, Match
from netpol_harness.oracle.points import Decision, OpenPoint, Profile


@dataclass(frozen=True, slots=True)
class PodSet:
    """The pods that match ``certain``-ly, and the ``possible`` ones, which match or may match."""

    certain: int = 0
    possible: int = 0

    @classmethod
    def exactly(cls, pods: int) -> "PodSet":
        """Return the set in which these pods match and the others do not."""
        return cls(pods, pods)

    @classmethod
    def uniform(cls, match: Match, pods: int) -> "PodSet":
        """Return the set in which ``match`` holds for each of these pods, and the others do not match."""
        certain = pods if match.certainty is Certainty.ALWAYS else 0
        return cls(certain, 0 if match.certainty is Certainty.NEVER else pods)

    def __or__(self, other: "PodSet") -> "PodSet":
        return PodSet(self.certain | other.certain, self.possible | other.possible)

    def __and__(self, other: "PodSet") -> "PodSet":
        return PodSet(self.certain & other.certain, self.possible & other.possible)

    def within(self, pods: int) -> "PodSet":
        """Return the part of the set that is among these pods."""
        return PodSet(self.certain & pods, self.possible & pods)


EMPTY = PodSet()


def by_profile(profile: Profile, point: OpenPoint, *, yes: PodSet = EMPTY, no: PodSet = EMPTY) -> PodSet:
    """Choose between two sets as the profile decides the point; without a decision, keep what both have in common."""
    match profile.decided.get(point):
        case Decision.YES:
            return yes
        case Decision.NO:
            return no
        case None:
            return PodSet(yes.certain & no.certain, yes.possible | no.possible)


def unless(exempt: PodSet, pods: PodSet, exempted: PodSet) -> PodSet:
    """Return ``exempted`` for the pods that are exempt, ``pods`` for those that are not, and what both have in common.

    The last is for the pods of which it is open.
    """
    certain = pods.certain & exempted.certain | pods.certain & ~exempt.possible | exempted.certain & exempt.certain
    return PodSet(certain, pods.possible & ~exempt.certain | exempted.possible & exempt.possible)


def union(sets: Iterable[PodSet]) -> PodSet:
    """Return the pods that match in one of the sets."""
    certain = possible = 0
    for pods in sets:
        certain |= pods.certain
        possible |= pods.possible
    return PodSet(certain, possible)


def members(pods: int) -> Iterator[int]:
    """Yield the numbers of the pods in a set of bits, in order."""
    while pods:
        lowest = pods & -pods
        yield lowest.bit_length() - 1
        pods ^= lowest
