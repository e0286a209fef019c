"""The objects of a step as a ``World`` for the oracle, without a cluster. Pure.

One pod stands for all pods of a workload, under the workload's own name. Every world has the cluster's name server.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from netpol_harness.model.cluster_policy import ClusterNetworkPolicy
from netpol_harness.model.cluster_services import API_SERVER, api_service, api_slices
from netpol_harness.model.name_server import NameServer
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import Namespace, Pod, World
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.paths.path import KnownAddresses
from netpol_harness.scenario.scenario import Scenario, Step, cluster_policies, network_policies
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL


def name_server_of(scenario: Scenario, addresses: KnownAddresses | None = None) -> NameServer:
    """Return the cluster's name server, or if it is not known, the one that the scenario expects."""
    return (addresses.name_server if addresses else None) or scenario.name_server


def world_of(step: Step, scenario: Scenario, addresses: KnownAddresses | None = None) -> World:
    """Return the world that ``step`` describes: pods and namespaces as relabelled, Services, policies in force.

    A pod has the known ``addresses``, or those that its manifest chooses, or none, which means that they are unknown.
    """
    chosen = {manifest.name.ref: manifest.chosen_addresses for manifest in scenario.workloads if manifest.pod}
    known = {**chosen, **(addresses.pods if addresses else {})}
    world, server = step.inventory.world(known), name_server_of(scenario, addresses)
    in_pods = not server.address
    return World(
        {namespace.name: namespace for namespace in _namespaces(step, scenario, server)},
        {**_on_nodes(world, addresses), **({server.service: server.pod} if in_pods else {})},
        {
            API_SERVER: api_service(addresses.api_addresses if addresses else ()),
            **world.services,
            **({server.service: server.front} if in_pods else {}),
        },
        tuple(NetworkPolicy.parse(manifest.data) for manifest in network_policies(step)),
        (*world.endpoint_slices, *api_slices(addresses.api_sockets if addresses else ())),
        tuple(ClusterNetworkPolicy.parse(manifest.data) for manifest in cluster_policies(step)),
        {node.name: node for node in (addresses.node_objects if addresses else ())},
        domain_names=step.inventory.domain_names(addresses.hosts if addresses else None),
    )


def _on_nodes(world: World, addresses: KnownAddresses | None) -> Mapping[NamespacedName, Pod]:
    """Return the pods. Those on the network of a node have its name, if all pods of their workload are on one."""
    names = addresses.node_names if addresses else {}
    alone = {workload: found[0] for workload, found in names.items() if len(found) == 1}
    on_nodes = {ref: replace(pod, node=alone[pod.workload]) for ref, pod in world.pods.items() if pod.workload in alone}
    return {**world.pods, **on_nodes}


def _namespaces(step: Step, scenario: Scenario, server: NameServer) -> Iterator[Namespace]:
    labels: dict[str, dict[str, str | None]] = {"default": {}, server.namespace.name: dict(server.namespace.labels)}
    for manifest in scenario.workloads:
        if manifest.name.kind == "Namespace":
            labels[manifest.name.ref.name] = dict(manifest.data["metadata"].get("labels") or {})
    for relabel in step.labels:
        if relabel.name.kind == "Namespace":
            labels[relabel.name.ref.name].update(relabel.labels)
    for name, values in labels.items():
        kept = {key: value for key, value in values.items() if value is not None}
        yield Namespace(name, {**kept, NAMESPACE_NAME_LABEL: name})
    for name in scenario.assumed_namespaces - labels.keys():
        yield Namespace(name, {NAMESPACE_NAME_LABEL: name}, labels_known=False)
