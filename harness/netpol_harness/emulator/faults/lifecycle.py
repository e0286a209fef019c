"""Pods, namespaces and policies that are deleted and recreated, and stale state of deleted ones.

A deleted object stays in the world as misread, in a form without any effect, so that a recreated object is
distinguished from a first one.
"""

from dataclasses import replace

from netpol_harness.emulator.address_plan import FAMILIES, MOST_NODES
from netpol_harness.emulator.dataplane.policies import pod_chain
from netpol_harness.emulator.dataplane.rules import Chain, Ruleset
from netpol_harness.emulator.faults.mutant import Mutant
from netpol_harness.emulator.faults.rewriting import with_rules
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import Direction, NamespacedName
from netpol_harness.model.objects import Namespace, Pod, World
from netpol_harness.model.policy import NetworkPolicy, Rule

MARK = {"": "recreated"}
"""The label of a recreated pod: no real one has an empty key."""
_EMPTY = Rule((), None)
_AT_THE_NODE = tuple(f"{pod_chain(plan.node(index))}/" for plan in FAMILIES for index in range(MOST_NODES))
_INPUT = "type filter hook input priority 0; policy accept;"


def deleted_pods(now: World, before: World) -> dict[NamespacedName, Pod]:
    """Return the deleted pods, as not running."""
    return {ref: replace(pod, running=False) for ref, pod in before.pods.items() if ref not in now.pods}


def is_recreated(pod: Pod, before: World) -> bool:
    """Whether a pod of this name was deleted before, as ``deleted_pods`` have kept it in the world."""
    prior = before.pods.get(pod.ref)
    return prior is not None and (not prior.running or prior.labels == MARK)


def _unprotected(now: World, before: World) -> World:
    """Read a recreated pod as one on the node's network, to which no policy applies."""
    known = {
        ref: replace(pod, host_network=True, labels=MARK) if is_recreated(pod, before) else pod
        for ref, pod in now.pods.items()
    }
    return replace(now, pods=deleted_pods(now, before) | known)


def _cut_off(now: World, before: World) -> World:
    """Isolate a recreated pod, and let no selector pick it."""
    known = {ref: replace(pod, labels=MARK) if is_recreated(pod, before) else pod for ref, pod in now.pods.items()}
    policies = (*now.policies, *isolating_recreated(now))
    return replace(now, pods=deleted_pods(now, before) | known, policies=policies)


def isolating_recreated(now: World) -> tuple[NetworkPolicy, ...]:
    """Return policies that isolate the pods with the label of recreated ones."""
    return tuple(
        NetworkPolicy(NamespacedName(name, "recreated"), LabelSelector.equal(MARK), frozenset(Direction), (), ())
        for name in sorted({ref.namespace for ref in now.pods})
    )


def _old_addresses(now: World, before: World) -> World:
    known = {ref: pod.addresses for ref, pod in before.pods.items() if pod.addresses}
    pods = {ref: replace(pod, addresses=known.get(ref, pod.addresses)) for ref, pod in now.pods.items()}
    return replace(now, pods=deleted_pods(now, before) | pods)


def _keeping_deleted_pods(now: World, before: World) -> World:
    deleted = {ref: pod for ref, pod in before.pods.items() if ref not in now.pods}
    return replace(now, pods=deleted | dict(now.pods))


def _never_completed(now: World, _: World) -> World:
    return replace(now, pods={ref: replace(pod, running=True) for ref, pod in now.pods.items()})


def _unlabelled_namespaces(now: World, before: World) -> World:
    """Remove all labels of a recreated namespace."""
    deleted = {name: Namespace(name, MARK) for name in before.namespaces if name not in now.namespaces}
    known = {
        name: replace(namespace, labels=MARK) if _is_marked(before.namespaces.get(name)) else namespace
        for name, namespace in now.namespaces.items()
    }
    return replace(now, namespaces=deleted | known)


def _is_marked(namespace: Namespace | None) -> bool:
    return namespace is not None and namespace.labels == MARK


def _with_last_rule_lost(now: World, before: World) -> World:
    """Replace the last rule of a recreated policy by one without peers."""
    prior = {policy.ref: policy for policy in before.policies}
    existing = {policy.ref for policy in now.policies}
    deleted = tuple(replace(policy, directions=frozenset()) for ref, policy in prior.items() if ref not in existing)
    known = (_without_last_rule(policy, prior.get(policy.ref)) for policy in now.policies)
    return replace(now, policies=(*known, *deleted))


def _without_last_rule(policy: NetworkPolicy, prior: NetworkPolicy | None) -> NetworkPolicy:
    if prior is None or (prior.directions and _EMPTY not in prior.ingress):
        return policy
    return with_rules(policy, {d: (*policy.rules(d)[:-1], _EMPTY) for d in Direction})


def _no_host_network(now: World, _: World) -> World:
    return replace(now, pods={ref: replace(pod, host_network=False) for ref, pod in now.pods.items()})


def _judged_at_the_node(correct: Ruleset, _: Ruleset) -> Ruleset:
    """If a policy isolates the node, judge packets to the node like forwarded ones."""
    if not any(name.startswith(_AT_THE_NODE) for name in correct.chains):
        return correct
    return replace(correct, chains={**correct.chains, "input": Chain(correct.chains["forward"].rules, _INPUT)})


MUTANTS = (
    Mutant(
        "recreated-pod-unprotected",
        "No policy applies to a pod that is deleted and created again.",
        ("statefulset-recreate-policy-not-attached", "daemonset-replace-blocked-or-open"),
        world=_unprotected,
    ),
    Mutant(
        "recreated-pod-cut-off",
        "A pod that is deleted and created again is isolated, and no peer selects it.",
        ("statefulset-recreate-late-cni-del", "daemonset-replace-blocked-or-open"),
        world=_cut_off,
    ),
    Mutant(
        "recreated-pod-keeps-its-address",
        "A pod that is deleted and created again is expected at its old address.",
        ("dualstack-v4-entry-lost-after-recreate", "statefulset-recreate-late-cni-del"),
        world=_old_addresses,
    ),
    Mutant(
        "deleted-pod-still-counts",
        "The address of a deleted pod keeps its policies and permissions.",
        ("address_reused",),
        world=_keeping_deleted_pods,
    ),
    Mutant(
        "completed-pod-still-counts",
        "The address of a completed pod keeps its policies and permissions.",
        ("completed-pod-policy-hits-ip-successor", "completed-pod-grants-ip-successor"),
        world=_never_completed,
    ),
    Mutant(
        "recreated-namespace-has-no-labels",
        "No namespaceSelector selects a namespace that was deleted and created again.",
        ("namespace-recreate-stale-sets",),
        world=_unlabelled_namespaces,
    ),
    Mutant(
        "recreated-policy-loses-a-rule",
        "A policy that is deleted and created again lacks its last rule.",
        ("egress-two-rules-conjunction-race", "except-implemented-as-deny"),
        world=_with_last_rule_lost,
    ),
    Mutant(
        "host-network-isolated",
        "A policy isolates pods on the node's network, and with them the node.",
        ("hostnetwork-pod-selected-by-policy",),
        world=_no_host_network,
        rules=_judged_at_the_node,
    ),
)
