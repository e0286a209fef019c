"""The manifests of a capture, made of nothing but what connectivity needs. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from netpol_harness.model.endpoint_slices import EndpointSlice
from netpol_harness.model.json_object import JsonMapping, JsonObject
from netpol_harness.model.labels import Labels
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.services import Service, TrafficPolicy
from netpol_harness.reproduce.capture.addresses import Addresses, AddressPairs
from netpol_harness.reproduce.capture.workloads import Replica, StandInWorkload
from netpol_harness.scenario.stand_in import stand_in_spec
from netpol_harness.wellknown import CALICO_ADDRESSES_ANNOTATION, NAMESPACE_NAME_LABEL, SERVICE_NAME_LABEL

_APPS = {"Deployment": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1", "Job": "batch/v1"}


def namespace_manifest(name: str, labels: Labels) -> JsonObject:
    """Return a Namespace; the label with its name comes from the API server."""
    own = {key: value for key, value in labels.items() if key != NAMESPACE_NAME_LABEL}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, **_labelled(own)}}


def workload_manifests(workload: StandInWorkload, given: Mapping[NamespacedName, AddressPairs]) -> Iterator[JsonObject]:
    """Yield the controller of a workload, or its Pods with the addresses that are ``given`` to them."""
    if workload.kind == "Pod":
        for name, replica in zip(workload.names, workload.pods, strict=False):
            yield _pod(NamespacedName(workload.ref.namespace, name), replica, given.get(replica.pod.ref))
        return
    template = _template(workload.ref.name, workload.pods[0])
    if workload.kind == "Job":
        template["spec"]["restartPolicy"] = "Never"  # the API refuses a Job's template without one
    yield {
        "apiVersion": _APPS[workload.kind],
        "kind": workload.kind,
        "metadata": {"name": workload.ref.name, "namespace": workload.ref.namespace},
        "spec": {**_controller_spec(workload), "template": template},
    }


def _controller_spec(workload: StandInWorkload) -> JsonObject:
    first = workload.pods[0]
    if workload.kind == "Job":
        return {"parallelism": workload.made, "completions": workload.made}
    selector = {"selector": {"matchLabels": dict(first.labels)}}
    if workload.kind == "DaemonSet":
        return selector
    replicas = {"replicas": workload.made, **selector}
    return (
        {**replicas, "serviceName": first.subdomain} if workload.kind == "StatefulSet" and first.subdomain else replicas
    )


def _template(name: str, replica: Replica) -> JsonObject:
    return {"metadata": _labelled(replica.labels), "spec": _spec(name, replica)}


def _spec(name: str, replica: Replica) -> JsonObject:
    pod = replica.pod
    spec = dict(stand_in_spec(name, replica.ports, host_network=pod.host_network))
    if pod.name_servers:
        spec |= {"dnsPolicy": "None", "dnsConfig": {"nameservers": [*pod.name_servers]}}
    return spec


def _pod(ref: NamespacedName, replica: Replica, given: AddressPairs | None) -> JsonObject:
    chosen = {"annotations": {CALICO_ADDRESSES_ANNOTATION: json.dumps([new for _, new in given])}} if given else {}
    metadata = {"name": ref.name, "namespace": ref.namespace, **_labelled(replica.labels), **chosen}
    spec = _spec(ref.name, replica)
    place = {"hostname": replica.hostname, "subdomain": replica.subdomain}
    spec |= {key: value for key, value in place.items() if value and replica.subdomain}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def service_manifest(service: Service) -> JsonObject:
    """Return a Service without its addresses: the cluster that it is made on gives it others."""
    spec: JsonObject = {"selector": dict(service.selector)} if service.selector else {}
    spec["ports"] = [_service_port(port) for port in service.ports]
    optional: dict[str, Any] = {
        "type": "LoadBalancer" if service.balanced else "NodePort" if _has_node_ports(service) else "",
        "clusterIP": "None" if service.headless else "",
        "externalTrafficPolicy": _local(service.external_policy),
        "internalTrafficPolicy": _local(service.internal_policy),
        "publishNotReadyAddresses": service.publish_not_ready,
        "loadBalancerSourceRanges": [*map(str, service.source_ranges)],
        "sessionAffinity": "ClientIP" if service.affinity_seconds else "",
    }
    spec |= {key: value for key, value in optional.items() if value}
    if service.external_name:
        spec = {"type": "ExternalName", "externalName": service.external_name}
    metadata = {"name": service.ref.name, "namespace": service.ref.namespace}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _has_node_ports(service: Service) -> bool:
    return not service.balanced and any(port.node_port for port in service.ports)


def _local(policy: TrafficPolicy) -> str:
    return str(policy) if policy is TrafficPolicy.LOCAL else ""


def _service_port(port: Any) -> JsonObject:
    named = {"name": port.name} if port.name else {}
    return {**named, "protocol": port.port.protocol.value, "port": port.port.number, "targetPort": port.target}


def slice_manifest(written: EndpointSlice, addresses: Addresses) -> JsonObject:
    """Return an EndpointSlice that no controller writes, with the addresses of stand-ins for those of pods."""
    version6 = any(":" in address for endpoint in written.endpoints for address in endpoint.addresses)
    ports = [{"name": port.name, "protocol": port.protocol.value, "port": port.number} for port in written.ports]
    endpoints = [
        {
            "addresses": [addresses.stand_in(address) or address for address in endpoint.addresses],
            "conditions": _conditions(ready=endpoint.ready, draining=endpoint.draining),
            **({"hostname": endpoint.hostname} if endpoint.hostname else {}),
        }
        for endpoint in written.endpoints
    ]
    labels = {SERVICE_NAME_LABEL: written.service.name}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": written.ref.name, "namespace": written.ref.namespace, "labels": labels},
        "addressType": "IPv6" if version6 else "IPv4",
        "ports": ports,
        "endpoints": endpoints,
    }


def _conditions(*, ready: bool, draining: bool) -> JsonObject:
    return {"ready": ready, **({"serving": True, "terminating": True} if draining else {})}


def policy_manifest(policy: JsonMapping, spec: Mapping[str, Any]) -> JsonObject:
    """Return a policy with this spec, and with nothing of its metadata but its name."""
    metadata, namespace = policy["metadata"], policy["metadata"].get("namespace")
    own = {"name": metadata["name"], **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": policy["apiVersion"], "kind": policy["kind"], "metadata": own, "spec": dict(spec)}


def outside_addresses(slices: Sequence[EndpointSlice], addresses: Addresses) -> dict[str, list[str]]:
    """Return the addresses of slices that are not those of captured pods, with ports as ``443`` or ``53/UDP``."""
    found: dict[str, dict[str, None]] = {}
    for written in slices:
        for address in (each for endpoint in written.endpoints for each in endpoint.addresses):
            if not addresses.stand_in(address):
                texts = (f"{p.number}" if p.protocol == "TCP" else f"{p.number}/{p.protocol}" for p in written.ports)
                found.setdefault(address, {}).update(dict.fromkeys(texts))
    return {address: [*ports] for address, ports in sorted(found.items())}


def _labelled(labels: Labels) -> JsonObject:
    return {"labels": dict(sorted(labels.items()))} if labels else {}
