"""One direction for all pods: for each subject, the peers that it can have on a port.

The reading of the API text is that of ``sides``, with sets of pods in the place of one flow's other end. Pure.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from netpol_harness.model.names import Direction, Port, Protocol
from netpol_harness.model.objects import ContainerPort, World
from netpol_harness.model.policy import IPBlock, NetworkPolicy, Peer, PolicyPort, Rule
from netpol_harness.oracle.extent import NOBODY, Extent, choice, numbers, union
from netpol_harness.oracle.match import SURE, admitted, surely
from netpol_harness.oracle.points import Decision, Point, Profile
from netpol_harness.oracle.population import Population
from netpol_harness.oracle.ports import port_match


@dataclass(frozen=True, slots=True)
class Alike:
    """What makes subjects alike in one direction: the policies that isolate them, and what names mean on them."""

    isolating: tuple[int, ...]
    declared: tuple[ContainerPort, ...]


class Subjects:
    """The pods of a population as subjects in one direction, as one profile reads the policies."""

    def __init__(self, world: World, population: Population, profile: Profile, direction: Direction) -> None:
        self._population = population
        self._profile = profile
        self._direction = direction
        self._policies = [policy for policy in world.policies if direction in policy.directions]
        self._peers = [
            [self._rule_peers(rule, policy) for rule in policy.rules(direction)] for policy in self._policies
        ]
        self._groups = self._grouped()
        self._exempt = [self._exemption(number) for number in range(len(population.pods))]

    def peers(self, port: Port) -> Sequence[Extent]:
        """For each pod, those that it can reach, or that can reach it, on the port."""
        found = [NOBODY] * len(self._population.pods)
        everywhere = self._exempt_on(port)
        for alike, members in self._groups.items():
            admitted = everywhere | self._admitted(alike, port)
            for number in members:
                found[number] = admitted | self._exempt[number]
        return found

    def _grouped(self) -> dict[Alike, list[int]]:
        isolating: list[list[int]] = [[] for _ in self._population.pods]
        for index, policy in enumerate(self._policies):
            for number in numbers(self._population.within(policy.ref.namespace, policy.subject)):
                isolating[number].append(index)
        groups: dict[Alike, list[int]] = defaultdict(list)
        for number, pod in enumerate(self._population.pods):
            declared = pod.ports if isolating[number] and self._direction is Direction.INGRESS else ()
            groups[Alike(tuple(isolating[number]), declared)].append(number)
        return groups

    def _exemption(self, number: int) -> Extent:
        """The peers of one pod that need no rule on any port: itself, its node, all where it is not a subject."""
        population = self._population
        itself = Extent.exactly(1 << number)
        node = population.on_node_of(number).within(population.on_host_network & ~itself.sure)
        if self._direction is Direction.EGRESS:
            node = choice(self._profile, Point.OWN_NODE, yes=node, no=NOBODY)
        if not population.pods[number].host_network:
            return itself | node
        everyone = Extent.exactly(population.everyone)
        return itself | node | choice(self._profile, Point.HOST_NETWORK, yes=NOBODY, no=everyone)

    def _exempt_on(self, port: Port) -> Extent:
        """The peers of every pod that need no rule on this port."""
        if self._profile.decided.get(Point.NO_IMPLEMENTATION) is Decision.YES:
            return Extent.exactly(self._population.everyone)
        if port.protocol is Protocol.ICMP and Point.OTHER_PROTOCOLS not in self._profile.decided:
            return Extent(0, self._population.everyone)
        return NOBODY

    def _admitted(self, alike: Alike, port: Port) -> Extent:
        if not alike.isolating:
            return Extent.exactly(self._population.everyone)
        return union(
            peers & self._on_port(rule, alike, port)
            for index in alike.isolating
            for rule, peers in zip(self._policies[index].rules(self._direction), self._peers[index], strict=True)
        )

    def _on_port(self, rule: Rule, alike: Alike, port: Port) -> Extent:
        """The peers that the rule's ports let pass, were all of them among its peers."""
        return union(self._entry(entry, alike, port) for entry in rule.ports or (None,))

    def _entry(self, entry: PolicyPort | None, alike: Alike, port: Port) -> Extent:
        everyone = self._population.everyone
        name = entry.port if entry is not None and isinstance(entry.port, str) else None
        if name is None or self._direction is Direction.INGRESS:
            declared = ContainerPort(port, name or "") in alike.declared
            return Extent.uniform(port_match(entry, port, self._profile, named=surely(declared)), everyone)
        known = port_match(entry, port, self._profile, named=SURE)
        return Extent.uniform(known, everyone) & self._declaring(name, port)

    def _declaring(self, name: str, port: Port) -> Extent:
        """The destinations that have this port under this name."""
        hosts, declaring = self._population.on_host_network, self._population.declaring(name, port)
        outside = Extent.uniform(admitted(self._profile, Point.NAMED_PORT_OUTSIDE), hosts)
        declared = Extent.exactly(declaring & hosts)
        return Extent.exactly(declaring & ~hosts) | choice(self._profile, Point.HOST_NETWORK, yes=declared, no=outside)

    def _rule_peers(self, rule: Rule, policy: NetworkPolicy) -> Extent:
        if rule.peers is None:
            return Extent.exactly(self._population.everyone)
        return union(self._peer(peer, policy.ref.namespace) for peer in rule.peers)

    def _peer(self, peer: Peer, home: str) -> Extent:
        hosts, plain = self._population.on_host_network, ~self._population.on_host_network
        if isinstance(peer, IPBlock):
            held = self._population.held(peer)
            return held.within(hosts) | choice(self._profile, Point.IP_BLOCK_OF_PODS, yes=held.within(plain), no=NOBODY)
        picked = Extent.exactly(self._population.residents(peer.namespaces, home) & self._population.select(peer.pods))
        return picked.within(plain) | choice(self._profile, Point.HOST_NETWORK, yes=picked.within(hosts), no=NOBODY)
