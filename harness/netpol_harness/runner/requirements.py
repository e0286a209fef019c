"""The capabilities that a cluster offers to a scenario, and those that the scenario and its paths need. Pure."""

from collections.abc import Collection, Iterator, Sequence

from netpol_harness.backends.base import Capability, Cluster
from netpol_harness.paths.endpoint_resolver import EndpointResolver
from netpol_harness.paths.endpoints import HostEndpoint
from netpol_harness.paths.ends import AddressTarget, DnsTarget, LoadBalancerTarget, NodeSource
from netpol_harness.paths.path import ExternalHost, Path, Scheme
from netpol_harness.scenario.family import ApiGroupFamily
from netpol_harness.scenario.governance import Governance
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import EXTERNAL_NAMESPACE, NODE_NAMESPACE, Scenario


def capabilities(cluster: Cluster, placement: Placement) -> frozenset[Capability]:
    """Return the capabilities that a scenario has on the cluster.

    Given namespaces are not the scenario's own. External hosts need one more, and so do pods on the network of nodes:
    it may not be given.
    """
    if not placement.given:
        return cluster.capabilities | {Capability.NAMESPACES, Capability.NODES}
    missing = {Capability.NAMESPACES}
    if placement.real(EXTERNAL_NAMESPACE) == EXTERNAL_NAMESPACE:
        missing.add(Capability.EXTERNAL_HOSTS)
    nodes = set() if placement.real(NODE_NAMESPACE) == NODE_NAMESPACE else {Capability.NODES}
    return (cluster.capabilities | nodes) - missing


def requirements(scenario: Scenario) -> Iterator[Capability]:
    """Yield the capabilities that a scenario names, and those that its manifests and steps need."""
    yield from map(Capability, scenario.requires)
    chosen = (address for manifest in scenario.workloads for address in manifest.chosen_addresses)
    yield from dict.fromkeys(family for address in chosen for family in family_of(address))
    labelled = any(m.name.kind == "Namespace" and m.data["metadata"].get("labels") for m in scenario.workloads)
    relabelled = any(relabel.name.kind == "Namespace" for step in scenario.steps for relabel in step.labels)
    if scenario.has_domain_names:
        yield Capability.EXTERNAL_NAMES
    if labelled or relabelled:
        yield Capability.NAMESPACES


def other_policies(scenario: Scenario) -> frozenset[tuple[str, str]]:
    """Return the API versions and kinds of its policies that no capability of a cluster is about.

    A cluster enforces them if it had these kinds before the run: the kinds that a scenario defines itself have no
    controller yet.
    """
    policies = (policy for step in scenario.steps for policy in step.policies)
    others = (policy.data for policy in policies if policy.family is ApiGroupFamily.OTHER)
    return frozenset((data["apiVersion"], data["kind"]) for data in others)


def possible_hosts(scenario: Scenario, capabilities: Collection[Capability]) -> tuple[ExternalHost, ...]:
    """Return the external hosts that a cluster can have: without an address, or with one of its families."""
    return tuple(host for host in scenario.externals if set(family_of(host.address)) <= set(capabilities))


def family_of(address: str) -> Iterator[Capability]:
    """Yield the capability to reach an address; none for an empty one."""
    if address:
        yield Capability.IPV6 if ":" in address else Capability.IPV4


def needs(path: Path, endpoints: EndpointResolver, governance: Governance) -> Iterator[Capability]:
    """Yield the capabilities that a cluster must have to probe a path to these endpoints under other policies."""
    yield from map(Capability, governance.families_of(path))
    outside = [end for end in endpoints.of_target(path.target, path.port) if isinstance(end, HostEndpoint)]
    if path.external_hosts or outside:
        yield Capability.EXTERNAL_HOSTS
    if outside and isinstance(path.target, DnsTarget) and endpoints.is_alias(path.target.ref):
        yield Capability.EXTERNAL_NAMES
    if isinstance(path.target, LoadBalancerTarget) and endpoints.needs_load_balancer(path.target.ref):
        yield Capability.LOAD_BALANCERS
    if isinstance(path.source, NodeSource):
        yield Capability.NODES
    if path.scheme is Scheme.SCTP:
        yield Capability.SCTP
    yield from dict.fromkeys(
        family for address in _addresses(path, outside, endpoints) for family in family_of(address)
    )


def _addresses(path: Path, outside: Sequence[HostEndpoint], endpoints: EndpointResolver) -> Iterator[str]:
    """Yield the addresses that the path names or leads to outside, as far as they are known."""
    if isinstance(path.target, AddressTarget):
        yield path.target.address
    if isinstance(path.target, LoadBalancerTarget):
        yield endpoints.external_address(path.target.ref)
    yield from (host.address for host in outside)
    for name in path.external_hosts:
        yield from endpoints.addresses_of_host(name)
