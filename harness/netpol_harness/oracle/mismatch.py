"""Reasons why one entry of a rule does not match a flow, as data. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from netpol_harness.model.labels import Requirement
from netpol_harness.model.policy import Network
from netpol_harness.oracle.points import OpenPoint


@dataclass(frozen=True, slots=True)
class NotAPod:
    """The peer is a host outside the cluster or a node; selectors select only pods."""


@dataclass(frozen=True, slots=True)
class OtherNamespace:
    """The entry has no ``namespaceSelector``, so it means the policy's namespace; the peer is in ``namespace``."""

    namespace: str


@dataclass(frozen=True, slots=True)
class NamespaceLabelMismatch:
    """A requirement of ``namespaceSelector`` does not hold for the labels of the peer's namespace.

    ``value`` is the label under the requirement's key, ``None`` if there is no such label.
    """

    namespace: str
    requirement: Requirement
    value: str | None


@dataclass(frozen=True, slots=True)
class PodLabelMismatch:
    """A requirement of ``podSelector`` does not hold for the labels of the peer; ``value`` as above."""

    requirement: Requirement
    value: str | None


@dataclass(frozen=True, slots=True)
class OutsideBlock:
    """An address of the peer is outside the ``cidr`` of an ``ipBlock``."""

    address: str
    cidr: Network


@dataclass(frozen=True, slots=True)
class InsideExcept:
    """An address of the peer is inside an ``ipBlock``, and inside this ``network`` of its ``except``."""

    address: str
    network: Network


@dataclass(frozen=True, slots=True)
class OtherVersion:
    """The ``cidr`` of an ``ipBlock`` has addresses of one IP version, and the flow uses those of the other."""

    cidr: Network
    version: int


@dataclass(frozen=True, slots=True)
class OnNodeNetwork:
    """The pod is on the network of its node, where no ClusterNetworkPolicy selects it by its labels."""


@dataclass(frozen=True, slots=True)
class NotANode:
    """The entry means nodes, and the peer does not have an address of a node."""


@dataclass(frozen=True, slots=True)
class NodeLabelMismatch:
    """A requirement for the labels of nodes does not hold for the peer's node; ``value`` as above."""

    node: str
    requirement: Requirement
    value: str | None


@dataclass(frozen=True, slots=True)
class OtherName:
    """None of ``names`` resolves to an address of the peer. ``looked_up`` is the name that the client used, if any."""

    names: tuple[str, ...]
    looked_up: str


@dataclass(frozen=True, slots=True)
class DecidedAgainst:
    """The API leaves it open whether the entry matches; it does not, by the profile's decision on these ``points``."""

    points: frozenset[OpenPoint]


class PortField(StrEnum):
    """The field of a ``NetworkPolicyPort`` that does not match."""

    PROTOCOL = "protocol"
    NUMBER = "number"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class PortMismatch:
    """The destination port is not a port of the entry.

    For NAME, ``declared`` are the numbers that the destination declares under this name and protocol, in order.
    """

    field: PortField
    declared: tuple[int, ...] = ()


SelectorReason = NotAPod | OtherNamespace | NamespaceLabelMismatch | PodLabelMismatch
BlockReason = OutsideBlock | InsideExcept | OtherVersion
PeerReason = SelectorReason | BlockReason | DecidedAgainst
ClusterReason = PeerReason | OnNodeNetwork | NotANode | NodeLabelMismatch | OtherName
PortReason = PortMismatch | DecidedAgainst
