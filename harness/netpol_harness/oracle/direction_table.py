"""One direction for all pods: for each subject, the peers that it can have on a port.

Reads the API text as ``sides`` and ``rules`` do, with sets of pods in place of one flow's other end. Pure.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netpol_harness.model.cluster_policy import Tier
from netpol_harness.model.names import Direction, Port, Protocol
from netpol_harness.model.objects import World
from netpol_harness.model.policy import IPBlock, NetworkPolicy, Peer, PolicyPort, Rule
from netpol_harness.oracle import match
from netpol_harness.oracle.cluster_peers import ClusterPeerMatcher
from netpol_harness.oracle.match import ALWAYS, definite
from netpol_harness.oracle.pod_index import PodIndex
from netpol_harness.oracle.pod_set import EMPTY, PodSet, by_profile, members, union, unless
from netpol_harness.oracle.points import Decision, OpenPoint, Profile
from netpol_harness.oracle.ports import port_match
from netpol_harness.oracle.tier_table import TierSets, TierTable


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """Subjects with equal keys have equal peers in one direction, apart from themselves and their nodes.

    ``isolating`` are the indexes of the policies that isolate them, ``declared`` the meaning of port names on them.
    ``ruling`` are the ClusterNetworkPolicies that select them, each with whether that is certain. They are
    ``isolated_elsewhere`` if policies isolate them in the other direction only, and it matters.
    """

    isolating: tuple[int, ...]
    declared: frozenset[tuple[str, Port]]
    ruling: tuple[tuple[str, bool], ...] = ()
    isolated_elsewhere: bool = False


class DirectionTable:
    """The pods of an index as subjects in one direction, as one profile reads the policies."""

    def __init__(
        self, world: World, pods: PodIndex, profile: Profile, direction: Direction, matcher: ClusterPeerMatcher
    ) -> None:
        self._tiers = TierTable(world, pods, profile, direction, matcher) if world.cluster_policies else None
        self._elsewhere = [policy for policy in world.policies if direction.opposite in policy.directions]
        self._pods = pods
        self._profile = profile
        self._direction = direction
        self._policies = [policy for policy in world.policies if direction in policy.directions]
        self._peers = [
            [self._rule_peers(rule, policy) for rule in policy.rules(direction)] for policy in self._policies
        ]
        self._groups = self._group_subjects()
        self._exempt = [self._exempt_peers(number) for number in range(len(pods.pods))]

    def peers(self, port: Port) -> Sequence[PodSet]:
        """Return for each pod the pods that it can reach, or that can reach it, on the port."""
        peers = [EMPTY] * len(self._pods.pods)
        exempt = self._exempt_on(port)
        for key, subjects in self._groups.items():
            admitted = exempt | self._admitted(key, port)
            tiers = self._tier_sets(key, port)
            for number in subjects:
                by_network_policies = admitted | self._exempt[number]
                peers[number] = by_network_policies
                if tiers is not None:
                    peers[number] = self._with_tiers(number, key, tiers, by_network_policies)
        return peers

    def _tier_sets(self, key: SubjectKey, port: Port) -> Mapping[Tier, TierSets] | None:
        """The tiers' part for subjects with this key; ``None`` if no ClusterNetworkPolicy selects them."""
        if self._tiers is None or not key.ruling:
            return None
        tiers, ruling = self._tiers, dict(key.ruling)
        return {tier: tiers.sets(tier, ruling, key.declared, port) for tier in Tier}

    def _with_tiers(
        self, number: int, key: SubjectKey, tiers: Mapping[Tier, TierSets], by_network_policies: PodSet
    ) -> PodSet:
        all_pods = PodSet.exactly(self._pods.all_pods)
        following = by_network_policies
        if not key.isolating:
            following = tiers[Tier.BASELINE].before(all_pods)
            if key.isolated_elsewhere:
                following = by_profile(self._profile, OpenPoint.OTHER_DIRECTION, yes=all_pods, no=following)
        return unless(self._exempt_from_tiers(number), tiers[Tier.ADMIN].before(following), by_network_policies)

    def _exempt_from_tiers(self, number: int) -> PodSet:
        """The peers of one pod to whose flows ClusterNetworkPolicies do not apply."""
        if self._profile.decided.get(OpenPoint.NO_IMPLEMENTATION) is Decision.YES:
            return PodSet.exactly(self._pods.all_pods)
        itself = PodSet.exactly(1 << number)
        if self._direction is Direction.EGRESS:
            return itself
        node = self._pods.on_node_of(number).within(self._pods.on_host_network & ~itself.certain)
        return itself | by_profile(self._profile, OpenPoint.NODE_TO_OWN_POD, yes=node)

    def _group_subjects(self) -> dict[SubjectKey, list[int]]:
        isolating: list[list[int]] = [[] for _ in self._pods.pods]
        for index, policy in enumerate(self._policies):
            for number in members(self._pods.in_namespace(policy.ref.namespace, policy.subject)):
                isolating[number].append(index)
        groups: dict[SubjectKey, list[int]] = defaultdict(list)
        elsewhere = self._isolated_elsewhere()
        for number, pod in enumerate(self._pods.pods):
            ruling = tuple(self._tiers.selecting(number).items()) if self._tiers else ()
            decisive = (isolating[number] or ruling) and self._direction is Direction.INGRESS
            declared = frozenset((p.name, p.port) for p in pod.ports if decisive and p.name)
            is_elsewhere = bool(ruling and elsewhere >> number & 1)
            groups[SubjectKey(tuple(isolating[number]), declared, ruling, is_elsewhere)].append(number)
        return groups

    def _isolated_elsewhere(self) -> int:
        """The pods that policies isolate in the other direction."""
        pods = 0
        for policy in self._elsewhere if self._tiers else ():
            pods |= self._pods.in_namespace(policy.ref.namespace, policy.subject)
        return pods

    def _exempt_peers(self, number: int) -> PodSet:
        """The peers of one pod that need no rule on any port: itself, its node, and all if it is not a subject."""
        pods = self._pods
        itself = PodSet.exactly(1 << number)
        node = pods.on_node_of(number).within(pods.on_host_network & ~itself.certain)
        if self._direction is Direction.EGRESS:
            node = by_profile(self._profile, OpenPoint.OWN_NODE, yes=node)
        if not pods.pods[number].host_network:
            return itself | node
        return itself | node | by_profile(self._profile, OpenPoint.HOST_NETWORK, no=PodSet.exactly(pods.all_pods))

    def _exempt_on(self, port: Port) -> PodSet:
        """The peers of every pod that need no rule on this port."""
        if self._profile.decided.get(OpenPoint.NO_IMPLEMENTATION) is Decision.YES:
            return PodSet.exactly(self._pods.all_pods)
        if port.protocol is Protocol.ICMP and OpenPoint.OTHER_PROTOCOLS not in self._profile.decided:
            return PodSet(0, self._pods.all_pods)
        return EMPTY

    def _admitted(self, key: SubjectKey, port: Port) -> PodSet:
        if not key.isolating:
            return PodSet.exactly(self._pods.all_pods)
        return union(
            peers & self._on_port(rule, key, port)
            for index in key.isolating
            for rule, peers in zip(self._policies[index].rules(self._direction), self._peers[index], strict=True)
        )

    def _on_port(self, rule: Rule, key: SubjectKey, port: Port) -> PodSet:
        """The peers that the rule's ports admit, if the rule admits all peers."""
        return union(self._entry(entry, key, port) for entry in rule.ports or (None,))

    def _entry(self, entry: PolicyPort | None, key: SubjectKey, port: Port) -> PodSet:
        all_pods = self._pods.all_pods
        name = entry.port if entry is not None and isinstance(entry.port, str) else None
        if name is None or self._direction is Direction.INGRESS:
            declared = definite((name, port) in key.declared)
            return PodSet.uniform(port_match(entry, port, self._profile, named=declared), all_pods)
        known = port_match(entry, port, self._profile, named=ALWAYS)
        return PodSet.uniform(known, all_pods) & self._declaring(name, port)

    def _declaring(self, name: str, port: Port) -> PodSet:
        """The destinations that have this port under this name."""
        on_host, declaring = self._pods.on_host_network, self._pods.declaring(name, port)
        as_host = PodSet.uniform(match.by_profile(self._profile, OpenPoint.NAMED_PORT_OUTSIDE), on_host)
        as_pod = PodSet.exactly(declaring & on_host)
        on_host_network = by_profile(self._profile, OpenPoint.HOST_NETWORK, yes=as_pod, no=as_host)
        return PodSet.exactly(declaring & ~on_host) | on_host_network

    def _rule_peers(self, rule: Rule, policy: NetworkPolicy) -> PodSet:
        if rule.peers is None:
            return PodSet.exactly(self._pods.all_pods)
        return union(self._peer(peer, policy.ref.namespace) for peer in rule.peers)

    def _peer(self, peer: Peer, home: str) -> PodSet:
        on_host = self._pods.on_host_network
        if isinstance(peer, IPBlock):
            pods, point, always = self._pods.in_block(peer), OpenPoint.IP_BLOCK_OF_PODS, on_host
        else:
            residents = self._pods.in_namespaces(peer.namespaces, home)
            pods, point, always = residents.within(self._pods.select(peer.pods)), OpenPoint.HOST_NETWORK, ~on_host
        return pods.within(always) | by_profile(self._profile, point, yes=pods.within(~always))
