"""Compose the scenarios of the catalogue of ClusterNetworkPolicy from its cases. Pure.

There is one scenario for each direction and tier. The oracle predicts the verdicts of every step.
"""

from collections.abc import Iterator, Sequence
from dataclasses import astuple

from netpol_harness.generate.axes import TargetForm
from netpol_harness.generate.cluster_axes import ClusterRuleCase, every_cluster_case
from netpol_harness.generate.cluster_policies import cluster_policies
from netpol_harness.generate.drafts import MAX_STEPS, Draft
from netpol_harness.generate.pairwise import pairwise
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
from netpol_harness.model.cluster_policy import Tier
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import Direction

OPEN = "open"
"""The name of the first step of each scenario."""

_FIRST_NETWORK = 200
"""The networks of the hosts follow those of the catalogue of NetworkPolicy."""


def cluster_drafts(*, full: bool = False) -> Iterator[Draft]:
    """Yield the scenarios of few cases that combine every two values, or with ``full`` of the full product."""
    cases = tuple(every_cluster_case())
    if not full:
        cases = tuple(cases[index] for index in sorted(pairwise([astuple(case) for case in cases])))
    for number, (name, part) in enumerate(_parts(cases), _FIRST_NETWORK):
        yield _draft(name, part, number)


def _parts(cases: Sequence[ClusterRuleCase]) -> Iterator[tuple[str, Sequence[ClusterRuleCase]]]:
    """Yield the name and the cases of each scenario."""
    for tier in Tier:
        for direction in Direction:
            selected = [case for case in cases if (case.tier, case.direction) == (tier, direction)]
            name = f"{tier.lower()}_{direction.lower()}"
            for number, start in enumerate(range(0, len(selected), MAX_STEPS), 1):
                part = selected[start : start + MAX_STEPS]
                yield name if len(selected) <= MAX_STEPS else f"{name}_{number}", part


def _draft(name: str, cases: Sequence[ClusterRuleCase], number: int) -> Draft:
    prefix, direction = network_prefix(number), cases[0].direction
    policies_by_case = {case: cluster_policies(case, prefix) for case in cases}
    scenario: JsonObject = {
        "title": f"{direction} by a rule of the {cases[0].tier} tier",
        "workloads": ["workloads.yaml"],
        "requires": ["ClusterNetworkPolicy"],
        "external": hosts(prefix),
        "steps": [_open_step(cases[0]), *(_step(case, [*files]) for case, files in policies_by_case.items())],
    }
    files = {file: manifest for policies in policies_by_case.values() for file, manifest in policies.items()}
    return Draft(name, scenario, tuple(workloads(direction)), files)


def _open_step(case: ClusterRuleCase) -> JsonObject:
    """Return the step without policies. It proves later denials, since no NetworkPolicy can lift what a tier denies.

    It has no path to the Service, which would stand for the paths to the pods behind it.
    """
    return {"name": OPEN, "expect": "oracle", "paths": [*_host_paths(case)]}


def _step(case: ClusterRuleCase, files: Sequence[str]) -> JsonObject:
    listed = [f"policies/{file}.yaml" for file in files]
    return {"name": case.name, "policies": listed, "expect": "oracle", "paths": [*_paths(case)]}


def _paths(case: ClusterRuleCase) -> Iterator[str]:
    """Yield the paths that the table of pods does not have: from or to external hosts, and to the Service."""
    yield from _host_paths(case)
    if case.target_form is not TargetForm.ADDRESS:
        name = service(case.direction)
        target = f"ip({name})" if case.target_form is TargetForm.CLUSTER_IP else name
        yield from (f"{source} -> {target}:{number}" for source in SOURCES[case.direction] for number in PORTS)


def _host_paths(case: ClusterRuleCase) -> Iterator[str]:
    subject = f"{SUBJECT_NAMESPACE}/{SUBJECT}"
    for host in HOSTS:
        source, target = (host, subject) if case.direction is Direction.INGRESS else (subject, host)
        yield from (f"{source} -> {target}:{number}" for number in (PORTS if case.peer.is_network else PORTS[:1]))
        if case.peer.is_network:
            yield f"{source} -> udp://{target}:{PORTS[0]}"
