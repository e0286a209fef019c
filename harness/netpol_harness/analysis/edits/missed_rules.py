"""Rules of ClusterNetworkPolicies that would do what is wanted, but do not match: those that come closest. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address

from netpol_harness.analysis.closeness import UNRELATED, is_similar, peer_distance, port_distance
from netpol_harness.analysis.edits.task import Task
from netpol_harness.model.cluster_policy import (
    Action,
    ClusterNetworkPolicy,
    ClusterPeer,
    ClusterPort,
    ClusterRule,
    DomainNames,
    Networks,
    PodSelection,
    PortRange,
    Tier,
)
from netpol_harness.model.names import Port
from netpol_harness.model.objects import Pod
from netpol_harness.model.policy import Network, PodPeer, PolicyPort
from netpol_harness.oracle.cluster_refusals import ClusterRefusal
from netpol_harness.oracle.mismatch import (
    ClusterReason,
    NamespaceLabelMismatch,
    NodeLabelMismatch,
    NotAPod,
    OnNodeNetwork,
    OutsideBlock,
    PodLabelMismatch,
    PortField,
    PortMismatch,
)
from netpol_harness.oracle.verdict import Host, Ruling, Stage

_OTHER = 2
"""The distance of a peer or a port that means something else."""

_OTHER_SUBJECT = 3
"""The distance of a policy that selects no pod, by labels that have nothing in common with those of the subject."""

_OCTET = 8


@dataclass(frozen=True)
class MissedRule:
    """A rule with its refusals of the task's flows; an entry is ``None`` if the rule may match that flow."""

    task: Task
    policy: ClusterNetworkPolicy
    index: int
    refusals: tuple[ClusterRefusal | None, ...]

    @property
    def rule(self) -> ClusterRule:
        """The rule."""
        return self.policy.rules(self.task.direction)[self.index]

    @cached_property
    def refusal(self) -> ClusterRefusal:
        """A refusal, which has all reasons of the subject and of the peers."""
        return next(filter(None, self.refusals))

    @property
    def name(self) -> str:
        """``rule 1 'shops' (file:line) of db (Admin tier, priority 10)``."""
        return self.task.draft.names.rule_of_tier(self.policy, self.task.direction, self.index)

    @property
    def missing_ports(self) -> list[Port]:
        """The ports of the task that the rule's protocols do not have."""
        flows = zip(self.task.flows, self.refusals, strict=True)
        return [flow.port for flow, refusal in flows if refusal and refusal.ports]

    def is_inert(self, selection: PodSelection) -> bool:
        """Whether a subject or a peer selects no pod at all, so that something else must have been meant."""
        return not self.task.draft.selection.peers(PodPeer(selection.namespaces, selection.pods), "")

    @cached_property
    def distance(self) -> int:
        """How far the rule is from matching; ``UNRELATED`` or more if it means something else."""
        subject, peers, ports = self._of_subject, self._of_peers, self._of_ports
        points_at = peers < _OTHER or (self.rule.ports is not None and ports < _OTHER)
        return subject + 2 * peers + ports + (0 if points_at else UNRELATED)

    @cached_property
    def _of_subject(self) -> int:
        if not self.refusal.subject:
            return 0
        if not self.is_inert(self.policy.subject):
            return UNRELATED
        return 1 if _is_near(self.policy.subject, self.refusal.subject) else _OTHER_SUBJECT

    @cached_property
    def _of_peers(self) -> int:
        pairs = zip(self.rule.peers, self.refusal.peers, strict=False)
        return min((self._of_peer(*pair) for pair in pairs), default=0)

    def _of_peer(self, peer: ClusterPeer, reasons: tuple[ClusterReason, ...]) -> int:
        if isinstance(peer, PodSelection):
            return 1 if self._is_meant(peer, reasons) or _is_near(peer, reasons) else _OTHER
        nodes = [reason for reason in reasons if isinstance(reason, NodeLabelMismatch)]
        if nodes and all(is_similar(value, each.value or "") for each in nodes for value in each.requirement.values):
            return 1
        if isinstance(peer, Networks) and any(_is_beside(each.cidr, each.address) for each in _outside(reasons)):
            return 1
        looked_up = self.task.flow.name
        if isinstance(peer, DomainNames) and isinstance(self.task.peer, Host):
            is_similar_name = any(_is_similar_name(name, looked_up) for name in peer.names)
            return 1 if is_similar_name or not looked_up else _OTHER
        return _OTHER

    def _is_meant(self, peer: PodSelection, reasons: tuple[ClusterReason, ...]) -> bool:
        """Whether the peer selects no pod, or would select the other end if that were not on its node's network."""
        end = self.task.peer
        if isinstance(end, Pod) and OnNodeNetwork() in reasons:
            return peer.selects(self.task.draft.selection.namespace_labels(end.ref.namespace), end.labels)
        return self.is_inert(peer) and NotAPod() not in reasons

    @cached_property
    def _of_ports(self) -> int:
        pairs = zip(self.rule.ports or (), self.refusal.ports, strict=False)
        return min((self._of_port(*pair) for pair in pairs), default=0)

    def _of_port(self, entry: ClusterPort, reason: PortMismatch) -> int:
        if reason.field is PortField.NAME or not isinstance(entry, PortRange):
            return 1
        written = PolicyPort(entry.protocol, entry.first, entry.last)
        return port_distance(written, reason, self.task.flow.port, self.task.typed_ports)


def missed_rules(task: Task, wanted: Action) -> list[MissedRule]:
    """Return the rules with the wanted action, or with Pass, before the one that decides, the closest first."""
    refused = [
        {(each.policy, each.rule): each for each in task.draft.predictor.cluster_refusals(flow, task.direction)}
        for flow in task.flows
    ]
    keys = dict.fromkeys(key for found in refused for key in found)
    policies = {policy.name: policy for policy in task.draft.predictor.world.cluster_policies}
    rules = [MissedRule(task, policies[key[0]], key[1], tuple(found.get(key) for found in refused)) for key in keys]
    asked = [each for each in rules if each.rule.action in (wanted, Action.PASS) and _is_asked(task, each)]
    return sorted((each for each in asked if each.distance < UNRELATED), key=lambda each: each.distance)


def _is_asked(task: Task, missed: MissedRule) -> bool:
    """Whether the rule is asked before a rule certainly decides."""
    tier = missed.policy.tier
    if tier is Tier.BASELINE and (task.side.isolating or task.side.stages == {Stage.ADMIN}):
        return False
    deciding = next((each for each in task.side.rulings if each.tier is tier and not each.points), None)
    return deciding is None or _precedes(missed, deciding)


def _precedes(missed: MissedRule, ruling: Ruling) -> bool:
    if missed.policy.name == ruling.policy:
        return missed.index < ruling.rule
    return missed.policy.priority <= ruling.priority


def _is_near(selection: PodSelection, reasons: tuple[ClusterReason, ...]) -> bool:
    """Whether a part of the selectors matches, or nearly does."""
    own = tuple(each for each in reasons if isinstance(each, NamespaceLabelMismatch | PodLabelMismatch))
    return len(own) == len(reasons) and peer_distance(PodPeer(selection.namespaces, selection.pods), own) < _OTHER


def _is_similar_name(pattern: str, name: str) -> bool:
    """Whether a pattern nearly means the name, or is the wildcard for the names below it."""
    plain = pattern.removeprefix("*.")
    return bool(name) and (is_similar(plain, name) or name.endswith(f".{plain}"))


def _outside(reasons: tuple[ClusterReason, ...]) -> Iterator[OutsideBlock]:
    yield from (each for each in reasons if isinstance(each, OutsideBlock))


def _is_beside(block: Network, address: str) -> bool:
    """Whether an address is outside a block by a mistake in one octet."""
    return block.prefixlen > _OCTET and ip_address(address) in block.supernet(_OCTET)


def rules_after(task: Task, ruling: Ruling, wanted: Action) -> Iterator[tuple[ClusterNetworkPolicy, int]]:
    """Yield the rules of the deciding policy that match after the one that decides, and do what is wanted."""
    policy = next(each for each in task.draft.predictor.world.cluster_policies if each.name == ruling.policy)
    refused = {(each.policy, each.rule) for each in task.draft.predictor.cluster_refusals(task.flow, task.direction)}
    for index, rule in [*enumerate(policy.rules(task.direction))][ruling.rule + 1 :]:
        if rule.action in (wanted, Action.PASS) and (policy.name, index) not in refused:
            yield policy, index
