"""Moments with no policies in effect, or too many: a pod's first second, a change, the agent's restart."""

from dataclasses import replace

from netpol_harness.emulator.faults.mutant import Mutant
from netpol_harness.emulator.faults.rewriting import EVERYTHING, filtered
from netpol_harness.model.names import Direction, NamespacedName
from netpol_harness.model.objects import Namespace, Pod, World
from netpol_harness.model.policy import NetworkPolicy

_MOMENT = 0.4
_LONG = 600.0


def _without_new_addresses(now: World, before: World) -> World:
    """Hide the addresses of new pods."""
    return replace(now, pods={ref: _known(pod, before.pods.get(ref)) for ref, pod in now.pods.items()})


def _known(pod: Pod, before: Pod | None) -> Pod:
    return pod if before is not None and before.addresses else replace(pod, addresses=())


def _nothing_allowed(now: World, _: World) -> World:
    """Isolate every pod and admit nothing."""
    isolating = (
        NetworkPolicy(NamespacedName(name, "all"), EVERYTHING, frozenset(Direction), (), ())
        for name in sorted({ref.namespace for ref in now.pods})
    )
    return replace(now, policies=tuple(isolating))


def _open_between(now: World, before: World) -> World:
    return now if now.policies == before.policies else replace(now, policies=())


def _closed_between(now: World, before: World) -> World:
    return now if now.policies == before.policies else _nothing_allowed(now, before)


def _updated_left_out(now: World, before: World) -> World:
    known = {policy.ref: policy for policy in before.policies}
    return replace(now, policies=tuple(p for p in now.policies if known.get(p.ref, p) == p))


def _without_namespaces(now: World, _: World) -> World:
    return replace(now, namespaces={name: Namespace(name, {}) for name in now.namespaces})


MUTANTS = (
    Mutant(
        "startup-window-open",
        "No policy applies to a new pod during its first second.",
        ("startup-window-open",),
        after_change=_without_new_addresses,
    ),
    Mutant(
        "change-window-open",
        "Whenever policies change, none is in effect for a moment.",
        ("policy_swapped", "agent-restart-window-open"),
        after_change=_open_between,
        seconds=_MOMENT,
    ),
    Mutant(
        "change-window-closed",
        "Whenever policies change, nothing is allowed for a moment.",
        ("policy_swapped",),
        after_change=_closed_between,
        seconds=_MOMENT,
    ),
    Mutant(
        "update-window-open",
        "A policy that is updated has no effect for a moment.",
        ("policy_swapped", "agent-restart-window-open"),
        after_change=_updated_left_out,
        seconds=_MOMENT,
    ),
    Mutant(
        "agent-restart-window-open",
        "After a restart of the policy agent, no policy is in effect for a moment.",
        ("agent-restart-window-open",),
        after_restart=filtered(lambda _: False),
    ),
    Mutant(
        "agent-restart-window-closed",
        "After a restart of the policy agent, nothing is allowed for a moment.",
        ("agent-restart-window-closed",),
        after_restart=_nothing_allowed,
    ),
    Mutant(
        "agent-restart-forgets-namespaces",
        "After a restart of the policy agent, no namespaceSelector selects anything.",
        ("policy-seen-before-namespace",),
        after_restart=_without_namespaces,
        seconds=_LONG,
    ),
)
