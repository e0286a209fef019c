"""The inventory of a scenario: workloads, Services and external hosts, as manifests define and steps change them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from netpol_harness.model.endpoint_slices import EndpointSlice, written_slices
from netpol_harness.model.kinds import wanted_pods
from netpol_harness.model.labels import Labels
from netpol_harness.model.names import NamespacedName, Port, Protocol
from netpol_harness.model.objects import ContainerPort, container_ports, running_containers, with_ports
from netpol_harness.model.served_ports import target_ports
from netpol_harness.model.services import Service
from netpol_harness.paths.names import ObjectName
from netpol_harness.paths.path import ExternalHost, Inventory, Workload
from netpol_harness.scenario.api_objects import LocatedManifest
from netpol_harness.scenario.node import YamlKind, YamlNode
from netpol_harness.scenario.scenario import Manifest, Relabel
from netpol_harness.scenario.shape import Report


def inventory(objects: Sequence[LocatedManifest], external: YamlNode, report: Report) -> Inventory:
    """Return all names, and report those that paths could not tell apart."""
    workloads = [workload for located in objects if (workload := workload_of(located.manifest))]
    data: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for located in objects:
        data[located.manifest.name.kind].append(located.manifest.data)
    services = [*map(Service.parse, data["Service"])]
    whole = Inventory(
        workloads={w.ref: _served(w, services) for w in workloads},
        services={s.ref: s for s in services},
        externals={host.name: host for host in _externals(external, report)},
        endpoint_slices=written_slices(data["EndpointSlice"], data["Endpoints"], services),
    )
    _check_workload_names(objects, report)
    _check_external_hosts(external, whole, report)
    return whole


def inventory_of_step(
    whole: Inventory, relabels: Sequence[Relabel], absent: Set[ObjectName], *, outsiders: bool = True
) -> Inventory:
    """Return the inventory of a step: pods are relabelled, absent workloads and Services left out.

    Without ``outsiders``, the external hosts are those that the scenario names. A pod goes on listening on the ports of
    a Service that no longer selects it, or that no longer exists.
    """
    labels = {relabel.name.ref: relabel.labels for relabel in relabels if relabel.name.kind != "Namespace"}
    relabelled = {
        ref: _served(replace(workload, labels=_relabelled(workload.labels, labels[ref])), whole.services.values())
        if ref in labels
        else workload
        for ref, workload in whole.workloads.items()
    }
    return replace(
        whole,
        workloads={ref: w for ref, w in relabelled.items() if ObjectName(w.kind, ref) not in absent},
        services={ref: s for ref, s in whole.services.items() if ObjectName("Service", ref) not in absent},
        externals={name: host for name, host in whole.externals.items() if outsiders or not host.is_stranger},
        endpoint_slices=tuple(s for s in whole.endpoint_slices if _slice_name(s) not in absent),
    )


def without_ready_pods(inventory: Inventory, refs: Set[NamespacedName]) -> Inventory:
    """Return the inventory of a step in which the pods of these workloads do not become Ready."""
    workloads = {ref: replace(w, is_ready=ref not in refs) for ref, w in inventory.workloads.items()}
    return replace(inventory, workloads=workloads)


def _slice_name(written: EndpointSlice) -> ObjectName:
    return ObjectName("Endpoints" if written.mirrored else "EndpointSlice", written.ref)


def _relabelled(labels: Labels, changes: Mapping[str, str | None]) -> Labels:
    return {key: value for key, value in {**labels, **changes}.items() if value is not None}


def workload_of(manifest: Manifest) -> Workload | None:
    """Return the workload that a manifest defines; ``None`` if it makes no pods."""
    template = manifest.pod
    if not template:
        return None
    spec = template["spec"]
    return Workload(
        manifest.name.ref,
        manifest.name.kind,
        _labels(template),
        container_ports(spec),
        wanted_pods(manifest.data),
        host_network=bool(spec.get("hostNetwork")),
        containers=tuple(str(container.get("name")) for container in running_containers(spec)),
        init_containers=tuple(str(container.get("name")) for container in spec.get("initContainers") or ()),
        first_index=_first_index(manifest.data),
    )


def _first_index(data: Mapping[str, Any]) -> int:
    """Return the index of the first pod, which ``spec.ordinals.start`` of a StatefulSet chooses."""
    start = (data["spec"].get("ordinals") or {}).get("start") if data["kind"] == "StatefulSet" else None
    return start if isinstance(start, int) else 0


def _served(workload: Workload, services: Iterable[Service]) -> Workload:
    """Return the workload with the ports to which the Services that select its pods send."""
    targets = target_ports(workload.ref.namespace, workload.labels, services)
    return replace(workload, ports=with_ports(workload.ports, targets))


def _labels(data: Mapping[str, Any]) -> Labels:
    return dict((data.get("metadata") or {}).get("labels") or {})


def _externals(node: YamlNode, report: Report) -> list[ExternalHost]:
    if node.kind is YamlKind.LIST:
        return [ExternalHost(item.text) for item in node.items]
    return [ExternalHost(key.text, _address(value, report), _ports(value)) for key, value in node.entries]


def _address(host: YamlNode, report: Report) -> str:
    node = host.at("address")
    if node.kind is YamlKind.NOTHING:
        return ""
    try:
        address = ip_address(node.text)
    except ValueError:
        report.add(
            node.place, f"'{node.text}' is not an IP address", "write one such as 203.0.113.7, or remove the key"
        )
        return ""
    if what := _what_no_host_has(address):
        remedy = f"choose another, or write {address}:PORT as a target if the host is not to be made"
        report.add(node.place, f"no host outside can have the address {address}, {what}", remedy)
    return str(address)


_POD_GATEWAY = ip_address("169.254.1.1")
"""The next hop of pods with Calico (docs.tigera.io, FAQ: "Why does my container have a route to 169.254.1.1?")."""


def _what_no_host_has(address: IPv4Address | IPv6Address) -> str:
    """Return what an address is, if packets to it never leave a pod's machine as those to a host do; else empty."""
    kinds = (
        (address.is_unspecified, "which is unspecified"),
        (address.is_loopback, "which is each pod itself"),
        (address.is_multicast, "which is of a multicast group"),
        (address.is_reserved, "which is reserved"),
        (address.version == 6 and address.is_link_local, "which is valid on one link only"),
        (address == _POD_GATEWAY, "which is the gateway of pods"),
    )
    return next((what for applies, what in kinds if applies), "")


def _ports(host: YamlNode) -> tuple[ContainerPort, ...]:
    written = [item.text.partition("/") for item in host.at("ports").items]
    return tuple(
        ContainerPort(Port(Protocol(protocol or "TCP"), int(number)))
        for number, _, protocol in written
        if number.isdecimal() and (protocol or "TCP") in list(Protocol)
    )


def _check_workload_names(objects: Sequence[LocatedManifest], report: Report) -> None:
    """Report workloads of two kinds with one name: paths name workloads without their kind."""
    first: dict[NamespacedName, LocatedManifest] = {}
    for located in objects:
        name = located.manifest.name
        earlier = first.setdefault(name.ref, located) if located.manifest.pod else located
        if earlier.manifest.name.kind != name.kind:
            what = f"{name} has the same name as {earlier.manifest.name} at {earlier.manifest.where}"
            report.add(located.node.at("metadata", "name").place, what, "rename one: paths could not tell them apart")


def _check_external_hosts(external: YamlNode, whole: Inventory, report: Report) -> None:
    """Report external hosts with the name of something inside the cluster, or the name or address of another."""
    inside = {ref.name: ref for ref in (*whole.workloads, *whole.services)}
    lines: dict[str, int] = {}
    addresses: dict[str, str] = {}
    for node in external.items or [key for key, _ in external.entries]:
        if node.text in inside:
            what = f"the external host '{node.text}' has the same name as {inside[node.text]}"
            report.add(node.place, what, "rename the host: paths could not tell them apart")
        line = lines.setdefault(node.text, node.place.line)
        host = whole.externals[node.text]
        other = addresses.setdefault(host.address or f"[{host.name}]", host.name)
        if other != host.name:
            report.add(node.place, f"'{host.name}' has the same address as '{other}'", "give each host its own")
        if line != node.place.line:
            report.add(node.place, f"the external host '{node.text}' is already on line {line}", "remove one of them")
