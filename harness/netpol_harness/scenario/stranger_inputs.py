"""Adds the strangers of the steps that want them to a scenario's workloads. Steps that do not want them lack them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from netpol_harness.model.cluster_policy import ClusterNetworkPolicy
from netpol_harness.model.labels import Labels
from netpol_harness.model.name_server import NameServer
from netpol_harness.model.names import Direction, Port, Protocol
from netpol_harness.model.objects import ContainerPort, Namespace, World
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.paths.path import ExternalHost, Inventory
from netpol_harness.scenario.api_objects import LocatedManifest
from netpol_harness.scenario.family import ApiGroupFamily
from netpol_harness.scenario.inventory import inventory_of_step, workload_of
from netpol_harness.scenario.node import YamlNode
from netpol_harness.scenario.scenario import SYSTEM_NAMESPACES, Manifest
from netpol_harness.scenario.shape import Report
from netpol_harness.scenario.steps import StepInputs, StepReader, wants_strangers
from netpol_harness.scenario.stranger_manifests import stranger_manifests
from netpol_harness.scenario.strangers import free_name, strangers_of

OUTSIDER = "outsider"
"""The name of the host outside the cluster, unless it is taken."""

OUTSIDER_PORT = Port(Protocol.TCP, 443)
"""The port of the host, if a policy may deny connections to it."""


def with_strangers(nodes: Sequence[YamlNode], inputs: StepInputs) -> StepInputs:
    """Return the inputs of the steps, with the strangers of those that want them. Problems are left to ``steps``."""
    wanting = [node for node in nodes if wants_strangers(node)]
    if not wanting or not inputs.reliable:
        return inputs
    worlds = [_world(node, inputs) for node in wanting]
    place = wanting[0].at("strangers")
    system = SYSTEM_NAMESPACES | {inputs.name_server.service.namespace}
    data = stranger_manifests(strangers_of(worlds, system))
    located = tuple(LocatedManifest(Manifest(each, place.place.where), place) for each in data)
    return replace(
        inputs,
        workloads=(*inputs.workloads, *located),
        inventory=_with(inputs.inventory, located, worlds),
        namespaces=inputs.namespaces
        | {o.manifest.name.ref.name for o in located if o.manifest.name.kind == "Namespace"},
    )


def _world(node: YamlNode, inputs: StepInputs) -> World:
    """Return the objects of one step, without strangers. The name server is one of the pods of every cluster.

    CronJobs are left out, so that strangers represent their pods on a cluster, where nobody runs them.
    """
    reader = StepReader(inputs, Report())
    labels, absent = tuple(reader.relabels(node.at("labels"))), frozenset(reader.absent(node.at("absent").items))
    server = inputs.name_server
    known = inventory_of_step(inputs.inventory, labels, absent)
    world = replace(known, workloads={r: w for r, w in known.workloads.items() if not w.is_on_request}).world()
    policies = inputs.manifests.policies(node.at("policies").items)
    namespaces = _namespaces([*inputs.workloads, *policies], server)
    for relabel in labels:
        if relabel.name.kind == "Namespace":
            own = {**namespaces.get(relabel.name.ref.name, {}), **relabel.labels}
            namespaces[relabel.name.ref.name] = {key: value for key, value in own.items() if value is not None}
    return replace(
        world,
        namespaces={
            name: Namespace.parse({"metadata": {"name": name, "labels": own}}) for name, own in namespaces.items()
        },
        pods={**world.pods, **({} if server.address else {server.pod.ref: server.pod})},
        policies=tuple(_network_policies(policies)),
        cluster_policies=tuple(
            ClusterNetworkPolicy.parse(located.manifest.data)
            for located in policies
            if located.manifest.family is ApiGroupFamily.CLUSTER
        ),
    )


def _namespaces(objects: Sequence[LocatedManifest], server: NameServer) -> dict[str, Labels]:
    """Return the labels of the namespaces that objects declare or are in, and of the name server's."""
    names = [located.manifest.name for located in objects]
    labels: dict[str, Labels] = {server.service.namespace: {}}
    labels |= {name.ref.namespace: {} for name in names if name.ref.namespace}
    for located in objects:
        if located.manifest.name.kind == "Namespace":
            labels[located.manifest.name.ref.name] = located.manifest.data["metadata"].get("labels") or {}
    return labels


def _network_policies(policies: Sequence[LocatedManifest]) -> Iterator[NetworkPolicy]:
    for located in policies:
        if located.manifest.family is ApiGroupFamily.KUBERNETES:
            yield NetworkPolicy.parse(located.manifest.data)


def _with(inventory: Inventory, located: Sequence[LocatedManifest], worlds: Sequence[World]) -> Inventory:
    """Return the inventory with the strangers, and with a host outside the cluster."""
    workloads = [workload for each in located if (workload := workload_of(each.manifest))]
    strangers = {workload.ref: replace(workload, is_stranger=True) for workload in workloads}
    taken = {ref.name for ref in (*inventory.workloads, *inventory.services, *strangers)} | {*inventory.externals}
    isolates = any(Direction.EGRESS in policy.directions for world in worlds for policy in world.policies)
    host = ExternalHost(free_name(OUTSIDER, taken), ports=(ContainerPort(OUTSIDER_PORT),) * isolates, is_stranger=True)
    return replace(
        inventory,
        workloads={**inventory.workloads, **strangers},
        externals={**inventory.externals, host.name: host},
    )
