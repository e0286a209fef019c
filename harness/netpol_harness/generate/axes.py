"""The axes of the catalogue. Pure.

A case is one policy with one rule: a value on every axis. A pair is two policies on one pod. The axes are those of
Cyclonus (direction, peer, port, protocol, target), and those along which implementations have had bugs: the form of a
selector, whether ``policyTypes`` is present, and the form of the probe's target.
"""

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from enum import StrEnum
from itertools import combinations, product

from netpol_harness.model.names import Direction


class SelectorChoice(StrEnum):
    """What one selector of a peer selects; ABSENT if the peer does not have the key."""

    ABSENT = "absent"
    ALL = "all"
    SOME = "some"


class Peer(StrEnum):
    """The peers that the rule admits. ``X_OF_Y`` has both selectors in one entry: pods X of namespaces Y."""

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


SELECTORS: dict[Peer, tuple[SelectorChoice, SelectorChoice]] = {
    Peer.ALL_PODS: (SelectorChoice.ALL, SelectorChoice.ABSENT),
    Peer.SOME_PODS: (SelectorChoice.SOME, SelectorChoice.ABSENT),
    Peer.ALL_NAMESPACES: (SelectorChoice.ABSENT, SelectorChoice.ALL),
    Peer.SOME_NAMESPACES: (SelectorChoice.ABSENT, SelectorChoice.SOME),
    Peer.ALL_OF_ALL: (SelectorChoice.ALL, SelectorChoice.ALL),
    Peer.ALL_OF_SOME: (SelectorChoice.ALL, SelectorChoice.SOME),
    Peer.SOME_OF_ALL: (SelectorChoice.SOME, SelectorChoice.ALL),
    Peer.SOME_OF_SOME: (SelectorChoice.SOME, SelectorChoice.SOME),
}
"""The podSelector and the namespaceSelector of each peer that has selectors."""


class PortKind(StrEnum):
    """The ports that the rule admits. TWO are a number, and a name that pods give to a port of another protocol."""

    ANY = "any-port"
    NUMBER = "number"
    NAME = "port-name"
    RANGE = "range"
    TWO = "two-ports"


class RuleProtocol(StrEnum):
    """The ``protocol`` of the rule's ports; DEFAULT omits it, which means TCP."""

    DEFAULT = "default"
    TCP = "tcp"
    UDP = "udp"
    SCTP = "sctp"


class SubjectAxis(StrEnum):
    """The ``podSelector`` of the policy itself."""

    ALL = "to-all"
    LABELS = "to-labels"
    EXPRESSION = "to-expression"


class SelectorForm(StrEnum):
    """The form of a selector that selects some."""

    LABELS = "labels"
    IN = "in"
    NOT_IN = "not-in"
    EXISTS = "exists"
    DOES_NOT_EXIST = "does-not-exist"


class PolicyTypes(StrEnum):
    """Whether ``policyTypes`` is present. Without it, a policy with egress rules isolates both directions."""

    STATED = "stated"
    DEFAULTED = "defaulted"


class TargetForm(StrEnum):
    """The form of the target, in addition to the pods' addresses: a Service by its ClusterIP or its name."""

    ADDRESS = "by-address"
    CLUSTER_IP = "by-cluster-ip"
    NAME = "by-name"


@dataclass(frozen=True, slots=True)
class RuleCase:
    """One value on every axis."""

    direction: Direction
    peer: Peer
    port: PortKind
    protocol: RuleProtocol
    subject: SubjectAxis
    selector_form: SelectorForm
    policy_types: PolicyTypes
    target_form: TargetForm

    @property
    def name(self) -> str:
        """The values but the direction, as a step's name."""
        return ".".join(astuple(self)[1:])


class PairedPolicy(StrEnum):
    """One of two policies on the same pod, by the rule that it has."""

    DENY_ALL = "deny-all"
    BY_POD = "by-pod"
    BY_BLOCK = "by-block"
    BY_PORT = "by-port"


@dataclass(frozen=True, slots=True)
class PolicyPair:
    """Two policies on one pod, which is probed by address."""

    direction: Direction
    first: PairedPolicy
    second: PairedPolicy

    @property
    def name(self) -> str:
        """Both policies, as a step's name."""
        return f"{self.first}.{self.second}"

    @property
    def target_form(self) -> TargetForm:
        """The form of the probe's target."""
        return TargetForm.ADDRESS


AXES = (Direction, Peer, PortKind, RuleProtocol, SubjectAxis, SelectorForm, PolicyTypes, TargetForm)


def every_case() -> Iterator[RuleCase]:
    """Yield the full product, without cases whose policy is the same as that of another case."""
    return (case for values in product(*AXES) if _is_distinct(case := RuleCase(*values)))


def every_pair() -> Iterator[PolicyPair]:
    """Yield every two policies, in each direction."""
    return (PolicyPair(direction, *two) for direction in Direction for two in combinations(PairedPolicy, 2))


def _is_distinct(case: RuleCase) -> bool:
    return case.selector_form is SelectorForm.LABELS or SelectorChoice.SOME in SELECTORS.get(case.peer, ())
