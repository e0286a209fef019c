"""Input and output of the oracle: a ``Flow`` and its ``Verdict``, with the reasons as data.

A flow is a new connection as policies see it: after a Service's translation, before any change of its source. The
look-up of a name is a flow of its own, to the pods of the name server.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from netpol_harness.model.cluster_policy import Action, Tier
from netpol_harness.model.names import Direction, NamespacedName, Port
from netpol_harness.oracle.mismatch import PeerReason, PortReason
from netpol_harness.oracle.points import OpenPoint


class Stage(StrEnum):
    """A stage of the evaluation of one direction, in order. DEFAULT is the answer if no policy has decided."""

    ADMIN = "Admin tier"
    NETWORK_POLICY = "NetworkPolicy"
    BASELINE = "Baseline tier"
    DEFAULT = "default"

    @classmethod
    def of(cls, tier: Tier) -> "Stage":
        """Return the stage of a tier."""
        return cls.ADMIN if tier is Tier.ADMIN else cls.BASELINE


class Answer(StrEnum):
    """The three answers. UNDEFINED is left to implementations, by the points of the verdict."""

    ALLOWED = "allowed"
    BLOCKED = "blocked"
    UNDEFINED = "undefined"


@dataclass(frozen=True, slots=True)
class Host:
    """A host that is not a pod: outside the cluster, or a node. ``address`` is empty if it is not known.

    ``runs`` is a pod that certainly runs on the node, ``None`` if none is known.
    """

    address: str = ""
    node: bool = False
    runs: NamespacedName | None = None


FlowEnd = NamespacedName | Host


@dataclass(frozen=True, slots=True)
class Flow:
    """A new connection. ``port`` is the destination's own, after translation; for ICMP its number is 0.

    ``through`` is the Service whose virtual address the client used, if any; ``virtual`` is that address, empty if it
    is not known. ``forwarded``: the client connected to a node, or to an address of a load balancer, and the node that
    forwards the connection may replace the source by itself. ``name`` is the domain name that the client has just
    looked up, in lower case and without the final dot, empty if it looked up none. ``version`` is the IP version of
    the addresses that the flow uses, 0 if it is not known.
    """

    source: FlowEnd
    destination: FlowEnd
    port: Port
    through: NamespacedName | None = None
    virtual: str = ""
    forwarded: bool = False
    name: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class Ruling:
    """A rule of a ClusterNetworkPolicy that matches a flow, or may: ``points`` are the open points it depends on.

    ``rule`` is an index from 0, ``name`` the rule's name, empty if it has none. ``peer`` and ``port`` are the indexes
    of the first entries that match; ``port`` is ``None`` for a rule without protocols, both are ``None`` for a rule
    that ``fails_closed``. ``action`` is what the rule does, which is DENY for any rule that fails closed.
    """

    policy: str
    tier: Tier
    priority: int
    rule: int
    action: Action
    name: str = ""
    peer: int | None = None
    port: int | None = None
    points: frozenset[OpenPoint] = frozenset()
    fails_closed: bool = False


@dataclass(frozen=True, slots=True)
class Admission:
    """A rule that admits a flow, or may: ``points`` are the open points it depends on, empty if it certainly admits.

    ``rule``, ``peer`` and ``port`` are indexes from 0 in the policy's lists. ``peer`` or ``port`` is ``None`` if the
    rule does not have that list, which means all.
    """

    policy: NamespacedName
    rule: int
    peer: int | None = None
    port: int | None = None
    points: frozenset[OpenPoint] = frozenset()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A rule that does not admit a flow, and why.

    ``rule`` is an index from 0. ``peers`` has the reasons of each entry of the rule's peers, in order, and ``ports``
    the reason of each entry of its ports. Either is empty if an entry of that list matches, or may, or if the list is
    absent; but ``ports`` has one reason if an absent list does not include the flow's protocol. At least one of the two
    is not empty.
    """

    policy: NamespacedName
    rule: int
    peers: tuple[tuple[PeerReason, ...], ...] = ()
    ports: tuple[PortReason, ...] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """One direction of a flow: egress at its source, or ingress at its destination.

    ``isolating`` are the NetworkPolicies that select the subject in this direction, ``admissions`` the rules of these;
    both are empty if a rule of the Admin tier certainly decides, and ``bypassed`` has these policies instead.
    ``rulings`` are the rules of ClusterNetworkPolicies that match or may match, in order of evaluation, up to the first
    one that certainly decides in each tier. ``stages`` are those that may have decided; there is one if the answer does
    not depend on open points. ``points`` are the open points that the answer depends on, or that were decided for it.
    ``explain`` computes ``refusals``; it does not take part in comparisons.
    """

    direction: Direction
    answer: Answer
    isolating: tuple[NamespacedName, ...] = ()
    admissions: tuple[Admission, ...] = ()
    points: frozenset[OpenPoint] = frozenset()
    explain: Callable[[], tuple[Refusal, ...]] = field(default=tuple, repr=False, compare=False)
    rulings: tuple[Ruling, ...] = ()
    stages: frozenset[Stage] = frozenset()
    bypassed: tuple[NamespacedName, ...] = ()

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """Every rule of the isolating policies that is not in ``admissions``, in order.

        Computed on access: most verdicts are never explained.
        """
        return self.explain()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Both sides of a flow. It is allowed if both are, blocked if one is, and otherwise undefined."""

    flow: Flow
    egress: Side
    ingress: Side

    def side(self, direction: Direction) -> Side:
        """Return one of the two sides."""
        return self.egress if direction is Direction.EGRESS else self.ingress

    @property
    def answer(self) -> Answer:
        """The answer for the flow."""
        answers = {self.egress.answer, self.ingress.answer}
        if Answer.BLOCKED in answers:
            return Answer.BLOCKED
        return Answer.UNDEFINED if Answer.UNDEFINED in answers else Answer.ALLOWED

    @property
    def points(self) -> frozenset[OpenPoint]:
        """The open points of the sides that are undefined."""
        return frozenset().union(
            *(side.points for side in (self.egress, self.ingress) if side.answer is Answer.UNDEFINED)
        )
