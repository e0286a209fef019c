"""Rules and policies combined wrongly: a union becomes a product, an intersection, or the last entry only."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from netpol_harness.emulator.dataplane.rules import Chain, Ruleset
from netpol_harness.emulator.faults.mutant import Mutant, RuleFault
from netpol_harness.emulator.faults.rewriting import Rules, rule_lists, with_rules
from netpol_harness.model.names import Direction
from netpol_harness.model.objects import World
from netpol_harness.model.policy import NetworkPolicy, Rule

_TABLE = 1024
_NAME = 16
_COMMENT = 128
_DROP = "meta mark != 1 drop"


def _product(entries: Rules) -> list[Rule]:
    """Combine all peers with all ports. A list that one rule leaves open stays open."""
    if not entries:
        return []
    peers = [rule.peers for rule in entries]
    ports = [rule.ports for rule in entries]
    return [
        Rule(
            None if None in peers else tuple(peer for group in peers for peer in group or ()),
            None if None in ports else tuple(port for group in ports for port in group or ()),
        )
    ]


def _last_of_the_same_peers(entries: Rules) -> list[Rule]:
    last = {rule.peers: rule for rule in entries}
    return list(last.values())


def _frozen_by_a_long_name(now: World, before: World) -> World:
    """Keep the policies unchanged for as long as the name of one does not fit into the comment of a rule."""
    stuck = any(len(policy.ref.name) > _COMMENT for policy in now.policies)
    return replace(now, policies=before.policies) if stuck else now


def _size(policy: NetworkPolicy) -> int:
    return sum(len(rule.peers or "*") * len(rule.ports or "*") for rule in (*policy.ingress, *policy.egress))


def _emptied_when_full(now: World, _: World) -> World:
    """Keep policies in a table per namespace; the rules of policies that do not fit are lost."""
    fitted: list[NetworkPolicy] = []
    sizes: dict[str, int] = {}
    for policy in sorted(now.policies, key=lambda policy: policy.ref):
        sizes[policy.ref.namespace] = sizes.get(policy.ref.namespace, 0) + _size(policy)
        fits = sizes[policy.ref.namespace] <= _TABLE
        fitted.append(policy if fits else with_rules(policy, {direction: () for direction in Direction}))
    return replace(now, policies=tuple(fitted))


def _portless_lost(now: World, _: World) -> World:
    """Drop rules without ports if another policy for the same pods has ports."""
    ported = {
        (policy.ref.namespace, policy.subject, direction)
        for policy in now.policies
        for direction in Direction
        if any(rule.ports for rule in policy.rules(direction))
    }

    def kept(policy: NetworkPolicy, direction: Direction) -> Rules:
        lossy = (policy.ref.namespace, policy.subject, direction) in ported
        return tuple(rule for rule in policy.rules(direction) if rule.ports or not lossy)

    return replace(now, policies=tuple(with_rules(p, {d: kept(p, d) for d in Direction}) for p in now.policies))


def _last_by(key: Callable[[NetworkPolicy], object]) -> Callable[[World, World], World]:
    """Keep only the last of the policies with the same key."""

    def fault(now: World, _: World) -> World:
        entries = sorted(now.policies, key=lambda policy: policy.ref)
        return replace(now, policies=tuple({key(policy): policy for policy in entries}.values()))

    return fault


def _pod_chains(rewrite: Callable[[tuple[str, ...], Mapping[str, Chain]], tuple[str, ...]]) -> RuleFault:
    """Rewrite the chains of isolated pods, given their jumps to policies and all chains."""

    def fault(correct: Ruleset, _: Ruleset) -> Ruleset:
        chains = dict(correct.chains)
        for name, chain in correct.chains.items():
            if name.startswith("pod/") and chain.rules[-1:] == (_DROP,):
                before, jumps = _own_rules(chain)
                chains[name] = Chain((*before, *rewrite(jumps, correct.chains)))
        return replace(correct, chains=chains)

    return fault


def _own_rules(chain: Chain) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what comes before the jumps to a pod's NetworkPolicies, and these jumps."""
    first = 1 + max(i for i, rule in enumerate(chain.rules) if rule.endswith(" return"))
    return chain.rules[:first], chain.rules[first:-1]


def _one_after_the_other(jumps: tuple[str, ...], _: Mapping[str, Chain]) -> tuple[str, ...]:
    return tuple(rule for jump in jumps for rule in ("meta mark set 0", jump, _DROP))


def _drop_if_empty(jumps: tuple[str, ...], chains: Mapping[str, Chain]) -> tuple[str, ...]:
    """Drop everything if one policy admits nothing.

    Its chain then has only the line that returns what earlier policies have admitted.
    """
    empty = any(len(chains[jump.removeprefix("jump ")].rules) == 1 for jump in jumps)
    return ("drop",) if empty else (*jumps, _DROP)


def _only_one_subject(correct: Ruleset, _: Ruleset) -> Ruleset:
    """Of the pods that the same policies select, isolate only the first."""
    chains = dict(correct.chains)
    seen: set[tuple[str, ...]] = set()
    for name, chain in correct.chains.items():
        if name.startswith("pod/") and chain.rules[-1:] == (_DROP,):
            jumps = _own_rules(chain)[1]
            if jumps in seen:
                chains[name] = Chain()
            seen.add(jumps)
    return replace(correct, chains=chains)


MUTANTS = (
    Mutant(
        "rules-cross-product",
        "All peers of a policy's rules are admitted on all ports of its rules.",
        ("rules-cross-product",),
        world=rule_lists(_product),
    ),
    Mutant(
        "only-the-first-rule",
        "Of several rules of a policy only the first admits.",
        ("egress-two-rules-conjunction-race", "ports-empty-item-plus-numbered-port"),
        world=rule_lists(lambda entries: entries[:1]),
    ),
    Mutant(
        "only-the-last-rule",
        "Of several rules of a policy only the last admits.",
        ("egress-two-rules-conjunction-race", "peers-item-and-ports-item-are-two-rules"),
        world=rule_lists(lambda entries: entries[-1:]),
    ),
    Mutant(
        "same-peers-collapse",
        "Of several rules with the same peers only the last admits.",
        ("edited_field_by_field", "same-cidr-all-ports-lost-to-port-rule"),
        world=rule_lists(_last_of_the_same_peers),
    ),
    Mutant(
        "only-the-first-policy",
        "Of several policies for a pod only the first by name counts.",
        ("default-deny-plus-allow-console", "stacked_policies"),
        rules=_pod_chains(lambda jumps, _: (*jumps[:1], _DROP)),
    ),
    Mutant(
        "only-the-last-policy",
        "Of several policies for a pod only the last by name counts.",
        ("default-deny-plus-allow-console", "two-policies-peer-rule-and-port-rule"),
        rules=_pod_chains(lambda jumps, _: (*jumps[-1:], _DROP)),
    ),
    Mutant(
        "every-policy-must-admit",
        "Of several policies for a pod, every one has to admit a connection.",
        ("default-deny-plus-allow-console", "allow_beside_default_deny"),
        rules=_pod_chains(_one_after_the_other),
    ),
    Mutant(
        "empty-policy-denies",
        "A policy that admits nothing denies what other policies admit.",
        ("default-deny-plus-allow-console", "allow_beside_default_deny"),
        rules=_pod_chains(_drop_if_empty),
    ),
    Mutant(
        "all-ports-lost-to-other-policy",
        "A rule without ports is lost if another policy for the same pods names ports.",
        ("two-policies-peer-rule-and-port-rule",),
        world=_portless_lost,
    ),
    Mutant(
        "only-one-subject",
        "Of several pods that the same policies select, only one is isolated.",
        ("in-two-values-selects-nothing", "deny_egress_of_a_namespace"),
        rules=_only_one_subject,
    ),
    Mutant(
        "same-name-in-two-namespaces",
        "Of policies with the same name in several namespaces, only the last exists.",
        ("same-policy-name-in-two-namespaces",),
        world=_last_by(lambda policy: policy.ref.name),
    ),
    Mutant(
        "names-cut-short",
        f"Of a namespace's policies whose names begin with the same {_NAME} characters, only the last exists.",
        ("chain-name-hash-collision",),
        world=_last_by(lambda policy: (policy.ref.namespace, policy.ref.name[:_NAME])),
    ),
    Mutant(
        "long-names-stop-everything",
        f"From the first policy on whose name has more than {_COMMENT} characters, no change of policies takes effect.",
        ("policy-name-of-full-length",),
        world=_frozen_by_a_long_name,
    ),
    Mutant(
        "table-overflow",
        f"A namespace's policies admit at most {_TABLE} pairs of peer and port; further pairs are lost.",
        ("policy-map-overflow",),
        world=_emptied_when_full,
    ),
)
