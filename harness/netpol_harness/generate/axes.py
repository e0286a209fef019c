"""The axes of the catalogue. PURE.

One case is one policy with one rule: a choice on every axis. Where two policies meet on a pod, there is a meeting. The
axes are those of Cyclonus (direction, peer, port, protocol, target), and those along which implementations were seen to
go wrong: how a selector is spelled, whether ``policyTypes`` is stated, and by which way the target is asked.
"""

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from enum import StrEnum
from itertools import combinations, product

from netpol_harness.model.names import Direction


class AxisChoice(StrEnum):
    """What one selector of a peer chooses; ABSENT where the key is not there at all."""

    ABSENT = "absent"
    ALL = "all"
    SOME = "some"


class Peer(StrEnum):
    """Whom the rule admits. ``X_OF_Y`` has both selectors in one entry: pods X of namespaces Y."""

    EVERYBODY = "everybody"
    ALL_PODS = "all-pods"
    SOME_PODS = "some-pods"
    ALL_NAMESPACES = "all-namespaces"
    SOME_NAMESPACES = "some-namespaces"
    ALL_OF_ALL = "all-of-all"
    ALL_OF_SOME = "all-of-some"
    SOME_OF_ALL = "some-of-all"
    SOME_OF_SOME = "some-of-some"
    BLOCK = "block"
    BLOCK_EXCEPT = "block-except"


SELECTORS: dict[Peer, tuple[AxisChoice, AxisChoice]] = {
    Peer.ALL_PODS: (AxisChoice.ALL, AxisChoice.ABSENT),
    Peer.SOME_PODS: (AxisChoice.SOME, AxisChoice.ABSENT),
    Peer.ALL_NAMESPACES: (AxisChoice.ABSENT, AxisChoice.ALL),
    Peer.SOME_NAMESPACES: (AxisChoice.ABSENT, AxisChoice.SOME),
    Peer.ALL_OF_ALL: (AxisChoice.ALL, AxisChoice.ALL),
    Peer.ALL_OF_SOME: (AxisChoice.ALL, AxisChoice.SOME),
    Peer.SOME_OF_ALL: (AxisChoice.SOME, AxisChoice.ALL),
    Peer.SOME_OF_SOME: (AxisChoice.SOME, AxisChoice.SOME),
}
"""The podSelector and the namespaceSelector of each peer that has selectors."""


class PortKind(StrEnum):
    """Which ports the rule admits. TWO are a number, and a name that the pods give to a port of another protocol."""

    ANY = "any-port"
    NUMBER = "number"
    NAME = "port-name"
    RANGE = "range"
    TWO = "two-ports"


class RuleProtocol(StrEnum):
    """The ``protocol`` of the rule's ports; DEFAULT leaves it out, which means TCP."""

    DEFAULT = "default"
    TCP = "tcp"
    UDP = "udp"
    SCTP = "sctp"


class SubjectAxis(StrEnum):
    """How the policy selects its own pods."""

    ALL = "to-all"
    LABELS = "to-labels"
    EXPRESSION = "to-expression"


class Spelling(StrEnum):
    """How a selector that chooses some says so."""

    LABELS = "labels"
    IN = "in"
    NOT_IN = "not-in"
    EXISTS = "exists"
    DOES_NOT_EXIST = "does-not-exist"


class Types(StrEnum):
    """Whether ``policyTypes`` is there. Left out, a policy with egress rules isolates both directions."""

    STATED = "stated"
    DEFAULTED = "defaulted"


class Way(StrEnum):
    """How a target is asked, beside the pods' own addresses: through a Service, by its ClusterIP or its name."""

    ADDRESS = "by-address"
    CLUSTER_IP = "by-cluster-ip"
    NAME = "by-name"


@dataclass(frozen=True, slots=True)
class RuleCase:
    """One choice on every axis."""

    direction: Direction
    peer: Peer
    port: PortKind
    protocol: RuleProtocol
    subject: SubjectAxis
    spelling: Spelling
    types: Types
    way: Way

    @property
    def name(self) -> str:
        """All choices but the direction, as a step's name."""
        return ".".join(astuple(self)[1:])


class Stance(StrEnum):
    """What one of two policies that meet on the same pod says."""

    DENY_ALL = "deny-all"
    BY_POD = "by-pod"
    BY_BLOCK = "by-block"
    BY_PORT = "by-port"


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two policies on one pod, asked by address."""

    direction: Direction
    one: Stance
    other: Stance

    @property
    def name(self) -> str:
        """Both stances, as a step's name."""
        return f"{self.one}.{self.other}"

    @property
    def way(self) -> Way:
        """How the pod is asked."""
        return Way.ADDRESS


AXES = (Direction, Peer, PortKind, RuleProtocol, SubjectAxis, Spelling, Types, Way)


def every_case() -> Iterator[RuleCase]:
    """The full product, less the cases that differ from another one in nothing that is written into the policy."""
    return (case for chosen in product(*AXES) if _is_distinct(case := RuleCase(*chosen)))


def every_meeting() -> Iterator[Meeting]:
    """Every two stances, in each direction."""
    return (Meeting(direction, *two) for direction in Direction for two in combinations(Stance, 2))


def _is_distinct(case: RuleCase) -> bool:
    return case.spelling is Spelling.LABELS or AxisChoice.SOME in SELECTORS.get(case.peer, ())
