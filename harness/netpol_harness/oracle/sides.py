"""One direction of a flow: which policies isolate the subject there, and what admits the flow all the same.

Implements "The two sorts of pod isolation" of the Kubernetes documentation: without a policy that selects it, a subject
is open; else a flow passes where some rule of some such policy admits it, or where it is exempt. Pure.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TypeVar

from netpol_harness.model.names import Direction, Protocol
from netpol_harness.model.objects import Pod, World
from netpol_harness.model.policy import IPBlock, NetworkPolicy, Peer, PolicyPort, Rule
from netpol_harness.oracle.blocks import block_match, block_reasons
from netpol_harness.oracle.endpoints import EndpointIndex
from netpol_harness.oracle.match import NEVER, SURE, Holds, Match, admitted, both, choice, hanging
from netpol_harness.oracle.mismatch import DecidedAgainst, PeerReason, PortReason
from netpol_harness.oracle.peers import Peers, addresses_of
from netpol_harness.oracle.points import Decision, Point, Profile
from netpol_harness.oracle.ports import name_match, port_match, port_mismatch
from netpol_harness.oracle.verdict import Admission, Answer, Flow, Outside, Refusal, Side

Entry = TypeVar("Entry", Peer, PolicyPort)


@dataclass(frozen=True, slots=True)
class FlowCase:
    """A flow seen from one of its ends. ``destination`` is ``None`` where it is no pod."""

    flow: Flow
    direction: Direction
    subject: Pod
    peer: Pod | Outside
    destination: Pod | None


class Sides:
    """Judges single directions in one world, as one profile reads the policies."""

    def __init__(self, world: World, profile: Profile, places: EndpointIndex) -> None:
        self._profile = profile
        self._places = places
        self._peers = Peers(places, profile)
        self._policies: dict[tuple[str, Direction], list[NetworkPolicy]] = defaultdict(list)
        for policy in sorted(world.policies, key=lambda policy: policy.ref):
            for direction in policy.directions:
                self._policies[policy.ref.namespace, direction].append(policy)

    def judge(self, flow: Flow, direction: Direction) -> Side:
        """The answer for one direction. An end that is nobody leaves it undefined."""
        source, destination = self._places.find(flow.source), self._places.find(flow.destination)
        if source is None or destination is None:
            return Side(direction, Answer.UNDEFINED, points=frozenset({Point.NOT_KNOWN}))
        ends = (source, destination) if direction is Direction.EGRESS else (destination, source)
        if isinstance(ends[0], Outside):
            return Side(direction, Answer.ALLOWED)
        addressed = None if isinstance(destination, Outside) else destination
        return self._subject_side(FlowCase(flow, direction, ends[0], ends[1], addressed))

    def _subject_side(self, case: FlowCase) -> Side:
        policies, labels = self._policies.get((case.subject.ref.namespace, case.direction), ()), case.subject.labels
        isolating = [policy for policy in policies if policy.subject.matches(labels)]
        if not isolating:
            return Side(case.direction, Answer.ALLOWED)
        found = [entry for policy in isolating for entry in self._readings(policy, case)]
        answer, points = _decide([*self._exemptions(case), *(match for _, match in found)])
        admissions = tuple(admission for admission, match in found if match.holds is not Holds.NEVER)
        refusals = partial(self._refusals, isolating, case)
        return Side(case.direction, answer, tuple(policy.ref for policy in isolating), admissions, points, refusals)

    def _exemptions(self, case: FlowCase) -> Iterator[Match]:
        """What passes without a rule."""
        profile = self._profile
        if profile.decided.get(Point.NO_IMPLEMENTATION) is Decision.YES:
            yield Match(Holds.SURELY, decided=frozenset({Point.NO_IMPLEMENTATION}))
        if case.flow.source == case.flow.destination:
            yield admitted(profile, Point.HAIRPIN) if self._places.translates(case.flow) else SURE
        if case.subject.host_network:
            yield choice(profile, Point.HOST_NETWORK, yes=NEVER, no=SURE)
        if case.flow.port.protocol is Protocol.ICMP and Point.OTHER_PROTOCOLS not in profile.decided:
            yield hanging(Point.OTHER_PROTOCOLS)
        node = self._places.own_node(case.subject, case.peer)
        yield node if case.direction is Direction.INGRESS else choice(profile, Point.OWN_NODE, yes=node, no=NEVER)

    def _readings(self, policy: NetworkPolicy, case: FlowCase) -> Iterator[tuple[Admission, Match]]:
        """The pairs of a peer and a port of the policy's rules, and whether they admit the flow.

        Entries that refuse it by the text alone are left out: whatever they are paired with, they decide nothing.
        """
        for number, rule in enumerate(policy.rules(case.direction)):
            ports = _telling((index, self._port(port, case)) for index, port in _numbered(rule.ports))
            home = policy.ref.namespace
            peers = _telling((index, self._peer(peer, home, case)) for index, peer in _numbered(rule.peers) if ports)
            for (peer_index, end), (port_index, port) in product(peers, ports):
                match = both(end, port)
                yield Admission(policy.ref, number, peer_index, port_index, match.hangs_on), match

    def _refusals(self, policies: Sequence[NetworkPolicy], case: FlowCase) -> tuple[Refusal, ...]:
        """Every rule of these policies of which no peer or no port matches."""
        refusals = (
            Refusal(policy.ref, number, self._peer_reasons(rule, policy, case), self._port_reasons(rule, case))
            for policy in policies
            for number, rule in enumerate(policy.rules(case.direction))
        )
        return tuple(refusal for refusal in refusals if refusal.peers or refusal.ports)

    def _peer_reasons(self, rule: Rule, policy: NetworkPolicy, case: FlowCase) -> tuple[tuple[PeerReason, ...], ...]:
        home = policy.ref.namespace
        reasons = [tuple(self._peer_reason(peer, home, case)) for peer in rule.peers or ()]
        return tuple(reasons) if all(reasons) else ()

    def _peer_reason(self, peer: Peer, home: str, case: FlowCase) -> Iterator[PeerReason]:
        """Yield why the entry does not match; nothing if it does, or may."""
        match = self._peer(peer, home, case)
        if match.holds is not Holds.NEVER:
            return
        if match.decided:
            yield DecidedAgainst(match.decided)
        elif isinstance(peer, IPBlock):
            virtual = self._virtual_addresses(case) or ()
            yield from block_reasons(peer, (*addresses_of(case.peer), *virtual))
        else:
            yield from self._peers.selector_reasons(peer, home, case.peer)

    def _port_reasons(self, rule: Rule, case: FlowCase) -> tuple[PortReason, ...]:
        """The reason of each entry; nothing if one of them matches, or may."""
        reasons = list[PortReason]()
        for _, entry in _numbered(rule.ports):
            match = self._port(entry, case)
            if match.holds is not Holds.NEVER:
                return ()
            if match.decided or entry is None:
                reasons.append(DecidedAgainst(match.decided))
            else:
                reasons.append(port_mismatch(entry, case.flow.port, case.destination))
        return tuple(reasons)

    def _peer(self, peer: Peer | None, home: str, case: FlowCase) -> Match:
        match peer:
            case None:
                return SURE
            case IPBlock():
                held, virtual = self._peers.in_block(peer, case.peer), self._virtual_addresses(case)
                if virtual is None:
                    return held
                return choice(self._profile, Point.TRANSLATION, yes=block_match(peer, virtual), no=held)
            case _:
                return self._peers.selected(peer, home, case.peer)

    def _virtual_addresses(self, case: FlowCase) -> Sequence[str] | None:
        """The addresses that egress rules may see before translation; ``None`` where none takes place."""
        if case.direction is Direction.INGRESS or not self._places.translates(case.flow):
            return None
        return self._places.virtual_addresses(case.flow)

    def _port(self, entry: PolicyPort | None, case: FlowCase) -> Match:
        named = NEVER
        if entry is not None and isinstance(entry.port, str):
            named = name_match(entry.port, case.flow.port, case.destination, case.direction, self._profile)
        return port_match(entry, case.flow.port, self._profile, named=named)


def isolates(policy: NetworkPolicy, pod: Pod, direction: Direction) -> bool:
    """Whether the policy isolates the pod in this direction."""
    return direction in policy.directions and selects(policy, pod)


def selects(policy: NetworkPolicy, pod: Pod) -> bool:
    """Whether the pod is in the policy's namespace and matches its podSelector."""
    return policy.ref.namespace == pod.ref.namespace and policy.subject.matches(pod.labels)


def _numbered(entries: Sequence[Entry] | None) -> Iterable[tuple[int | None, Entry | None]]:
    """The entries with their indexes; one ``None`` for a list that is absent, and so means all."""
    return [(None, None)] if entries is None else enumerate(entries)


def _telling(matches: Iterable[tuple[int | None, Match]]) -> list[tuple[int | None, Match]]:
    return [(index, match) for index, match in matches if match != NEVER]


def _decide(matches: Iterable[Match]) -> tuple[Answer, frozenset[Point]]:
    """Allowed where something surely admits, blocked where nothing can, with the points that it was decided by."""
    by_holds: dict[Holds, list[Match]] = {holds: [] for holds in Holds}
    for match in matches:
        by_holds[match.holds].append(match)
    if sure := by_holds[Holds.SURELY]:
        return Answer.ALLOWED, min((match.decided for match in sure), key=len)
    if maybe := by_holds[Holds.MAYBE]:
        return Answer.UNDEFINED, frozenset().union(*(match.hangs_on for match in maybe))
    return Answer.BLOCKED, frozenset().union(*(match.decided for match in by_holds[Holds.NEVER]))
