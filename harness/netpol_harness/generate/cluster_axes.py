"""The axes of the catalogue of ClusterNetworkPolicy: one rule of one policy, and what stands behind it. Pure.

A rule alone shows little: what it accepts would be open anyway. So one axis is what would decide without the rule, and
that is always the opposite of what the rule does.
"""

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from enum import StrEnum
from itertools import product

from netpol_harness.generate.axes import SelectorForm, TargetForm
from netpol_harness.model.cluster_policy import Action, Tier
from netpol_harness.model.names import Direction


class ClusterPeerAxis(StrEnum):
    """The peer of the rule. ``X_OF_Y`` are pods X of namespaces Y; the last two are only for egress."""

    ALL_NAMESPACES = "all-namespaces"
    SOME_NAMESPACES = "some-namespaces"
    ALL_OF_SOME = "all-of-some"
    SOME_OF_ALL = "some-of-all"
    SOME_OF_SOME = "some-of-some"
    NETWORK = "network"
    ALL_NETWORKS = "all-networks"

    @property
    def is_network(self) -> bool:
        """Whether the peer is given by addresses, which ingress rules cannot do."""
        return self in (ClusterPeerAxis.NETWORK, ClusterPeerAxis.ALL_NETWORKS)

    @property
    def selects_some(self) -> bool:
        """Whether a selector of the peer selects some, so that its form matters."""
        return not self.is_network and self is not ClusterPeerAxis.ALL_NAMESPACES


class ProtocolAxis(StrEnum):
    """The ``protocols`` of the rule."""

    ABSENT = "all-traffic"
    TCP_NUMBER = "tcp-number"
    UDP_NUMBER = "udp-number"
    SCTP_NUMBER = "sctp-number"
    TCP_RANGE = "tcp-range"
    UDP_RANGE = "udp-range"
    NAME = "port-name"
    TWO = "two-protocols"


class ClusterSubject(StrEnum):
    """The ``subject`` of the policy."""

    NAMESPACES = "to-namespaces"
    PODS = "to-pods"
    EXPRESSION = "to-expression"


class Behind(StrEnum):
    """What decides if the rule does not: the next rule, a policy with a higher priority value, or another stage."""

    NEXT_RULE = "next-rule"
    LATER_POLICY = "later-policy"
    NETWORK_POLICY = "network-policy"
    BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class ClusterRuleCase:
    """One value on every axis."""

    direction: Direction
    tier: Tier
    action: Action
    peer: ClusterPeerAxis
    protocols: ProtocolAxis
    subject: ClusterSubject
    selector_form: SelectorForm
    behind: Behind
    target_form: TargetForm

    @property
    def name(self) -> str:
        """The values but the direction and the tier, as a step's name."""
        return ".".join(value.lower() for value in astuple(self)[2:])


CLUSTER_AXES = (
    Direction,
    Tier,
    Action,
    ClusterPeerAxis,
    ProtocolAxis,
    ClusterSubject,
    SelectorForm,
    Behind,
    TargetForm,
)


def every_cluster_case() -> Iterator[ClusterRuleCase]:
    """Yield the full product, without what the API refuses and without cases that equal another one."""
    return (case for values in product(*CLUSTER_AXES) if _is_distinct(case := ClusterRuleCase(*values)))


def _is_distinct(case: ClusterRuleCase) -> bool:
    if case.peer.is_network and (case.direction is Direction.INGRESS or case.protocols is ProtocolAxis.NAME):
        return False
    if case.tier is Tier.BASELINE and case.behind is Behind.BASELINE:
        return False
    return case.selector_form is SelectorForm.LABELS or case.peer.selects_some
