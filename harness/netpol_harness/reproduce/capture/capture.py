"""From the objects of a cluster to the manifests and the notes of a capture. Pure.

The result is a scenario in which every pair of pods has the verdict that the policies give it in the cluster.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from netpol_harness.model.addresses import is_address
from netpol_harness.model.endpoint_slices import EndpointSlice
from netpol_harness.model.json_object import JsonMapping, JsonObject
from netpol_harness.model.kinds import GroupKind, is_cluster_scoped
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.objects import Pod, World
from netpol_harness.model.services import Service
from netpol_harness.reproduce.capture.addresses import (
    Addresses,
    AddressPairs,
    Block,
    blocks_of,
    given_addresses,
    nodes_for,
)
from netpol_harness.reproduce.capture.fields import CLUSTER_POLICY_SPEC, NETWORK_POLICY_SPEC, dropped_fields, foreign
from netpol_harness.reproduce.capture.inputs import ClusterInput
from netpol_harness.reproduce.capture.objects import (
    namespace_manifest,
    outside_addresses,
    policy_manifest,
    service_manifest,
    slice_manifest,
    workload_manifests,
)
from netpol_harness.reproduce.capture.selection import Selection, selected_keys
from netpol_harness.reproduce.capture.workloads import Owners, Replica, StandInWorkload, workloads_of
from netpol_harness.scenario.family import ApiGroupFamily

_API_SERVER = NamespacedName("default", "kubernetes")


@dataclass(frozen=True, slots=True)
class Capture:
    """What a capture writes.

    ``objects`` are the manifests other than policies, ``policies`` the others, each by namespace (empty: cluster-wide).
    ``hosts`` are addresses outside the cluster behind Services, with ports. ``warnings`` say what the capture lacks:
    its verdicts may differ from the cluster's. ``notes`` say what was reduced. ``stand_ins`` has the workload that
    stands for each pod. ``nodes`` have the addresses that stand-ins ask for. ``dns`` is where the name server is, empty
    if it is at the usual place.
    """

    objects: Mapping[str, Sequence[JsonObject]]
    policies: Mapping[str, Sequence[JsonObject]]
    hosts: Mapping[str, Sequence[str]]
    stand_ins: Mapping[NamespacedName, NamespacedName]
    exclusive: bool
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    dns: Mapping[str, object] = field(default_factory=dict)
    nodes: int = 1


def capture(given: ClusterInput, namespaces: Iterable[str] = ()) -> Capture:
    """Return the capture of these namespaces; without any, of all but the system's."""
    selection = Selection.of(given, frozenset(namespaces))
    world = selection.world
    policies, dropped = _policies(selection.policies)
    blocks = [block for block in blocks_of(policies) if not block.is_everything]
    workloads = _workloads(selection, blocks)
    addresses, given_to = _addresses(workloads, blocks)
    rewritten = [addresses.rewritten(policy) if _is_read(policy) else (policy, 0) for policy in policies]
    slices = [written for written in world.endpoint_slices if written.service != _API_SERVER]
    objects = {
        namespace: [
            *_namespace(selection, namespace),
            *(m for w in workloads if w.ref.namespace == namespace for m in workload_manifests(w, given_to)),
            *_services(world, slices, addresses, namespace),
        ]
        for namespace in selection.written_namespaces
    }
    written = {ref for ref in world.services if ref.namespace in selection.written_namespaces} - {_API_SERVER}
    notes = [*_reduced(workloads), *selection.notes, *_changed(sum(number for _, number in rewritten), given_to)]
    notes += _outside_addresses(service for ref, service in world.services.items() if ref in written)
    return Capture(
        objects={name: found for name, found in objects.items() if found},
        policies=_by_namespace([policy for policy, _ in rewritten]),
        hosts=outside_addresses(slices, addresses),
        stand_ins={each.pod.ref: workload for w in workloads for each, workload in _standing(w)},
        exclusive=selection.is_exclusive,
        warnings=(*map(str, given.gaps), *selection.warnings, *dropped, *_unaddressed(workloads, blocks, given_to)),
        notes=tuple(notes),
        dns=selection.dns,
        nodes=addresses.nodes,
    )


def _workloads(selection: Selection, blocks: Sequence[Block]) -> tuple[StandInWorkload, ...]:
    owners = Owners(selection.between)
    replicas = [(owners.of(data), _replica(data, selection.world)) for data in selection.pods]

    def place(pod: Pod) -> object:
        return tuple(any(map(block.contains, pod.addresses)) for block in blocks)

    return workloads_of(replicas, selected_keys(selection), place if blocks else None)


def _replica(data: JsonMapping, world: World) -> Replica:
    spec = data["spec"]
    pod = world.pods[Pod.parse(data).ref]
    return Replica(pod, pod.labels, pod.ports, str(spec.get("hostname") or ""), str(spec.get("subdomain") or ""))


def _standing(workload: StandInWorkload) -> Iterator[tuple[Replica, NamespacedName]]:
    for number, replica in enumerate(workload.pods):
        name = workload.names[min(number, len(workload.names) - 1)]
        yield replica, NamespacedName(workload.ref.namespace, name)


def _addresses(
    workloads: Sequence[StandInWorkload], blocks: Sequence[Block]
) -> tuple[Addresses, Mapping[NamespacedName, AddressPairs]]:
    if not blocks:
        return Addresses(()), {}
    given = given_addresses([each.pod for w in workloads for each in w.pods[: len(w.names)]])
    pairs = tuple(pair for pairs in given.values() for pair in pairs)
    return Addresses(pairs, nodes_for(len(given))), given


def _policies(policies: Iterable[JsonMapping]) -> tuple[list[JsonObject], list[str]]:
    """Return the policies with the fields that are known, and what was dropped."""
    kept, dropped = [], []
    for policy in policies:
        kind = GroupKind.of(policy)
        family = ApiGroupFamily.of(policy["kind"], policy["apiVersion"])
        keep = {ApiGroupFamily.KUBERNETES: NETWORK_POLICY_SPEC, ApiGroupFamily.CLUSTER: CLUSTER_POLICY_SPEC}
        before = policy.get("spec") or {}
        spec = keep.get(family, foreign)(before) or {} if family else {}
        kept.append(policy_manifest(policy, spec))
        name = "/".join(filter(None, (policy["metadata"].get("namespace"), policy["metadata"]["name"])))
        if missing := dropped_fields(before, spec):
            dropped.append(f"{kind} {name}: these fields are not captured: {', '.join(sorted(missing))}")
    return kept, dropped


def _is_read(policy: JsonMapping) -> bool:
    family = ApiGroupFamily.of(policy["kind"], policy["apiVersion"])
    return family is not None and not family.is_foreign


def _by_namespace(policies: Iterable[JsonObject]) -> Mapping[str, Sequence[JsonObject]]:
    found: dict[str, list[JsonObject]] = {}
    for policy in sorted(policies, key=lambda policy: (policy["kind"], policy["metadata"]["name"])):
        wide = is_cluster_scoped(GroupKind.of(policy))
        found.setdefault("" if wide else policy["metadata"].get("namespace") or "", []).append(policy)
    return dict(sorted(found.items()))


def _namespace(selection: Selection, name: str) -> Iterator[JsonObject]:
    if name in selection.declared_namespaces:
        yield namespace_manifest(name, selection.world.namespaces[name].labels)


def _services(
    world: World, slices: Sequence[EndpointSlice], addresses: Addresses, namespace: str
) -> Iterator[JsonObject]:
    for ref, service in sorted(world.services.items()):
        if ref.namespace == namespace and ref != _API_SERVER:
            yield service_manifest(service)
    for written in sorted(slices, key=lambda each: each.ref):
        if written.ref.namespace == namespace:
            yield slice_manifest(written, addresses)


def _reduced(workloads: Sequence[StandInWorkload]) -> Iterator[str]:
    pods, made = sum(len(w.pods) for w in workloads), sum(_made(w) for w in workloads)
    yield f"{pods} pods of {len(workloads)} workloads; {made} stand-ins are made of them"


def _made(workload: StandInWorkload) -> int:
    return len(workload.names) if workload.kind == "Pod" else 1 if workload.kind == "DaemonSet" else workload.made


def _changed(blocks: int, given: Mapping[NamespacedName, AddressPairs]) -> Iterator[str]:
    if given:
        yield f"policies have ipBlocks: {len(given)} stand-ins ask for addresses, and are made as single Pods"
        if (nodes := nodes_for(len(given))) > 1:
            yield f"the addresses are those of {nodes} nodes: run the capture with --netpol-nodes {nodes}"
        if any(len(pairs) > 1 for pairs in given.values()):
            yield "stand-ins have addresses of both IP families: run the capture with --netpol-ip-family dual"
    if blocks:
        yield f"{blocks} ipBlocks contained pods, and name the addresses of their stand-ins now"


def _outside_addresses(services: Iterable[Service]) -> Iterator[str]:
    """Yield where clients outside reach Services in the cluster, and do not reach those of the capture."""
    for service in sorted(services, key=lambda service: service.ref):
        ports = sorted({port.node_port for port in service.ports if port.node_port})
        if ports:
            yield f"Service {service.ref}: it gets other node ports than {', '.join(map(str, ports))}"
        if addresses := [address for address in service.external_ips if is_address(address)]:
            yield f"Service {service.ref}: its external IPs are not captured: {', '.join(addresses)}"


def _unaddressed(
    workloads: Sequence[StandInWorkload], blocks: Sequence[Block], given: Mapping[NamespacedName, AddressPairs]
) -> Iterator[str]:
    if blocks and workloads and not given:
        yield "policies have ipBlocks, and the addresses of pods are not captured: what blocks decide is undefined"
