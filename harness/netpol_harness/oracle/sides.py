"""One direction of a flow: the stages of its evaluation, the policies that isolate the subject, and what is exempt.

Implements "The two sorts of pod isolation" of the Kubernetes documentation: a subject that no policy selects is not
isolated; otherwise a flow is allowed if a rule of such a policy admits it, or if it is exempt. Around this are the
tiers of ClusterNetworkPolicy: the Admin tier first; then NetworkPolicies, which are final for a subject that they
isolate; then the Baseline tier; then the answer is that the flow is allowed. Pure.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from netpol_harness.model.cluster_policy import Tier
from netpol_harness.model.names import Direction, NamespacedName, Protocol
from netpol_harness.model.objects import Pod, World
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.oracle.endpoints import EndpointIndex
from netpol_harness.oracle.match import ALWAYS, NEVER, Certainty, Match, both, by_profile, undecided
from netpol_harness.oracle.points import Decision, OpenPoint, Profile
from netpol_harness.oracle.rules import DirectedFlow, RuleMatcher
from netpol_harness.oracle.stages import unless, with_tier
from netpol_harness.oracle.tiers import TierJudge
from netpol_harness.oracle.verdict import Answer, Flow, Host, Side, Stage


class SideJudge:
    """Judges single directions in one world, as one profile reads the policies."""

    def __init__(self, world: World, profile: Profile, endpoints: EndpointIndex) -> None:
        self._profile = profile
        self._endpoints = endpoints
        self._rules = RuleMatcher(endpoints, profile)
        self._tiers = TierJudge(world, endpoints, profile) if world.cluster_policies else None
        self._policies: dict[tuple[str, Direction], list[NetworkPolicy]] = defaultdict(list)
        for policy in sorted(world.policies, key=lambda policy: policy.ref):
            for direction in policy.directions:
                self._policies[policy.ref.namespace, direction].append(policy)
        self._isolating_pod: dict[tuple[NamespacedName, Direction], Sequence[NetworkPolicy]] = {}

    def judge(self, flow: Flow, direction: Direction) -> Side:
        """Judge one direction. It is undefined if an end is a pod that is not running."""
        side = self._judge(flow, direction)
        if not flow.forwarded or direction is Direction.EGRESS:
            return side
        by_node = self._judge(replace(flow, source=Host(node=True)), direction)
        return side if side.answer is by_node.answer else self._by_source(side, by_node)

    def _by_source(self, kept: Side, replaced: Side) -> Side:
        """Choose between the answers for the client and for the node that forwards its connection."""
        match self._profile.decided.get(OpenPoint.FORWARDED):
            case Decision.NO:
                return replace(kept, points=kept.points | {OpenPoint.FORWARDED})
            case Decision.YES:
                return replace(replaced, points=replaced.points | {OpenPoint.FORWARDED})
            case None:
                points = kept.points | replaced.points | {OpenPoint.FORWARDED}
                return replace(kept, answer=Answer.UNDEFINED, points=points)

    def _judge(self, flow: Flow, direction: Direction) -> Side:
        source, destination = self._endpoints.find(flow.source), self._endpoints.find(flow.destination)
        if source is None or destination is None:
            return Side(direction, Answer.UNDEFINED, points=frozenset({OpenPoint.NOT_KNOWN}))
        subject, peer = (source, destination) if direction is Direction.EGRESS else (destination, source)
        if isinstance(subject, Host):
            return Side(direction, Answer.ALLOWED)
        destination_pod = None if isinstance(destination, Host) else destination
        return self._judge_pod(DirectedFlow(flow, direction, subject, peer, destination_pod))

    def _judge_pod(self, directed: DirectedFlow) -> Side:
        side = self._by_network_policies(directed)
        if self._tiers is None:
            return side
        tiered = side if side.isolating else self._with_baseline(self._tiers, directed, side)
        tiered = with_tier(Tier.ADMIN, self._tiers.judge(Tier.ADMIN, directed), tiered)
        return unless(self._exemption_from_tiers(directed), tiered, side)

    def _with_baseline(self, tiers: TierJudge, directed: DirectedFlow, side: Side) -> Side:
        """Add the Baseline tier to a side that no NetworkPolicy isolates."""
        tiered = with_tier(Tier.BASELINE, tiers.judge(Tier.BASELINE, directed), side)
        if not self._isolating(directed.subject, directed.direction.opposite):
            return tiered
        return unless(by_profile(self._profile, OpenPoint.OTHER_DIRECTION), tiered, side)

    def _exemption_from_tiers(self, directed: DirectedFlow) -> Match:
        """Whether ClusterNetworkPolicies do not apply to the flow in this direction."""
        profile, flow = self._profile, directed.flow
        if profile.decided.get(OpenPoint.NO_IMPLEMENTATION) is Decision.YES:
            return Match(Certainty.ALWAYS, decided=frozenset({OpenPoint.NO_IMPLEMENTATION}))
        if directed.subject.host_network:
            return ALWAYS
        if flow.source == flow.destination:
            is_translated = self._endpoints.is_translated(flow)
            return by_profile(profile, OpenPoint.TIER_HAIRPIN, yes=NEVER, no=ALWAYS) if is_translated else ALWAYS
        if directed.direction is Direction.EGRESS:
            return NEVER
        return by_profile(
            profile, OpenPoint.NODE_TO_OWN_POD, yes=self._endpoints.is_own_node(directed.subject, directed.peer)
        )

    def _isolating(self, subject: Pod, direction: Direction) -> Sequence[NetworkPolicy]:
        """Return the policies that isolate a pod of the world. They are the same for each of its flows."""
        known = self._isolating_pod.get((subject.ref, direction))
        if known is None:
            policies = self._policies.get((subject.ref.namespace, direction), ())
            known = tuple(policy for policy in policies if policy.subject.matches(subject.labels))
            self._isolating_pod[subject.ref, direction] = known
        return known

    def _by_network_policies(self, directed: DirectedFlow) -> Side:
        subject, direction = directed.subject, directed.direction
        isolating = self._isolating(subject, direction)
        if not isolating:
            return Side(direction, Answer.ALLOWED, stages=frozenset({Stage.DEFAULT}))
        pairs = [pair for policy in isolating for pair in self._rules.admissions(policy, directed)]
        answer, points = _resolve([*self._exemptions(directed), *(match for _, match in pairs)])
        admissions = tuple(admission for admission, match in pairs if match.certainty is not Certainty.NEVER)
        refusals = partial(self._rules.refusals, isolating, directed)
        refs, stages = tuple(policy.ref for policy in isolating), frozenset({Stage.NETWORK_POLICY})
        return Side(direction, answer, refs, admissions, points, refusals, stages=stages)

    def _exemptions(self, directed: DirectedFlow) -> Iterator[Match]:
        """Yield what may allow the flow without a rule."""
        profile, flow = self._profile, directed.flow
        if profile.decided.get(OpenPoint.NO_IMPLEMENTATION) is Decision.YES:
            yield Match(Certainty.ALWAYS, decided=frozenset({OpenPoint.NO_IMPLEMENTATION}))
        if flow.source == flow.destination:
            yield by_profile(profile, OpenPoint.HAIRPIN) if self._endpoints.is_translated(flow) else ALWAYS
        if directed.subject.host_network:
            yield by_profile(profile, OpenPoint.HOST_NETWORK, yes=NEVER, no=ALWAYS)
        if flow.port.protocol is Protocol.ICMP and OpenPoint.OTHER_PROTOCOLS not in profile.decided:
            yield undecided(OpenPoint.OTHER_PROTOCOLS)
        if directed.direction is Direction.EGRESS and flow.forwarded and not flow.virtual:  # it may see the node there
            own_node = by_profile(profile, OpenPoint.OWN_NODE, yes=undecided(OpenPoint.NOT_KNOWN))
            yield both(by_profile(profile, OpenPoint.TRANSLATION), own_node)
        node = self._endpoints.is_own_node(directed.subject, directed.peer)
        yield node if directed.direction is Direction.INGRESS else by_profile(profile, OpenPoint.OWN_NODE, yes=node)


def isolates(policy: NetworkPolicy, pod: Pod, direction: Direction) -> bool:
    """Whether the policy isolates the pod in this direction."""
    return direction in policy.directions and selects(policy, pod)


def selects(policy: NetworkPolicy, pod: Pod) -> bool:
    """Whether the pod is in the policy's namespace and its ``podSelector`` matches."""
    return policy.ref.namespace == pod.ref.namespace and policy.subject.matches(pod.labels)


def _resolve(matches: Iterable[Match]) -> tuple[Answer, frozenset[OpenPoint]]:
    """Allowed if a match is certain, blocked if none is possible; with the points that this depends on."""
    by_certainty: dict[Certainty, list[Match]] = {certainty: [] for certainty in Certainty}
    for match in matches:
        by_certainty[match.certainty].append(match)
    if certain := by_certainty[Certainty.ALWAYS]:
        return Answer.ALLOWED, min((match.decided for match in certain), key=len)
    if possible := by_certainty[Certainty.MAYBE]:
        return Answer.UNDEFINED, frozenset().union(*(match.depends_on for match in possible))
    return Answer.BLOCKED, frozenset().union(*(match.decided for match in by_certainty[Certainty.NEVER]))
