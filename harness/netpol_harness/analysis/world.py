"""The objects of a step as a ``World`` for the oracle, without a cluster. Pure.

One pod stands for all pods of a workload, under the workload's own name. Every world has the cluster's name server.
"""

from collections.abc import Iterator

from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import ContainerPort, Namespace, Pod, World
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.model.services import Service, ServicePort
from netpol_harness.paths.path import KnownAddresses
from netpol_harness.scenario.scenario import Scenario, Step, network_policies
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL

NAME_SERVER = NamespacedName("kube-system", "kube-dns")
"""The name server's pod in every world, and its Service."""

DNS_PORT = Port(Protocol.UDP, 53)
"""The port of name look-ups. Resolvers use TCP only for answers that are too large."""


def world_of(step: Step, scenario: Scenario, addresses: KnownAddresses | None = None) -> World:
    """Return the world that ``step`` describes: pods and namespaces as relabelled, Services, NetworkPolicies in force.

    A pod has the known ``addresses``, or those that its manifest chooses, or none, which means that they are unknown.
    """
    chosen = {manifest.name.ref: manifest.chosen_addresses for manifest in scenario.workloads if manifest.pod}
    known = {**chosen, **(addresses.pods if addresses else {})}
    world = step.inventory.world(known)
    return World(
        {namespace.name: namespace for namespace in _namespaces(step, scenario)},
        {**world.pods, NAME_SERVER: _name_server()},
        {**world.services, NAME_SERVER: _name_service()},
        tuple(NetworkPolicy.parse(manifest.data) for manifest in network_policies(step)),
        world.endpoint_slices,
    )


def _namespaces(step: Step, scenario: Scenario) -> Iterator[Namespace]:
    labels: dict[str, dict[str, str | None]] = {"default": {}, NAME_SERVER.namespace: {}}
    for manifest in scenario.workloads:
        if manifest.name.kind == "Namespace":
            labels[manifest.name.ref.name] = dict(manifest.data["metadata"].get("labels") or {})
    for relabel in step.labels:
        if relabel.name.kind == "Namespace":
            labels[relabel.name.ref.name].update(relabel.labels)
    for name, values in labels.items():
        kept = {key: value for key, value in values.items() if value is not None}
        yield Namespace(name, {**kept, NAMESPACE_NAME_LABEL: name})


def _name_server() -> Pod:
    ports = (ContainerPort(DNS_PORT, "dns"), ContainerPort(Port(Protocol.TCP, DNS_PORT.number), "dns-tcp"))
    return Pod(NAME_SERVER, {"k8s-app": "kube-dns"}, ports)


def _name_service() -> Service:
    ports = (
        ServicePort(DNS_PORT, DNS_PORT.number, "dns"),
        ServicePort(Port(Protocol.TCP, DNS_PORT.number), DNS_PORT.number, "dns-tcp"),
    )
    return Service(NAME_SERVER, {"k8s-app": "kube-dns"}, ports)
