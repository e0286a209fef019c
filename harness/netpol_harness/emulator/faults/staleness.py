"""Changes that are not noticed, or only in part: labels, updates and deletions of what is there already."""

from collections.abc import Callable
from dataclasses import replace

from netpol_harness.emulator.faults.mutant import Mutant, WorldFault
from netpol_harness.emulator.faults.rewriting import with_rules
from netpol_harness.model.names import Direction
from netpol_harness.model.objects import Namespace, Pod, World
from netpol_harness.model.policy import NetworkPolicy, Rule


def _pods(merge: Callable[[Pod, Pod], Pod]) -> WorldFault:
    """Pods that were there before, from what they are and what they were taken for."""

    def reading(now: World, before: World) -> World:
        return replace(now, pods={ref: merge(pod, before.pods.get(ref, pod)) for ref, pod in now.pods.items()})

    return reading


def _namespaces(merge: Callable[[Namespace, Namespace], Namespace]) -> WorldFault:
    def reading(now: World, before: World) -> World:
        known = before.namespaces
        return replace(now, namespaces={name: merge(one, known.get(name, one)) for name, one in now.namespaces.items()})

    return reading


def _policies(merge: Callable[[NetworkPolicy, NetworkPolicy], NetworkPolicy]) -> WorldFault:
    def reading(now: World, before: World) -> World:
        known = {policy.ref: policy for policy in before.policies}
        return replace(now, policies=tuple(merge(policy, known.get(policy.ref, policy)) for policy in now.policies))

    return reading


def _merged(policy: NetworkPolicy, before: NetworkPolicy) -> NetworkPolicy:
    rules = {d: _union(before.rules(d), policy.rules(d)) for d in Direction}
    return with_rules(policy, rules)


def _union(old: tuple[Rule, ...], new: tuple[Rule, ...]) -> tuple[Rule, ...]:
    return tuple(dict.fromkeys((*old, *new)))


def _gone(now: World, before: World) -> tuple[NetworkPolicy, ...]:
    """Policies that are there no longer."""
    left = {policy.ref for policy in now.policies}
    return tuple(policy for policy in before.policies if policy.ref not in left)


def _all_deleted(now: World, before: World) -> World:
    namespaces = {policy.ref.namespace for policy in _gone(now, before)}
    return replace(now, policies=tuple(p for p in now.policies if p.ref.namespace not in namespaces))


def _unnoticed_by_pods(now: World, before: World) -> World:
    """Pods that came after the last change of a policy are known to none."""
    if now.policies != before.policies:
        return now
    return replace(now, pods={ref: pod for ref, pod in now.pods.items() if ref in before.pods})


MUTANTS = (
    Mutant(
        "pod-relabel-not-noticed",
        "A pod keeps the labels that it was made with.",
        ("pod-label-added-not-noticed", "label-added-later-opens-unrelated"),
        world=_pods(lambda pod, before: replace(pod, labels=before.labels)),
    ),
    Mutant(
        "pod-labels-only-added",
        "A label that is taken from a pod, or changed, is still held to be there as well.",
        ("pod-label-added-not-noticed",),
        world=_pods(lambda pod, before: replace(pod, labels={**before.labels, **pod.labels})),
    ),
    Mutant(
        "namespace-relabel-not-noticed",
        "A namespace keeps the labels that it was made with.",
        ("namespace-label-change-with-podselector", "label-added-later-opens-unrelated"),
        world=_namespaces(lambda namespace, before: replace(namespace, labels=before.labels)),
    ),
    Mutant(
        "namespace-labels-only-added",
        "A label that is taken from a namespace is still held to be there.",
        ("namespace-label-change-with-podselector",),
        world=_namespaces(lambda namespace, before: replace(namespace, labels={**before.labels, **namespace.labels})),
    ),
    Mutant(
        "policy-update-not-noticed",
        "A policy stays as it was made, whatever it is changed to.",
        ("update-allow-all-to-deny-all",),
        world=_policies(lambda _, before: before),
    ),
    Mutant(
        "policy-update-adds-rules",
        "An update of a policy adds its rules to the old ones.",
        ("update-allow-all-to-deny-all", "ingress-empty-list-vs-missing-vs-empty-rule"),
        world=_policies(_merged),
    ),
    Mutant(
        "subject-update-not-noticed",
        "A policy goes on to apply to the pods that its first podSelector selects.",
        ("policy-podselector-update-stale",),
        world=_policies(lambda policy, before: replace(policy, subject=before.subject)),
    ),
    Mutant(
        "policy-types-only-added",
        "A direction that an update takes from policyTypes stays isolated.",
        ("policytypes-narrowed-on-update-not-applied",),
        world=_policies(lambda policy, before: replace(policy, directions=policy.directions | before.directions)),
    ),
    Mutant(
        "policy-delete-not-noticed",
        "A policy that is deleted stays in force.",
        ("policy-delete-kills-live-connection", "deleted_policies"),
        world=lambda now, before: replace(now, policies=(*now.policies, *_gone(now, before))),
    ),
    Mutant(
        "policy-delete-takes-all",
        "With one policy of a namespace, all others of the namespace are gone, until something else changes.",
        ("same-policy-name-in-two-namespaces", "except-implemented-as-deny"),
        world=_all_deleted,
    ),
    Mutant(
        "pod-after-policy-not-noticed",
        "A pod that comes after a policy is not known to it, until some policy changes.",
        ("ipv6-sets-frozen", "startup-window-open"),
        world=_unnoticed_by_pods,
    ),
)
