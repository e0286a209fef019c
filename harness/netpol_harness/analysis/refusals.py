"""The oracle's reasons why a rule does not admit a flow, in words. Pure."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from netpol_harness.analysis.wording import QUESTIONS, listed
from netpol_harness.model.labels import Requirement
from netpol_harness.model.names import Direction
from netpol_harness.model.policy import PolicyPort, Rule
from netpol_harness.oracle.mismatch import (
    DecidedAgainst,
    InsideExcept,
    NamespaceLabelMismatch,
    NotAPod,
    OtherNamespace,
    OutsideBlock,
    PeerReason,
    PodLabelMismatch,
    PortField,
    PortMismatch,
    PortReason,
)
from netpol_harness.oracle.points import Profile
from netpol_harness.oracle.verdict import Flow, FlowEnd, Refusal


def closest_first(refusals: Iterable[Refusal]) -> list[Refusal]:
    """Sort refusals by how many of the two parts of a rule, its peers and its ports, do not match."""
    return sorted(refusals, key=lambda refusal: bool(refusal.peers) + bool(refusal.ports))


@dataclass(frozen=True, slots=True)
class RefusalWording:
    """Words for the refusals of one side of a flow, as a profile reads the rules. ``spell`` names an end."""

    flow: Flow
    direction: Direction
    profile: Profile
    spell: Callable[[FlowEnd], str]

    def words(self, refusal: Refusal, rule: Rule) -> str:
        """Say what of the rule does not match: ``web is in namespace shop and the connection is to 80/TCP``.

        Of several peers, the one with the fewest reasons speaks, with its first reason.
        """
        closest_peer = min(refusal.peers, key=len, default=())
        ports = list(dict.fromkeys(self._ports(rule, refusal)))
        return " and ".join(filter(None, (*map(self._peer, closest_peer[:1]), listed(ports))))

    def _peer(self, reason: PeerReason) -> str:
        peer = self.spell(self.flow.destination if self.direction is Direction.EGRESS else self.flow.source)
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
            case DecidedAgainst():
                return self._decided_against(reason)

    def _ports(self, rule: Rule, refusal: Refusal) -> Iterator[str]:
        """Yield the connection's port first, then what is to say of single entries."""
        if any(isinstance(reason, PortMismatch) for reason in refusal.ports):
            yield f"the connection is to {self.flow.port}"
        for entry, reason in zip(rule.ports or (None,), refusal.ports, strict=False):
            yield from self._port(entry, reason)

    def _port(self, entry: PolicyPort | None, reason: PortReason) -> Iterator[str]:
        match reason:
            case PortMismatch(PortField.NAME, declared) if entry is not None:
                destination = self.spell(self.flow.destination)
                if declared:
                    yield f"port {entry.port} of {destination} is {listed([*map(str, declared)])}"
                else:
                    yield f"{destination} has no {entry.protocol} port called {entry.port}"
            case DecidedAgainst():
                yield self._decided_against(reason)

    def _decided_against(self, reason: DecidedAgainst) -> str:
        questions = listed([QUESTIONS[point] for point in sorted(reason.points)])
        return f"profile {self.profile.name}'s decision on {questions} excludes it"


def _label(owner: str, requirement: Requirement, value: str | None) -> str:
    """``web-pod has tier=web`` or ``namespace app has no label name``."""
    return f"{owner} has no label {requirement.key}" if value is None else f"{owner} has {requirement.key}={value}"
