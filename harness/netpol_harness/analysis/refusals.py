"""The oracle's reasons why a rule does not admit a flow, in words. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from netpol_harness.analysis.describe import OPEN_QUESTIONS, natural_list
from netpol_harness.model.labels import Requirement
from netpol_harness.model.names import Direction
from netpol_harness.model.policy import PolicyPort, Rule
from netpol_harness.oracle.mismatch import (
    ClusterReason,
    DecidedAgainst,
    InsideExcept,
    NamespaceLabelMismatch,
    NodeLabelMismatch,
    NotANode,
    NotAPod,
    OnNodeNetwork,
    OtherName,
    OtherNamespace,
    OtherVersion,
    OutsideBlock,
    PodLabelMismatch,
    PortField,
    PortMismatch,
    PortReason,
)
from netpol_harness.oracle.points import Profile
from netpol_harness.oracle.verdict import Flow, FlowEnd, Refusal


@dataclass(frozen=True, slots=True)
class RefusalDescriber:
    """Describes the refusals of one side of a flow under a profile. ``name_of`` returns the name of an end."""

    flow: Flow
    direction: Direction
    profile: Profile
    name_of: Callable[[FlowEnd], str]

    def describe(self, refusal: Refusal, rule: Rule) -> str:
        """Return what does not match: ``web is in namespace shop and the connection is to 80/TCP``.

        Of several peers, this is the first reason of the peer that has the fewest.
        """
        closest_peer = min(refusal.peers, key=len, default=())
        ports = list(dict.fromkeys(self._ports(rule, refusal)))
        return " and ".join(filter(None, (*map(self.peer_reason, closest_peer[:1]), natural_list(ports))))

    def peer_reason(self, reason: ClusterReason) -> str:
        """Return why a peer does not match: ``router is in namespace edge``."""
        peer = self.name_of(self.flow.destination if self.direction is Direction.EGRESS else self.flow.source)
        match reason:
            case NotAPod():
                return f"{peer} is not a pod"
            case OtherNamespace(namespace):
                return f"{peer} is in namespace {namespace}"
            case NamespaceLabelMismatch(namespace, requirement, value):
                return _label(f"namespace {namespace}", requirement, value)
            case PodLabelMismatch(requirement, value):
                return _label(peer, requirement, value)
            case OutsideBlock(_, cidr):
                return f"{peer} is not in {cidr}"
            case InsideExcept(_, network):
                return f"{peer} is in {network}, which the block excepts"
            case OtherVersion(cidr, version):
                return f"{cidr} is a block of IPv{cidr.version} addresses, and the connection uses IPv{version}"
            case DecidedAgainst():
                return self._decided_against(reason)
            case _:
                return self._cluster_reason(reason, peer)

    def _cluster_reason(self, reason: OnNodeNetwork | NotANode | NodeLabelMismatch | OtherName, peer: str) -> str:
        match reason:
            case OnNodeNetwork():
                return f"{peer} is on the network of its node, where no ClusterNetworkPolicy selects it"
            case NotANode():
                return f"{peer} has no address of a node"
            case NodeLabelMismatch(node, requirement, value):
                return _label(f"node {node}", requirement, value)
            case OtherName(_, ""):
                return f"none of its names has the address of {peer}"
            case OtherName(_, looked_up):
                return f"{self.name_of(self.flow.source)} looks up {looked_up}, which is none of its names"

    def _ports(self, rule: Rule, refusal: Refusal) -> Iterator[str]:
        """Yield the connection's port, then the details of single entries."""
        if any(isinstance(reason, PortMismatch) for reason in refusal.ports):
            yield f"the connection is to {self.flow.port}"
        for entry, reason in zip(rule.ports or (None,), refusal.ports, strict=False):
            yield from self._port(entry, reason)

    def _port(self, entry: PolicyPort | None, reason: PortReason) -> Iterator[str]:
        match reason:
            case PortMismatch(PortField.NAME, declared) if entry is not None:
                destination = self.name_of(self.flow.destination)
                if declared:
                    yield f"port {entry.port} of {destination} is {natural_list([*map(str, declared)])}"
                else:
                    yield f"{destination} has no {entry.protocol} port called {entry.port}"
            case DecidedAgainst():
                yield self._decided_against(reason)

    def _decided_against(self, reason: DecidedAgainst) -> str:
        questions = natural_list([OPEN_QUESTIONS[point] for point in sorted(reason.points)])
        return f"profile {self.profile.name}'s decision on {questions} excludes it"


def _label(owner: str, requirement: Requirement, value: str | None) -> str:
    """``web-pod has tier=web`` or ``namespace app has no label name``."""
    return f"{owner} has no label {requirement.key}" if value is None else f"{owner} has {requirement.key}={value}"
