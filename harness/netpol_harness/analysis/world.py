"""The objects of a step as the oracle's ``World``, without any cluster. Pure.

One pod stands for all pods of a workload, under the workload's own name. Every world has the cluster's name server.
"""

from collections.abc import Iterator

from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import ContainerPort, Namespace, Pod, Service, ServicePort, World
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.paths.path import KnownAddresses
from netpol_harness.scenario.scenario import Scenario, Step, network_policies
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL

NAME_SERVER = NamespacedName("kube-system", "kube-dns")
"""The name server's pod in every world, and the Service before it."""

LOOKUP = Port(Protocol.UDP, 53)
"""How a name is looked up. Resolvers turn to TCP only for answers that do not fit."""


def world_of(step: Step, scenario: Scenario, addresses: KnownAddresses | None = None) -> World:
    """The snapshot that ``step`` describes: pods and namespaces as relabelled, Services, NetworkPolicies in force.

    A pod has the addresses given here, or those that its manifest chooses, or none: they are unknown then.
    """
    chosen = {manifest.name.ref: manifest.chosen_addresses for manifest in scenario.workloads if manifest.pod}
    known = {**chosen, **(addresses.pods if addresses else {})}
    own = step.inventory.world(known)
    return World(
        {namespace.name: namespace for namespace in _namespaces(step, scenario)},
        {**own.pods, NAME_SERVER: _name_server()},
        {**own.services, NAME_SERVER: _name_service()},
        tuple(NetworkPolicy.parse(manifest.data) for manifest in network_policies(step)),
    )


def _namespaces(step: Step, scenario: Scenario) -> Iterator[Namespace]:
    labels: dict[str, dict[str, str | None]] = {"default": {}, NAME_SERVER.namespace: {}}
    for manifest in scenario.workloads:
        if manifest.name.kind == "Namespace":
            labels[manifest.name.ref.name] = dict(manifest.data["metadata"].get("labels") or {})
    for relabel in step.labels:
        if relabel.name.kind == "Namespace":
            labels[relabel.name.ref.name].update(relabel.labels)
    for name, own in labels.items():
        kept = {key: value for key, value in own.items() if value is not None}
        yield Namespace(name, {**kept, NAMESPACE_NAME_LABEL: name})


def _name_server() -> Pod:
    ports = (ContainerPort(LOOKUP, "dns"), ContainerPort(Port(Protocol.TCP, LOOKUP.number), "dns-tcp"))
    return Pod(NAME_SERVER, {"k8s-app": "kube-dns"}, ports)


def _name_service() -> Service:
    ports = (
        ServicePort(LOOKUP, LOOKUP.number, "dns"),
        ServicePort(Port(Protocol.TCP, LOOKUP.number), LOOKUP.number, "dns-tcp"),
    )
    return Service(NAME_SERVER, {"k8s-app": "kube-dns"}, ports)
