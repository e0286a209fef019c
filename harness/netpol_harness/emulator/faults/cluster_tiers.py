"""ClusterNetworkPolicy: tiers, priorities, actions and the order of rules misread."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from netpol_harness.emulator.dataplane.rules import Chain, Ruleset
from netpol_harness.emulator.faults.mutant import Mutant, RuleFault, WorldFault
from netpol_harness.model.cluster_policy import UNKNOWN, Action, ClusterNetworkPolicy, ClusterRule, Tier
from netpol_harness.model.names import Direction
from netpol_harness.model.objects import World

_BEYOND = 1001
"""More than any priority."""

Rules = tuple[ClusterRule, ...]


def cluster_policies(rewrite: Callable[[ClusterNetworkPolicy], Iterable[ClusterNetworkPolicy]]) -> WorldFault:
    """Replace every ClusterNetworkPolicy by any number of them."""

    def fault(now: World, _: World) -> World:
        return replace(now, cluster_policies=tuple(new for old in now.cluster_policies for new in rewrite(old)))

    return fault


def cluster_rule_lists(rewrite: Callable[[Rules], Iterable[ClusterRule]]) -> WorldFault:
    """Rewrite every list of rules."""
    return cluster_policies(
        lambda policy: [replace(policy, ingress=tuple(rewrite(policy.ingress)), egress=tuple(rewrite(policy.egress)))]
    )


def cluster_rules(rewrite: Callable[[ClusterRule], Iterable[ClusterRule]]) -> WorldFault:
    """Replace every rule by any number of rules."""
    return cluster_rule_lists(lambda rules: [new for rule in rules for new in rewrite(rule)])


def _chains(prefix: str, suffix: str, rewrite: Callable[[str], str]) -> RuleFault:
    """Rewrite every line of some chains."""

    def fault(correct: Ruleset, _: Ruleset) -> Ruleset:
        chains = {
            name: replace(chain, rules=tuple(map(rewrite, chain.rules)))
            if name.startswith(prefix) and name.endswith(suffix)
            else chain
            for name, chain in correct.chains.items()
        }
        return replace(correct, chains=chains)

    return fault


def _with_action(action: Action, read_as: Action) -> WorldFault:
    return cluster_rules(lambda rule: [replace(rule, action=read_as) if rule.action is action else rule])


def _without_action(action: Action) -> WorldFault:
    return cluster_rules(lambda rule: [] if rule.action is action else [rule])


def _moved(tier: Tier, to: Tier, by: int) -> WorldFault:
    return cluster_policies(
        lambda policy: [
            replace(policy, tier=to, priority=policy.priority + by) if policy.tier is tier else policy,
        ]
    )


def _priorities(read: Callable[[int], int]) -> WorldFault:
    return cluster_policies(lambda policy: [replace(policy, priority=read(policy.priority))])


def _first_of_each_tier(now: World, _: World) -> World:
    ordered = sorted(now.cluster_policies, key=lambda policy: (policy.priority, policy.name), reverse=True)
    return replace(now, cluster_policies=tuple({policy.tier: policy for policy in ordered}.values()))


def _isolating(rules: Rules) -> Rules:
    return (*rules, ClusterRule(Action.DENY, (UNKNOWN,), None)) if rules else ()


def _strictest_first(rules: Rules) -> list[ClusterRule]:
    return sorted(rules, key=lambda rule: rule.action is not Action.DENY)


def _only(direction: Direction) -> WorldFault:
    if direction is Direction.EGRESS:
        return cluster_policies(lambda policy: [replace(policy, ingress=())])
    return cluster_policies(lambda policy: [replace(policy, egress=())])


def _deleted_remains(now: World, before: World) -> World:
    names = {policy.name for policy in now.cluster_policies}
    gone = tuple(policy for policy in before.cluster_policies if policy.name not in names)
    return replace(now, cluster_policies=(*now.cluster_policies, *gone))


def _update_missed(now: World, before: World) -> World:
    known = {policy.name: policy for policy in before.cluster_policies}
    return replace(now, cluster_policies=tuple(known.get(p.name, p) for p in now.cluster_policies))


def _node_spared(correct: Ruleset, _: Ruleset) -> Ruleset:
    hook = correct.chains["input"].hook
    return replace(correct, chains={**correct.chains, "input": Chain((), hook)})


def _mutant(name: str, description: str, sources: str, fault: WorldFault) -> Mutant:
    return Mutant(name, description, tuple(sources.split()), world=fault)


MUTANTS = (
    _mutant(
        "cnp-not-enforced",
        "ClusterNetworkPolicies are stored, and not enforced.",
        "tiers_in_order admin_both_directions",
        cluster_policies(lambda _: []),
    ),
    _mutant(
        "cnp-baseline-not-enforced",
        "ClusterNetworkPolicies of the Baseline tier are not enforced.",
        "baseline_both_directions",
        cluster_policies(lambda policy: [policy] if policy.tier is Tier.ADMIN else []),
    ),
    _mutant(
        "cnp-ingress-not-enforced",
        "Ingress rules of ClusterNetworkPolicies are not enforced.",
        "admin_both_directions",
        _only(Direction.EGRESS),
    ),
    _mutant(
        "cnp-egress-not-enforced",
        "Egress rules of ClusterNetworkPolicies are not enforced.",
        "admin_both_directions",
        _only(Direction.INGRESS),
    ),
    _mutant(
        "cnp-priorities-reversed",
        "Of ClusterNetworkPolicies of a tier, the highest number goes first.",
        "admin_priority",
        _priorities(lambda number: -number),
    ),
    _mutant(
        "cnp-priorities-ignored",
        "ClusterNetworkPolicies of a tier go in the order of their names.",
        "cnp-many-priorities",
        _priorities(lambda _: 0),
    ),
    _mutant(
        "cnp-priorities-in-one-byte",
        "Priorities of ClusterNetworkPolicies wrap around at 256.",
        "cnp-many-priorities",
        _priorities(lambda number: number % 256),
    ),
    _mutant(
        "cnp-only-the-first-of-a-tier",
        "Of the ClusterNetworkPolicies of a tier only the first is evaluated.",
        "cnp-many-priorities",
        _first_of_each_tier,
    ),
    _mutant(
        "cnp-baseline-before-network-policies",
        "The Baseline tier is evaluated before NetworkPolicies.",
        "tiers_in_order",
        _moved(Tier.BASELINE, Tier.ADMIN, _BEYOND),
    ),
    _mutant(
        "cnp-admin-after-network-policies",
        "The Admin tier is evaluated after NetworkPolicies.",
        "tiers_in_order cnp-tier-order-np-before-admin",
        _moved(Tier.ADMIN, Tier.BASELINE, -_BEYOND),
    ),
    _mutant(
        "cnp-pass-read-as-accept",
        "What a Pass rule matches is accepted, whatever NetworkPolicies say.",
        "tiers_in_order admin_both_directions",
        _with_action(Action.PASS, Action.ACCEPT),
    ),
    _mutant(
        "cnp-pass-ignored",
        "A Pass rule has no effect: rules after it are evaluated.",
        "admin_both_directions",
        _without_action(Action.PASS),
    ),
    Mutant(
        "cnp-pass-ends-only-its-policy",
        "A Pass rule skips the rest of its policy, and not the rest of the tier.",
        ("admin_priority",),
        rules=_chains("cluster-policy/", "", lambda line: line.replace("meta mark set 2 return", "return")),
    ),
    _mutant(
        "cnp-accept-read-as-pass",
        "What an Accept rule of the Admin tier matches, NetworkPolicies may still deny.",
        "cnp-tier-order-np-before-admin",
        _with_action(Action.ACCEPT, Action.PASS),
    ),
    Mutant(
        "cnp-accept-of-egress-spares-ingress",
        "What an egress rule accepts, no policy of the destination can deny.",
        ("cnp-egress-accept-meets-ingress",),
        rules=_chains("cluster-policy/", "/egress", lambda line: line.replace("meta mark set 1 return", "accept")),
    ),
    _mutant(
        "cnp-deny-ignored",
        "A Deny rule has no effect.",
        "admin_both_directions",
        _without_action(Action.DENY),
    ),
    _mutant(
        "cnp-isolates",
        "A ClusterNetworkPolicy denies what none of its rules matches.",
        "admin_both_directions admin_egress_tcp",
        cluster_rule_lists(_isolating),
    ),
    _mutant(
        "cnp-only-the-first-rule",
        "Of several rules of a ClusterNetworkPolicy only the first is evaluated.",
        "admin_both_directions",
        cluster_rule_lists(lambda rules: rules[:1]),
    ),
    _mutant(
        "cnp-last-rule-wins",
        "Of several rules of a ClusterNetworkPolicy that match, the last decides.",
        "admin_both_directions",
        cluster_rule_lists(lambda rules: rules[::-1]),
    ),
    _mutant(
        "cnp-strictest-rule-wins",
        "Of several rules of a ClusterNetworkPolicy that match, a Deny rule decides wherever it stands.",
        "admin_both_directions",
        cluster_rule_lists(_strictest_first),
    ),
    Mutant(
        "cnp-own-node-spared",
        "What a pod sends to its own node meets no ClusterNetworkPolicy.",
        ("admin_egress_nodes",),
        rules=_node_spared,
    ),
    _mutant(
        "cnp-deleted-stays",
        "A ClusterNetworkPolicy stays in force after its deletion, until the next change.",
        "cnp-many-priorities",
        _deleted_remains,
    ),
    _mutant(
        "cnp-update-missed",
        "A change of an existing ClusterNetworkPolicy is missed.",
        "admin_both_directions",
        _update_missed,
    ),
)
