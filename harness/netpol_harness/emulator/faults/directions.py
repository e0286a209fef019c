"""Misread policyTypes and lists of rules: what isolates a pod, in which direction, and what admits traffic again."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from ipaddress import ip_network

from netpol_harness.emulator.address_plan import FAMILIES
from netpol_harness.emulator.faults.mutant import Mutant, WorldFault
from netpol_harness.emulator.faults.rewriting import (
    BOTH,
    EVERYTHING,
    filtered,
    policies,
    rules,
    with_rules,
)
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import Direction, NamespacedName, Protocol
from netpol_harness.model.objects import World
from netpol_harness.model.policy import IPBlock, NetworkPolicy, PodPeer, PolicyPort, Rule
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL

_OUTSIDE = Rule(tuple(IPBlock(ip_network(plan.everything), (plan.pods_of(0),)) for plan in FAMILIES), None)
_OWN_NAMESPACE = Rule((PodPeer(None, EVERYTHING),), None)
_DNS = Rule(None, (PolicyPort(Protocol.UDP, 53), PolicyPort(Protocol.TCP, 53)))
_KUBE_SYSTEM = Rule((PodPeer(LabelSelector.equal({NAMESPACE_NAME_LABEL: "kube-system"}), None),), None)


def _isolating(directions: Callable[[NetworkPolicy], Iterable[Direction]]) -> WorldFault:
    """Give every policy other directions."""
    return policies(lambda policy: replace(policy, directions=frozenset(directions(policy))))


def _admitting(rule: Rule, *directions: Direction) -> WorldFault:
    """Add a rule to every policy that isolates in these directions."""
    return policies(lambda policy: with_rules(policy, {d: (*policy.rules(d), rule) for d in directions}))


def _everywhere(now: World, _: World) -> World:
    """Copy every policy into each namespace."""
    copies = (
        replace(p, ref=NamespacedName(namespace, p.ref.name)) for p in now.policies for namespace in now.namespaces
    )
    return replace(now, policies=tuple(copies))


def _admits_the_other_way(direction: Direction) -> WorldFault:
    """Add what the rules in a direction of each policy for both admit to the other direction of pods that it selects.

    The policies of kube-router have one chain, which the packets of a pod enter in either direction.
    """

    def faulty(now: World, _: World) -> World:
        further = (new for policy in now.policies for new in _turned_round(policy, direction, now))
        return replace(now, policies=(*now.policies, *further))

    return faulty


def _turned_round(policy: NetworkPolicy, direction: Direction, now: World) -> Iterable[NetworkPolicy]:
    """Yield a policy for the other direction for each peer of a rule that is in the policy's own namespace."""
    entries = [
        (peer, rule.ports) for rule in policy.rules(direction) for peer in rule.peers or (PodPeer(EVERYTHING, None),)
    ]
    for number, (peer, ports) in enumerate(entries if policy.directions == BOTH else ()):
        if isinstance(peer, PodPeer) and _selects_namespace_of(policy, peer, now):
            both_ends = LabelSelector((*policy.subject.requirements, *(peer.pods or EVERYTHING).requirements))
            ref = replace(policy.ref, name=f"{policy.ref.name}-{direction.lower()}-{number}")
            admitted = Rule((PodPeer(None, policy.subject),), ports)
            empty = NetworkPolicy(ref, both_ends, frozenset({direction.opposite}), (), ())
            yield empty.with_rules(direction.opposite, (admitted,))


def _selects_namespace_of(policy: NetworkPolicy, peer: PodPeer, now: World) -> bool:
    namespace = now.namespaces.get(policy.ref.namespace)
    return peer.namespaces is None or (namespace is not None and peer.namespaces.matches(namespace.labels))


MUTANTS = (
    Mutant(
        "not-enforced",
        "Nothing is enforced at all.",
        ("flannel-no-enforcement",),
        world=filtered(lambda _: False),
    ),
    Mutant(
        "ingress-not-enforced",
        "Policies have no effect on ingress.",
        ("db-ingress-only-leaves-egress-open", "default_deny_ingress"),
        world=_isolating(lambda policy: policy.directions - {Direction.INGRESS}),
    ),
    Mutant(
        "egress-not-enforced",
        "Policies have no effect on egress.",
        ("deny-all-egress-without-rules-ignored", "deny_egress_of_a_namespace"),
        world=_isolating(lambda policy: policy.directions - {Direction.EGRESS}),
    ),
    Mutant(
        "egress-rules-enforced-without-type",
        "A policy with egress rules isolates in egress, although its policyTypes list only Ingress.",
        ("policytypes-ingress-only-egress-rules-applied",),
        world=_isolating(lambda policy: policy.directions | ({Direction.EGRESS} if policy.egress else set())),
    ),
    Mutant(
        "ingress-policy-isolates-egress",
        "A policy for Ingress only also isolates the pod's egress.",
        ("policytypes-ingress-only-kills-egress", "db-ingress-only-leaves-egress-open"),
        world=_isolating(lambda policy: BOTH if Direction.INGRESS in policy.directions else policy.directions),
    ),
    Mutant(
        "egress-rules-admit-ingress",
        "Egress rules of a policy for both directions also admit ingress of pods that it selects, from each other.",
        ("both_directions", "egress_namespaces"),
        world=_admits_the_other_way(Direction.EGRESS),
    ),
    Mutant(
        "ingress-rules-admit-egress",
        "Ingress rules of a policy for both directions also admit egress of pods that it selects, to each other.",
        ("both_directions",),
        world=_admits_the_other_way(Direction.INGRESS),
    ),
    Mutant(
        "egress-policy-isolates-ingress",
        "A policy for Egress only also isolates the pod's ingress.",
        ("deny-all-egress-without-rules-ignored",),
        world=_isolating(lambda policy: policy.directions | {Direction.INGRESS}),
    ),
    Mutant(
        "second-direction-lost",
        "A policy for both directions isolates in ingress only.",
        ("default-deny-plus-allow-console", "default_deny_all"),
        world=_isolating(lambda policy: {Direction.INGRESS} if policy.directions == BOTH else policy.directions),
    ),
    Mutant(
        "egress-without-rules-isolates-nobody",
        "Egress without rules does not isolate.",
        ("deny-all-egress-without-rules-ignored",),
        world=_isolating(lambda policy: [d for d in policy.directions if d is Direction.INGRESS or policy.egress]),
    ),
    Mutant(
        "ingress-without-rules-isolates-nobody",
        "Ingress without rules does not isolate.",
        ("ingress-empty-list-vs-missing-vs-empty-rule",),
        world=_isolating(lambda policy: [d for d in policy.directions if d is Direction.EGRESS or policy.ingress]),
    ),
    Mutant(
        "empty-rule-means-nobody",
        "The empty rule {} admits nothing.",
        ("ingress-empty-list-vs-missing-vs-empty-rule", "update-allow-all-to-deny-all"),
        world=rules(lambda rule: [] if rule == Rule(None, None) else [rule]),
    ),
    Mutant(
        "own-namespace-always-admitted",
        "Pods of the same namespace reach each other, whatever policies say.",
        ("default-deny-plus-allow-console",),
        world=_admitting(_OWN_NAMESPACE, Direction.INGRESS, Direction.EGRESS),
    ),
    Mutant(
        "dns-always-admitted",
        "Port 53 is open in egress, whatever policies say.",
        ("dns-egress-forgotten",),
        world=_admitting(_DNS, Direction.EGRESS),
    ),
    Mutant(
        "kube-system-always-admitted",
        "Every pod reaches the pods of kube-system, whatever policies say.",
        ("dns-egress-forgotten",),
        world=_admitting(_KUBE_SYSTEM, Direction.EGRESS),
    ),
    Mutant(
        "outside-always-admitted",
        "Hosts outside the cluster reach every pod, whatever policies say.",
        ("empty-rule-vs-empty-selectors-external",),
        world=_admitting(_OUTSIDE, Direction.INGRESS),
    ),
    Mutant(
        "to-outside-always-admitted",
        "Every pod reaches hosts outside the cluster, whatever policies say.",
        ("startup-window-open", "deny-all-egress-without-rules-ignored"),
        world=_admitting(_OUTSIDE, Direction.EGRESS),
    ),
    Mutant(
        "policy-of-every-namespace",
        "A policy applies to the pods of every namespace.",
        ("same-policy-name-in-two-namespaces", "default_deny_ingress"),
        world=_everywhere,
    ),
)
