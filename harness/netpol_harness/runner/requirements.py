"""What a cluster can do for a scenario, and what the scenario, its steps and its paths take. Pure."""

from collections.abc import Iterator

from netpol_harness.backends.base import Capability, Cluster
from netpol_harness.paths.ends import AddressTarget
from netpol_harness.paths.path import Path, Scheme
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import EXTERNAL_NAMESPACE, Scenario


def capabilities(cluster: Cluster, placement: Placement) -> frozenset[Capability]:
    """What a scenario can do on the cluster: given namespaces are not its own, nor is there one more for hosts."""
    if not placement.given:
        return cluster.capabilities | {Capability.NAMESPACES}
    lacking = {Capability.NAMESPACES}
    if placement.real(EXTERNAL_NAMESPACE) == EXTERNAL_NAMESPACE:
        lacking.add(Capability.EXTERNAL_HOSTS)
    return cluster.capabilities - lacking


def requirements(scenario: Scenario) -> Iterator[Capability]:
    """The abilities that a scenario says it needs, and those that its manifests and steps need."""
    yield from map(Capability, scenario.requires)
    labelled = any(m.name.kind == "Namespace" and m.data["metadata"].get("labels") for m in scenario.workloads)
    relabelled = any(relabel.name.kind == "Namespace" for step in scenario.steps for relabel in step.labels)
    if labelled or relabelled:
        yield Capability.NAMESPACES


def needs(path: Path) -> Iterator[Capability]:
    """The abilities that a cluster must have for a path to be asked."""
    if path.external_hosts:
        yield Capability.EXTERNAL_HOSTS
    if path.scheme is Scheme.SCTP:
        yield Capability.SCTP
    if isinstance(path.target, AddressTarget) and ":" in path.target.address:
        yield Capability.IPV6
