"""The tiers of ClusterNetworkPolicies for all pods of one direction: ``tiers`` and ``stages`` with sets of pods.

A set has a bit for each peer. The peers of flows are pods here, by their own addresses. Pure.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from netpol_harness.model.cluster_policy import (
    Action,
    ClusterNetworkPolicy,
    ClusterPeer,
    ClusterPort,
    ClusterRule,
    DomainNames,
    NamedPort,
    Networks,
    NodeSelection,
    PodSelection,
    Tier,
)
from netpol_harness.model.names import Direction, Port
from netpol_harness.model.objects import Pod, World
from netpol_harness.model.policy import IPBlock
from netpol_harness.oracle.cluster_peers import ClusterPeerMatcher
from netpol_harness.oracle.cluster_rules import fails_closed, has_misplaced_names, in_range
from netpol_harness.oracle.match import Match
from netpol_harness.oracle.pod_index import PodIndex
from netpol_harness.oracle.pod_set import EMPTY, PodSet, union
from netpol_harness.oracle.points import Profile
from netpol_harness.oracle.tiers import in_order

Declared = frozenset[tuple[str, Port]]
Selection = Mapping[str, bool]
"""The names of the policies that select a subject, or may; the value is whether that is certain."""


@dataclass(slots=True)
class TierSets:
    """What may happen to each peer: final answers, and the peers for which the next stage may be reached."""

    accepted: int = 0
    denied: int = 0
    passed: int = 0
    open: int = 0

    def before(self, following: PodSet) -> PodSet:
        """Return the allowed peers, given those that the later stages allow."""
        going_on = self.passed | self.open
        possible = self.accepted | (going_on & following.possible)
        may_be_blocked = self.denied | (going_on & ~following.certain)
        return PodSet(possible & ~may_be_blocked, possible)

    def add(self, action: Action, peers: int) -> None:
        """Add peers to which a rule may do this."""
        match action:
            case Action.ACCEPT:
                self.accepted |= peers
            case Action.DENY:
                self.denied |= peers
            case Action.PASS:
                self.passed |= peers


@dataclass(frozen=True, slots=True)
class _Effect:
    """What a rule does to these peers, on whatever port ``ports`` allow."""

    action: Action
    peers: PodSet
    ports: tuple[ClusterPort, ...] | None = None


class TierTable:
    """The tiers in one direction, as one profile reads the policies."""

    def __init__(
        self, world: World, pods: PodIndex, profile: Profile, direction: Direction, matcher: ClusterPeerMatcher
    ) -> None:
        self._pods = pods
        self._profile = profile
        self._direction = direction
        self._matcher = matcher
        self._groups = in_order(world, profile)
        policies = [policy for policy in world.cluster_policies if policy.rules(direction)]
        self._subjects = {policy.name: self._selected(policy.subject) for policy in policies}
        self._effects = {
            policy.name: [[*self._rule(rule, policy)] for rule in policy.rules(direction)] for policy in policies
        }

    def selecting(self, number: int) -> Selection:
        """Return the policies that select a pod, or may."""
        return {
            name: bool(subjects.certain >> number & 1)
            for name, subjects in self._subjects.items()
            if subjects.possible >> number & 1
        }

    def sets(self, tier: Tier, selection: Selection, declared: Declared, port: Port) -> TierSets:
        """Walk the tier for a subject that these policies select and that has ``declared`` these ports."""
        result = TierSets(open=self._pods.all_pods)
        for group in self._groups[tier]:
            reached = result.open
            for policy in group:
                if policy.name in selection:
                    left = self._walk(policy.name, declared, port, result, reached)
                    result.open &= left if selection[policy.name] else reached
        return result

    def _walk(self, name: str, declared: Declared, port: Port, result: TierSets, reached: int) -> int:
        """Add what a policy may do to the peers that reach it; return those that no rule certainly matches."""
        left = reached
        for rule in self._effects[name]:
            certain = 0
            for effect in rule:
                peers = effect.peers & self._on_port(effect.ports, declared, port)
                result.add(effect.action, peers.possible & left)
                certain |= peers.certain
            left &= ~certain
        return left

    def _rule(self, rule: ClusterRule, policy: ClusterNetworkPolicy) -> Iterator[_Effect]:
        everybody = PodSet.exactly(self._pods.all_pods)
        if fails_closed(rule, self._profile):
            if rule.action is not Action.ACCEPT:
                yield _Effect(Action.DENY, everybody)
        elif has_misplaced_names(rule, policy.tier):
            open_question = PodSet(0, self._pods.all_pods)
            yield _Effect(rule.action, open_question)
            yield from [_Effect(Action.DENY, open_question)] if rule.action is Action.PASS else []
        else:
            yield _Effect(rule.action, union(map(self._peer, rule.peers)), rule.ports)

    def _peer(self, peer: ClusterPeer) -> PodSet:
        match peer:
            case PodSelection():
                return self._selected(peer)
            case Networks(blocks):
                return union(self._pods.in_block(IPBlock(block)) for block in blocks)
            case NodeSelection(nodes):
                return self._each(lambda pod: self._matcher.node(nodes, pod))
            case DomainNames(names):
                return self._each(lambda pod: self._matcher.domain_names(names, pod, ""))
            case _:
                return EMPTY

    def _selected(self, selection: PodSelection) -> PodSet:
        residents = self._pods.in_namespaces(selection.namespaces, "")
        return residents.within(self._pods.select(selection.pods) & ~self._pods.on_host_network)

    def _each(self, match: Callable[[Pod], Match]) -> PodSet:
        return union(PodSet.uniform(match(pod), 1 << number) for number, pod in enumerate(self._pods.pods))

    def _on_port(self, entries: Sequence[ClusterPort] | None, declared: Declared, port: Port) -> PodSet:
        """The peers on whose connections the ports match."""
        if entries is None:
            return PodSet.exactly(self._pods.all_pods)
        return union(PodSet.exactly(self._entry(entry, declared, port)) for entry in entries)

    def _entry(self, entry: ClusterPort, declared: Declared, port: Port) -> int:
        if isinstance(entry, NamedPort) and self._direction is Direction.EGRESS:
            return self._pods.declaring(entry.name, port)
        is_match = (entry.name, port) in declared if isinstance(entry, NamedPort) else in_range(entry, port)
        return self._pods.all_pods if is_match else 0
