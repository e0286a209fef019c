"""All pairs of pods at once: the oracle's answers as rows of bits.

Invariant: no loop goes over pairs of pods, nor over pairs of pods and policies that do not select them. Subjects that
the same policies isolate share one row, whatever their number. Ingress is judged by destination and then transposed.
Pure.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from netpol_harness.model.names import Direction, NamespacedName, Port
from netpol_harness.model.objects import World
from netpol_harness.oracle.bit_matrix import pack, transpose, unpack, width_for
from netpol_harness.oracle.cluster_peers import ClusterPeerMatcher
from netpol_harness.oracle.direction_table import DirectionTable
from netpol_harness.oracle.endpoints import EndpointIndex
from netpol_harness.oracle.pod_index import PodIndex
from netpol_harness.oracle.pod_set import PodSet, members
from netpol_harness.oracle.points import Profile
from netpol_harness.oracle.verdict import Answer


@dataclass(frozen=True, slots=True)
class PortTable:
    """The answers for one port: for each source, a bit for every destination."""

    allowed: Sequence[int]
    possible: Sequence[int]


class AllPairs:
    """The answers for every pair of ``pods`` (in order of name) on each of ``ports``, a pod with itself included.

    Its methods raise ``KeyError`` for a pod or a port that is not in it.
    """

    def __init__(self, numbers: Mapping[NamespacedName, int], tables: Mapping[Port, PortTable]) -> None:
        self.pods = tuple(numbers)
        self.ports = tuple(tables)
        self._numbers = numbers
        self._tables = tables

    def answer(self, source: NamespacedName, destination: NamespacedName, port: Port) -> Answer:
        """Return the answer of one cell."""
        table, row, column = self._tables[port], self._numbers[source], self._numbers[destination]
        if table.allowed[row] >> column & 1:
            return Answer.ALLOWED
        return Answer.UNDEFINED if table.possible[row] >> column & 1 else Answer.BLOCKED

    def row(self, source: NamespacedName, port: Port, answer: Answer) -> int:
        """Return the destinations with this answer: bit ``n`` stands for ``pods[n]``."""
        table, number = self._tables[port], self._numbers[source]
        match answer:
            case Answer.ALLOWED:
                return table.allowed[number]
            case Answer.UNDEFINED:
                return table.possible[number] & ~table.allowed[number]
            case Answer.BLOCKED:
                return ((1 << len(self.pods)) - 1) & ~table.possible[number]

    def columns(self, sources: Sequence[NamespacedName], port: Port, answer: Answer) -> Mapping[NamespacedName, int]:
        """Return for every destination which of these sources have this answer: bit ``n`` is for ``sources[n]``."""
        width = width_for(max(len(sources), len(self.pods)))
        rows = pack([self.row(source, port, answer) for source in sources], width)
        return dict(zip(self.pods, unpack(transpose(rows, width), width), strict=False))

    def destinations(self, source: NamespacedName, port: Port, answer: Answer) -> Iterator[NamespacedName]:
        """Return the destinations with this answer, in order."""
        return (self.pods[number] for number in members(self.row(source, port, answer)))

    def counts(self, port: Port) -> Mapping[Answer, int]:
        """Count the cells of a port by answer."""
        return {answer: sum(self.row(pod, port, answer).bit_count() for pod in self.pods) for answer in Answer}


def all_pairs(
    world: World, endpoints: EndpointIndex, profile: Profile, ports: Sequence[Port], version: int = 0
) -> AllPairs:
    """Judge every pair of pods on these ports, over one IP version (0: it is not known).

    Raises ``ValueError`` if an address of a pod is not valid.
    """
    pods = PodIndex(endpoints, version)
    matcher = ClusterPeerMatcher(world, endpoints, profile)
    egress = DirectionTable(world, pods, profile, Direction.EGRESS, matcher)
    ingress = DirectionTable(world, pods, profile, Direction.INGRESS, matcher)
    width = width_for(len(pods.pods))
    tables = {port: _port_table(egress.peers(port), ingress.peers(port), width) for port in ports}
    return AllPairs(pods.numbers(), tables)


def _port_table(destinations: Sequence[PodSet], sources: Sequence[PodSet], width: int) -> PortTable:
    """Combine both directions, which must both allow a flow.

    ``destinations`` are those that the egress of each pod allows, ``sources`` those that its ingress allows.
    """

    def rows(bits: Callable[[PodSet], int]) -> list[int]:
        ingress = transpose(pack([bits(pods) for pods in sources], width), width)
        return unpack(pack([bits(pods) for pods in destinations], width) & ingress, width)

    return PortTable(rows(lambda pods: pods.certain), rows(lambda pods: pods.possible))
