"""What the ClusterNetworkPolicies of one tier do with one direction of a flow. Pure.

Policies go in order of priority, the rules of a policy in order; the first rule that matches decides. Of policies with
one tier and one priority any may decide that matches ("the implementation can apply any of the matching policies").
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from netpol_harness.model.cluster_policy import Action, ClusterNetworkPolicy, Tier
from netpol_harness.model.objects import World
from netpol_harness.oracle.cluster_peers import ClusterPeerMatcher
from netpol_harness.oracle.cluster_rules import rule_effects
from netpol_harness.oracle.endpoints import EndpointIndex
from netpol_harness.oracle.match import Certainty
from netpol_harness.oracle.points import Decision, OpenPoint, Profile
from netpol_harness.oracle.rules import DirectedFlow
from netpol_harness.oracle.verdict import Ruling

Group = Sequence[ClusterNetworkPolicy]


def in_order(world: World, profile: Profile) -> Mapping[Tier, Sequence[Group]]:
    """Return the policies of each tier in order, in groups whose inner order is open.

    A profile that decides on ties puts each policy into a group of its own, in order of name.
    """
    by_name = profile.decided.get(OpenPoint.ADMIN_TIERS) is Decision.YES
    groups: dict[Tier, dict[tuple[int, str], list[ClusterNetworkPolicy]]] = {tier: defaultdict(list) for tier in Tier}
    for policy in sorted(world.cluster_policies, key=lambda policy: (policy.priority, policy.name)):
        groups[policy.tier][policy.priority, policy.name if by_name else ""].append(policy)
    return {tier: list(found.values()) for tier, found in groups.items()}


@dataclass(frozen=True, slots=True)
class TierResult:
    """What a tier may do. ``None`` among the actions means that no rule matches; there is one action if it is certain.

    ``depends_on`` are the open points, empty if there is one action.
    """

    actions: frozenset[Action | None]
    rulings: tuple[Ruling, ...] = ()
    depends_on: frozenset[OpenPoint] = frozenset()

    @property
    def goes_on(self) -> bool:
        """Whether the next stage may be reached."""
        return bool(self.actions & {None, Action.PASS})


class TierJudge:
    """Judges single flows in one world, as one profile reads the policies."""

    def __init__(self, world: World, endpoints: EndpointIndex, profile: Profile) -> None:
        self._profile = profile
        self._peers = ClusterPeerMatcher(world, endpoints, profile)
        self._groups = in_order(world, profile)

    def judge(self, tier: Tier, directed: DirectedFlow) -> TierResult:
        """Walk the tier until a rule certainly matches."""
        actions, rulings = set[Action | None](), list[Ruling]()
        for group in self._groups[tier]:
            results = [self._policy(policy, directed) for policy in group]
            found = _group(results)
            rulings += found.rulings
            actions |= found.actions - {None}
            if None not in found.actions:
                break
        else:
            actions.add(None)
        points = frozenset[OpenPoint]().union(*(ruling.points for ruling in rulings))
        return TierResult(frozenset(actions), tuple(rulings), points if len(actions) > 1 else frozenset())

    def _policy(self, policy: ClusterNetworkPolicy, directed: DirectedFlow) -> TierResult:
        subject = self._peers.selection(policy.subject, directed.subject)
        if subject.certainty is Certainty.NEVER:
            return TierResult(frozenset({None}))
        actions, rulings = set[Action | None](), list[Ruling]()
        for ruling, certainty in self._rulings(policy, directed):
            actions.add(ruling.action)
            rulings.append(replace(ruling, points=ruling.points | subject.depends_on))
            if certainty is Certainty.ALWAYS:
                break
        else:
            actions.add(None)
        return TierResult(frozenset(actions | {None} if subject.depends_on else actions), tuple(rulings))

    def _rulings(self, policy: ClusterNetworkPolicy, directed: DirectedFlow) -> Iterator[tuple[Ruling, Certainty]]:
        for number, rule in enumerate(policy.rules(directed.direction)):
            for effect in rule_effects(rule, policy, directed, self._peers, self._profile):
                yield (
                    Ruling(
                        policy.name,
                        policy.tier,
                        policy.priority,
                        number,
                        effect.action,
                        rule.name,
                        effect.peer,
                        effect.port,
                        effect.match.depends_on,
                        effect.fails_closed,
                    ),
                    effect.match.certainty,
                )


def _group(results: Sequence[TierResult]) -> TierResult:
    """Combine policies of one priority: if several that match differ, it is open which of them decides."""
    rulings = [ruling for result in results for ruling in result.rulings]
    actions = frozenset[Action | None]().union(*(result.actions - {None} for result in results))
    matching = [result for result in results if result.actions - {None}]
    if len(matching) > 1 and len(actions) > 1:
        rulings = [replace(ruling, points=ruling.points | {OpenPoint.ADMIN_TIERS}) for ruling in rulings]
    goes_on = all(None in result.actions for result in results)
    return TierResult(actions | {None} if goes_on else actions, tuple(rulings))
