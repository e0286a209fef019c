"""Compose scenarios from cases: which steps share a scenario, and which paths each step has. Pure.

There is one scenario for each direction and group of peers, so that its steps share their pods and several scenarios
run side by side; and one for each direction with every pair of policies on one pod. The oracle predicts the verdicts of
every step (``expect: oracle``): every pair of pods at every port, the external hosts, and the Service if the case has
one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass

from netpol_harness.generate.axes import SELECTORS, Peer, PolicyPair, RuleCase, TargetForm, every_case, every_pair
from netpol_harness.generate.pairwise import pairwise
from netpol_harness.generate.policies import policies
from netpol_harness.generate.topology import (
    HOSTS,
    PORTS,
    SOURCES,
    SUBJECT,
    SUBJECT_NAMESPACE,
    hosts,
    network_prefix,
    service,
    workloads,
)
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import Direction

MAX_STEPS = 40  # steps of a scenario, in the full product

_PEER_GROUPS = {
    "anybody": (Peer.EVERYBODY, Peer.BLOCK, Peer.BLOCK_EXCEPT),
    "pods": (Peer.ALL_PODS, Peer.SOME_PODS),
    "namespaces": (Peer.ALL_NAMESPACES, Peer.SOME_NAMESPACES),
    "both_selectors": (Peer.ALL_OF_ALL, Peer.ALL_OF_SOME, Peer.SOME_OF_ALL, Peer.SOME_OF_SOME),
}
"""The peers of each scenario; together these are all peers."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One scenario as plain data: the name of its folder, scenario.yaml, workloads, and policies by file name."""

    name: str
    scenario: JsonObject
    workloads: tuple[JsonObject, ...]
    policies: dict[str, JsonObject]


def drafts(*, full: bool = False) -> tuple[Draft, ...]:
    """Return the scenarios of few cases that combine every two values, or with ``full`` of the full product."""
    cases = tuple(every_case())
    if not full:
        cases = tuple(cases[index] for index in sorted(pairwise([astuple(case) for case in cases])))
    plans = (*_case_plans(cases), *_pair_plans())
    return tuple(_draft(plan, network_prefix(number)) for number, plan in enumerate(plans))


@dataclass(frozen=True, slots=True)
class _Plan:
    name: str
    title: str
    direction: Direction
    steps: Sequence[RuleCase | PolicyPair]


def _case_plans(cases: Sequence[RuleCase]) -> Iterator[_Plan]:
    for direction in Direction:
        for group, peers in _PEER_GROUPS.items():
            selected = [case for case in cases if case.direction is direction and case.peer in peers]
            name, title = f"{direction.lower()}_{group}", f"{direction} by rules for {group.replace('_', ' ')}"
            for number, part in enumerate(_parts(selected), 1):
                yield _Plan(name if len(selected) <= MAX_STEPS else f"{name}_{number}", title, direction, part)


def _parts(cases: Sequence[RuleCase]) -> Iterator[Sequence[RuleCase]]:
    return (cases[start : start + MAX_STEPS] for start in range(0, len(cases), MAX_STEPS))


def _pair_plans() -> Iterator[_Plan]:
    for direction in Direction:
        policy_pairs = [pair for pair in every_pair() if pair.direction is direction]
        yield _Plan(
            f"{direction.lower()}_two_policies", f"{direction} of one pod by two policies", direction, policy_pairs
        )


def _draft(plan: _Plan, prefix: str) -> Draft:
    policies_by_step = {step: policies(step, prefix) for step in plan.steps}
    scenario = {
        "title": plan.title,
        "workloads": ["workloads.yaml"],
        "external": hosts(prefix),
        "steps": [_step(step, files) for step, files in policies_by_step.items()],
    }
    all_policies = {name: manifest for files in policies_by_step.values() for name, manifest in files.items()}
    return Draft(plan.name, scenario, tuple(workloads(plan.direction)), all_policies)


def _step(step: RuleCase | PolicyPair, files: Iterable[str]) -> JsonObject:
    return {
        "name": step.name,
        "policies": [f"policies/{file}.yaml" for file in files],
        "expect": "oracle",
        "paths": list(_paths(step)),
    }


def _paths(step: RuleCase | PolicyPair) -> Iterator[str]:
    """Yield the paths that the table of pods does not have: from or to external hosts, and to the Service."""
    subject = f"{SUBJECT_NAMESPACE}/{SUBJECT}"
    for host in HOSTS:
        source, target = (host, subject) if step.direction is Direction.INGRESS else (subject, host)
        yield from (f"{source} -> {target}:{number}" for number in (PORTS if _may_mean_hosts(step) else PORTS[:1]))
        if _may_mean_hosts(step):
            yield f"{source} -> udp://{target}:{PORTS[0]}"
    if step.target_form is not TargetForm.ADDRESS:
        name = service(step.direction)
        target = f"ip({name})" if step.target_form is TargetForm.CLUSTER_IP else name
        yield from (f"{source} -> {target}:{number}" for source in SOURCES[step.direction] for number in PORTS)


def _may_mean_hosts(step: RuleCase | PolicyPair) -> bool:
    """Return whether the rule can admit an external host at some port; a rule with selectors cannot."""
    return isinstance(step, PolicyPair) or step.peer not in SELECTORS
