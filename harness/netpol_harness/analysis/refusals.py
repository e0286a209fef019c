"""Why a rule does not admit a flow: the parts of it that do not fit, in words, nearest miss first. Pure.

The oracle has decided already that the rule does not admit; here its reasons are put in words.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from netpol_harness.analysis.wording import listed
from netpol_harness.model.labels import Labels, LabelSelector
from netpol_harness.model.names import Direction, NamespacedName, Port
from netpol_harness.model.objects import Pod, World
from netpol_harness.model.policy import IPBlock, NetworkPolicy, Peer, PodPeer, PolicyPort, Rule
from netpol_harness.oracle.verdict import End, Flow

Spell = Callable[[End], str]


@dataclass(frozen=True, slots=True)
class Miss:
    """A rule that does not admit a flow. ``peer`` and ``port`` say what does not fit; empty where that part does."""

    policy: NetworkPolicy
    rule: int
    peer: str
    port: str

    @property
    def distance(self) -> int:
        """How many parts of the rule do not fit."""
        return bool(self.peer) + bool(self.port)

    @property
    def words(self) -> str:
        """What does not fit."""
        return " and ".join(filter(None, (self.peer, self.port)))


@dataclass(frozen=True, slots=True)
class RuleView:
    """A flow as the policies at one of its ends see it. ``subject`` is that end, ``peer`` the other."""

    flow: Flow
    direction: Direction
    world: World
    spell: Spell

    @property
    def subject(self) -> End:
        """The end whose policies are looked at."""
        return self.flow.source if self.direction is Direction.EGRESS else self.flow.destination

    @property
    def peer(self) -> End:
        """The other end."""
        return self.flow.destination if self.direction is Direction.EGRESS else self.flow.source

    def misses(self, policies: list[NetworkPolicy]) -> list[Miss]:
        """Every rule of these policies in this direction, the nearest miss first."""
        found = [
            Miss(policy, index, self._peers(policy, rule), self._ports(rule))
            for policy in policies
            for index, rule in enumerate(policy.rules(self.direction))
        ]
        return sorted(found, key=lambda miss: miss.distance)

    def _peers(self, policy: NetworkPolicy, rule: Rule) -> str:
        """Why no peer of the rule fits: the first reason of the one that comes nearest."""
        if rule.peers is None:
            return ""
        reasons = min((list(self._peer(policy, peer)) for peer in rule.peers), key=len)
        return next(iter(reasons), "")

    def _peer(self, policy: NetworkPolicy, peer: Peer) -> Iterator[str]:
        who = self.spell(self.peer)
        pod = self._pod
        if isinstance(peer, IPBlock):
            yield f"{who} is not in {peer.cidr}"
            return
        if pod is None:
            yield f"{who} is no pod"
            return
        yield from self._namespace(policy, peer, pod)
        if peer.pods:
            yield from unmet(peer.pods, pod.labels, who)

    def _namespace(self, policy: NetworkPolicy, peer: PodPeer, pod: Pod) -> Iterator[str]:
        home = pod.ref.namespace
        if peer.namespaces is None:
            if home != policy.ref.namespace:
                yield f"{self.spell(self.peer)} is in namespace {home}"
        elif home in self.world.namespaces:
            yield from unmet(peer.namespaces, self.world.namespaces[home].labels, f"namespace {home}")

    def _ports(self, rule: Rule) -> str:
        if rule.ports is None or any(self._fits(port) for port in rule.ports):
            return ""
        named = [port for port in rule.ports if isinstance(port.port, str)]
        return listed([f"the connection is to {self.flow.port}", *map(self._name, named)])

    def _fits(self, port: PolicyPort) -> bool:
        asked = self.flow.port
        if port.protocol is not asked.protocol:
            return False
        match port.port:
            case None:
                return True
            case str(name):
                return asked.number in self._numbers(name, asked)
            case number:
                return number <= asked.number <= (port.end_port or number)

    def _name(self, port: PolicyPort) -> str:
        numbers = sorted(self._numbers(str(port.port), Port(port.protocol, 0)))
        who = self.spell(self.flow.destination)
        if not numbers:
            return f"{who} has no {port.protocol} port called {port.port}"
        return f"port {port.port} of {who} is {listed([*map(str, numbers)])}"

    def _numbers(self, name: str, asked: Port) -> frozenset[int]:
        end = self.flow.destination
        pod = self.world.pods.get(end) if isinstance(end, NamespacedName) else None
        return pod.numbers(name, asked.protocol) if pod else frozenset()

    @property
    def _pod(self) -> Pod | None:
        return self.world.pods.get(self.peer) if isinstance(self.peer, NamespacedName) else None


def unmet(selector: LabelSelector, labels: Labels, who: str) -> Iterator[str]:
    """Why a selector does not match labels: ``web-pod has tier=web``, ``namespace app has no label name``."""
    for requirement in selector.requirements:
        if not requirement.matches(labels):
            key = requirement.key
            yield f"{who} has {key}={labels[key]}" if key in labels else f"{who} has no label {key}"
