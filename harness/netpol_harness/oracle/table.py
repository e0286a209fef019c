"""All pairs of pods at once: the oracle's answers as rows of bits.

Invariant: no loop goes over pairs of pods, nor over pairs of pods and policies that do not select them. Subjects that
the same policies isolate share one row, whatever their number; ingress is judged by destination and then transposed.
Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from netpol_harness.model.names import Direction, NamespacedName, Port
from netpol_harness.model.objects import World
from netpol_harness.oracle.bit_matrix import matrix, rows, side_for, transposed
from netpol_harness.oracle.endpoints import EndpointIndex
from netpol_harness.oracle.extent import numbers
from netpol_harness.oracle.points import Profile
from netpol_harness.oracle.population import Population
from netpol_harness.oracle.subjects import Subjects
from netpol_harness.oracle.verdict import Answer


@dataclass(frozen=True, slots=True)
class Plane:
    """The answers for one port: for each source, a bit for every destination."""

    allowed: Sequence[int]
    possible: Sequence[int]


class AllPairs:
    """Answers for every pair of ``pods`` (in order of name) on every one of ``ports``, a pod with itself included.

    Raises ``KeyError`` where it is asked for a pod or a port that it does not know.
    """

    def __init__(self, numbered: Mapping[NamespacedName, int], planes: Mapping[Port, Plane]) -> None:
        self.pods = tuple(numbered)
        self.ports = tuple(planes)
        self._numbered = numbered
        self._planes = planes

    def answer(self, source: NamespacedName, destination: NamespacedName, port: Port) -> Answer:
        """The answer of one cell."""
        plane, row, column = self._planes[port], self._numbered[source], self._numbered[destination]
        if plane.allowed[row] >> column & 1:
            return Answer.ALLOWED
        return Answer.UNDEFINED if plane.possible[row] >> column & 1 else Answer.BLOCKED

    def row(self, source: NamespacedName, port: Port, answer: Answer) -> int:
        """The destinations with this answer: bit ``n`` stands for ``pods[n]``."""
        plane, number = self._planes[port], self._numbered[source]
        match answer:
            case Answer.ALLOWED:
                return plane.allowed[number]
            case Answer.UNDEFINED:
                return plane.possible[number] & ~plane.allowed[number]
            case Answer.BLOCKED:
                return ((1 << len(self.pods)) - 1) & ~plane.possible[number]

    def destinations(self, source: NamespacedName, port: Port, answer: Answer) -> Iterator[NamespacedName]:
        """The destinations with this answer, in order."""
        return (self.pods[number] for number in numbers(self.row(source, port, answer)))

    def counts(self, port: Port) -> Mapping[Answer, int]:
        """How many cells of a port have each answer."""
        return {answer: sum(self.row(pod, port, answer).bit_count() for pod in self.pods) for answer in Answer}


def all_pairs(world: World, places: EndpointIndex, profile: Profile, ports: Sequence[Port]) -> AllPairs:
    """Judge every pair on these ports. Raises ``ValueError`` where an address of a pod is none."""
    population = Population(places)
    sides = {direction: Subjects(world, population, profile, direction) for direction in Direction}
    planes = {port: _plane(sides, port, side_for(len(population.pods))) for port in ports}
    return AllPairs(population.numbered(), planes)


def _plane(sides: Mapping[Direction, Subjects], port: Port, side: int) -> Plane:
    """Both directions must let a flow pass: destinations by source, and sources by destination transposed."""
    egress, ingress = sides[Direction.EGRESS].peers(port), sides[Direction.INGRESS].peers(port)
    allowed = matrix([e.sure for e in egress], side) & transposed(matrix([e.sure for e in ingress], side), side)
    possible = matrix([e.possible for e in egress], side) & transposed(
        matrix([e.possible for e in ingress], side), side
    )
    return Plane(rows(allowed, side), rows(possible, side))
