"""Changes that are missed, wholly or in part: labels, updates and deletions of existing objects."""

from collections.abc import Callable
from dataclasses import replace

from netpol_harness.emulator.faults.mutant import Mutant, WorldFault
from netpol_harness.emulator.faults.rewriting import with_rules
from netpol_harness.model.names import Direction
from netpol_harness.model.objects import Namespace, Pod, World
from netpol_harness.model.policy import NetworkPolicy, Rule


def _pods(merge: Callable[[Pod, Pod], Pod]) -> WorldFault:
    """Merge every pod with the previous reading of it."""

    def fault(now: World, before: World) -> World:
        return replace(now, pods={ref: merge(pod, before.pods.get(ref, pod)) for ref, pod in now.pods.items()})

    return fault


def _namespaces(merge: Callable[[Namespace, Namespace], Namespace]) -> WorldFault:
    def fault(now: World, before: World) -> World:
        known = before.namespaces
        merged = {name: merge(namespace, known.get(name, namespace)) for name, namespace in now.namespaces.items()}
        return replace(now, namespaces=merged)

    return fault


def _policies(merge: Callable[[NetworkPolicy, NetworkPolicy], NetworkPolicy]) -> WorldFault:
    def fault(now: World, before: World) -> World:
        known = {policy.ref: policy for policy in before.policies}
        return replace(now, policies=tuple(merge(policy, known.get(policy.ref, policy)) for policy in now.policies))

    return fault


def _with_old_rules(policy: NetworkPolicy, before: NetworkPolicy) -> NetworkPolicy:
    rules = {d: _union(before.rules(d), policy.rules(d)) for d in Direction}
    return with_rules(policy, rules)


def _union(old: tuple[Rule, ...], new: tuple[Rule, ...]) -> tuple[Rule, ...]:
    return tuple(dict.fromkeys((*old, *new)))


def _deleted(now: World, before: World) -> tuple[NetworkPolicy, ...]:
    """Return the policies that no longer exist."""
    remaining = {policy.ref for policy in now.policies}
    return tuple(policy for policy in before.policies if policy.ref not in remaining)


def _all_deleted(now: World, before: World) -> World:
    namespaces = {policy.ref.namespace for policy in _deleted(now, before)}
    return replace(now, policies=tuple(p for p in now.policies if p.ref.namespace not in namespaces))


def _without_later_pods(now: World, before: World) -> World:
    """Ignore pods that were created after the last change of a policy."""
    if now.policies != before.policies:
        return now
    return replace(now, pods={ref: pod for ref, pod in now.pods.items() if ref in before.pods})


MUTANTS = (
    Mutant(
        "pod-relabel-not-noticed",
        "A pod keeps the labels that it was created with.",
        ("pod-label-added-not-noticed", "label-added-later-opens-unrelated"),
        world=_pods(lambda pod, before: replace(pod, labels=before.labels)),
    ),
    Mutant(
        "pod-labels-only-added",
        "A label that is removed from a pod, or changed, still counts as well.",
        ("pod-label-added-not-noticed",),
        world=_pods(lambda pod, before: replace(pod, labels={**before.labels, **pod.labels})),
    ),
    Mutant(
        "namespace-relabel-not-noticed",
        "A namespace keeps the labels that it was created with.",
        ("namespace-label-change-with-podselector", "label-added-later-opens-unrelated"),
        world=_namespaces(lambda namespace, before: replace(namespace, labels=before.labels)),
    ),
    Mutant(
        "namespace-labels-only-added",
        "A label that is removed from a namespace still counts.",
        ("namespace-label-change-with-podselector",),
        world=_namespaces(lambda namespace, before: replace(namespace, labels={**before.labels, **namespace.labels})),
    ),
    Mutant(
        "policy-update-not-noticed",
        "A policy stays as it was created, whatever it is changed to.",
        ("update-allow-all-to-deny-all",),
        world=_policies(lambda _, before: before),
    ),
    Mutant(
        "policy-update-adds-rules",
        "An update of a policy adds its rules to the old ones.",
        ("update-allow-all-to-deny-all", "ingress-empty-list-vs-missing-vs-empty-rule"),
        world=_policies(_with_old_rules),
    ),
    Mutant(
        "subject-update-not-noticed",
        "A policy continues to apply to the pods that its first podSelector selects.",
        ("policy-podselector-update-stale",),
        world=_policies(lambda policy, before: replace(policy, subject=before.subject)),
    ),
    Mutant(
        "policy-types-only-added",
        "A direction that an update removes from policyTypes stays isolated.",
        ("policytypes-narrowed-on-update-not-applied",),
        world=_policies(lambda policy, before: replace(policy, directions=policy.directions | before.directions)),
    ),
    Mutant(
        "policy-delete-not-noticed",
        "A deleted policy stays in effect.",
        ("policy-delete-kills-live-connection", "deleted_policies"),
        world=lambda now, before: replace(now, policies=(*now.policies, *_deleted(now, before))),
    ),
    Mutant(
        "policy-delete-takes-all",
        "When one policy of a namespace is deleted, its other policies have no effect until something else changes.",
        ("same-policy-name-in-two-namespaces", "except-implemented-as-deny"),
        world=_all_deleted,
    ),
    Mutant(
        "pod-after-policy-not-noticed",
        "A pod that is created after a policy is not known to it until some policy changes.",
        ("ipv6-sets-frozen", "startup-window-open"),
        world=_without_later_pods,
    ),
)
