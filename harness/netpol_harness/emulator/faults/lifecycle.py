"""Pods, namespaces and policies that go and come back, and what is remembered of those that have gone.

Who has gone stays in the world as understood, in a form without any effect; so the next of that name is told from a
first one.
"""

from dataclasses import replace

from netpol_harness.emulator.address_plan import NODE_CIDR
from netpol_harness.emulator.dataplane.rules import Chain, Ruleset
from netpol_harness.emulator.faults.mutant import Mutant
from netpol_harness.emulator.faults.rewriting import with_rules
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import Direction, NamespacedName
from netpol_harness.model.objects import Namespace, Pod, World
from netpol_harness.model.policy import NetworkPolicy, Rule

_MARK = {"": "came-back"}  # no label has an empty key
_NOBODY = Rule((), None)
_AT_THE_NODE = tuple(f"pod/{host}/" for host in NODE_CIDR)
_INPUT = "type filter hook input priority 0; policy accept;"


def _departed(now: World, before: World) -> dict[NamespacedName, Pod]:
    """Pods that have gone, as not running."""
    return {ref: replace(pod, running=False) for ref, pod in before.pods.items() if ref not in now.pods}


def _came_back(pod: Pod, before: World) -> bool:
    prior = before.pods.get(pod.ref)
    return prior is not None and (not prior.running or prior.labels == _MARK)


def _unprotected(now: World, before: World) -> World:
    """A pod that comes back is taken for one on the node's network, which no policy knows."""
    known = {
        ref: replace(pod, host_network=True, labels=_MARK) if _came_back(pod, before) else pod
        for ref, pod in now.pods.items()
    }
    return replace(now, pods=_departed(now, before) | known)


def _cut_off(now: World, before: World) -> World:
    """A pod that comes back is none of those that policies speak of, and is isolated."""
    known = {ref: replace(pod, labels=_MARK) if _came_back(pod, before) else pod for ref, pod in now.pods.items()}
    isolating = tuple(
        NetworkPolicy(NamespacedName(name, "came-back"), LabelSelector.equal(_MARK), frozenset(Direction), (), ())
        for name in sorted({ref.namespace for ref in now.pods})
    )
    return replace(now, pods=_departed(now, before) | known, policies=(*now.policies, *isolating))


def _old_addresses(now: World, before: World) -> World:
    known = {ref: pod.addresses for ref, pod in before.pods.items() if pod.addresses}
    pods = {ref: replace(pod, addresses=known.get(ref, pod.addresses)) for ref, pod in now.pods.items()}
    return replace(now, pods=_departed(now, before) | pods)


def _still_there(now: World, before: World) -> World:
    gone = {ref: pod for ref, pod in before.pods.items() if ref not in now.pods}
    return replace(now, pods=gone | dict(now.pods))


def _never_completed(now: World, _: World) -> World:
    return replace(now, pods={ref: replace(pod, running=True) for ref, pod in now.pods.items()})


def _nameless_namespaces(now: World, before: World) -> World:
    """A namespace that comes back has no labels at all."""
    gone = {name: Namespace(name, _MARK) for name in before.namespaces if name not in now.namespaces}
    known = {
        name: replace(one, labels=_MARK) if _is_marked(before.namespaces.get(name)) else one
        for name, one in now.namespaces.items()
    }
    return replace(now, namespaces=gone | known)


def _is_marked(namespace: Namespace | None) -> bool:
    return namespace is not None and namespace.labels == _MARK


def _less_of_policies(now: World, before: World) -> World:
    """A policy that comes back lacks its last rule, in whose place stands one about nobody."""
    prior = {policy.ref: policy for policy in before.policies}
    here = {policy.ref for policy in now.policies}
    gone = tuple(replace(policy, directions=frozenset()) for ref, policy in prior.items() if ref not in here)
    return replace(now, policies=(*(_lessened(policy, prior.get(policy.ref)) for policy in now.policies), *gone))


def _lessened(policy: NetworkPolicy, prior: NetworkPolicy | None) -> NetworkPolicy:
    if prior is None or (prior.directions and _NOBODY not in prior.ingress):
        return policy
    return with_rules(policy, {d: (*policy.rules(d)[:-1], _NOBODY) for d in Direction})


def _no_host_network(now: World, _: World) -> World:
    return replace(now, pods={ref: replace(pod, host_network=False) for ref, pod in now.pods.items()})


def _judged_at_the_node(wanted: Ruleset, _: Ruleset) -> Ruleset:
    """Where a policy isolates the node, what it receives itself is judged like what it forwards."""
    if not any(name.startswith(_AT_THE_NODE) for name in wanted.chains):
        return wanted
    return replace(wanted, chains={**wanted.chains, "input": Chain(wanted.chains["forward"].rules, _INPUT)})


MUTANTS = (
    Mutant(
        "recreated-pod-unprotected",
        "A pod that is deleted and made again is known to no policy.",
        ("statefulset-recreate-policy-not-attached", "daemonset-replace-blocked-or-open"),
        world=_unprotected,
    ),
    Mutant(
        "recreated-pod-cut-off",
        "A pod that is deleted and made again is isolated, and no peer of anybody.",
        ("statefulset-recreate-late-cni-del", "daemonset-replace-blocked-or-open"),
        world=_cut_off,
    ),
    Mutant(
        "recreated-pod-keeps-its-address",
        "A pod that is deleted and made again is looked for at its old address.",
        ("dualstack-v4-entry-lost-after-recreate", "statefulset-recreate-late-cni-del"),
        world=_old_addresses,
    ),
    Mutant(
        "deleted-pod-still-counts",
        "The address of a deleted pod keeps its policies and its rights.",
        ("address_reused",),
        world=_still_there,
    ),
    Mutant(
        "completed-pod-still-counts",
        "The address of a pod that has completed keeps its policies and its rights.",
        ("completed-pod-policy-hits-ip-successor", "completed-pod-grants-ip-successor"),
        world=_never_completed,
    ),
    Mutant(
        "recreated-namespace-has-no-labels",
        "No namespaceSelector selects a namespace that was deleted and made again.",
        ("namespace-recreate-stale-sets",),
        world=_nameless_namespaces,
    ),
    Mutant(
        "recreated-policy-loses-a-rule",
        "A policy that is deleted and made again comes without its last rule.",
        ("egress-two-rules-conjunction-race", "except-implemented-as-deny"),
        world=_less_of_policies,
    ),
    Mutant(
        "host-network-isolated",
        "A policy isolates pods on the node's network, and with them the node.",
        ("hostnetwork-pod-selected-by-policy",),
        world=_no_host_network,
        rules=_judged_at_the_node,
    ),
)
