"""What the oracle is asked and what it answers: ``Flow`` in, ``Verdict`` out, with the reasons as data.

A flow is a new connection as policies see it: after a Service's translation, before any change of its source. Looking a
name up is a flow of its own, to the name server's pods.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from netpol_harness.model.names import Direction, NamespacedName, Port
from netpol_harness.oracle.mismatch import PeerReason, PortReason
from netpol_harness.oracle.points import Point


class Answer(StrEnum):
    """The three answers. UNDEFINED is left to implementations; the verdict's points say why."""

    ALLOWED = "allowed"
    BLOCKED = "blocked"
    UNDEFINED = "undefined"


@dataclass(frozen=True, slots=True)
class Outside:
    """A host that is no pod: outside the cluster, or a node. ``address`` is empty where it is not known."""

    address: str = ""
    node: bool = False


End = NamespacedName | Outside


@dataclass(frozen=True, slots=True)
class Flow:
    """A new connection. ``port`` is the destination's own, after translation; for ICMP its number is 0.

    ``through`` is the Service by whose virtual address it came, if any; ``virtual`` is that address, empty where it is
    not known.
    """

    source: End
    destination: End
    port: Port
    through: NamespacedName | None = None
    virtual: str = ""


@dataclass(frozen=True, slots=True)
class Admission:
    """A rule that admits a flow, or may: ``points`` are the open questions it hangs on, empty where it does surely.

    ``rule``, ``peer`` and ``port`` count from 0 in the policy's own lists; ``None`` where the rule names no peers or no
    ports, and so means all.
    """

    policy: NamespacedName
    rule: int
    peer: int | None = None
    port: int | None = None
    points: frozenset[Point] = frozenset()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A rule that does not admit a flow, and why.

    ``rule`` counts from 0. ``peers`` has the reasons of each entry of the rule's peers, in their order, and ``ports``
    the reason of each entry of its ports. Each is empty where an entry of that list matches, or may, or where the list
    is absent; but ``ports`` has one reason where an absent list does not mean the flow's protocol. At least one of the
    two is not empty.
    """

    policy: NamespacedName
    rule: int
    peers: tuple[tuple[PeerReason, ...], ...] = ()
    ports: tuple[PortReason, ...] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """One direction of a flow: egress at its source, or ingress at its destination.

    ``isolating`` are the policies that select the subject in this direction; without any, the side is open and
    ``admissions`` is empty. ``points`` are the open questions that the answer hangs on, or that were decided for it.
    ``find_refusals`` computes ``refusals``; sides are compared without it.
    """

    direction: Direction
    answer: Answer
    isolating: tuple[NamespacedName, ...] = ()
    admissions: tuple[Admission, ...] = ()
    points: frozenset[Point] = frozenset()
    find_refusals: Callable[[], tuple[Refusal, ...]] = field(default=tuple, repr=False, compare=False)

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """Every rule of the isolating policies that is not in ``admissions``, in order.

        Computed on access: most verdicts are never explained.
        """
        return self.find_refusals()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Both sides of a flow. It is allowed where both are, blocked where one is, and else undefined."""

    flow: Flow
    egress: Side
    ingress: Side

    @property
    def answer(self) -> Answer:
        """The answer for the flow."""
        answers = {self.egress.answer, self.ingress.answer}
        if Answer.BLOCKED in answers:
            return Answer.BLOCKED
        return Answer.UNDEFINED if Answer.UNDEFINED in answers else Answer.ALLOWED

    @property
    def points(self) -> frozenset[Point]:
        """The open questions of the sides that are undefined."""
        return frozenset().union(
            *(side.points for side in (self.egress, self.ingress) if side.answer is Answer.UNDEFINED)
        )
