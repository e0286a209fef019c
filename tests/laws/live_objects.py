"""The objects of a step as a cluster lists them when all pods run: with names, owners and addresses."""

from collections.abc import Iterator
from itertools import count

from netpol_harness.emulator.controllers.endpoints_mirror import mirrored
from netpol_harness.emulator.kubelet.podspec import chosen_addresses
from netpol_harness.model.json_object import JsonMapping, JsonObject
from netpol_harness.model.kinds import pod_template, wanted_pods
from netpol_harness.runner.target_state import scenario_objects
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import EXTERNAL_NAMESPACE, Scenario, Step
from netpol_harness.wellknown import EXTERNAL_HOST_ANNOTATION

NODE = "192.0.2.1"


def live_objects(scenario: Scenario, step: Step, placement: Placement) -> list[JsonMapping]:
    """Return what a cluster lists in a step: pods, Services, EndpointSlices, external hosts and the name server."""
    state = scenario_objects(scenario, step, placement).values()
    pods = [pod for data in state for pod in _pods(data)]
    hosts = [_host(host.name, host.address, placement) for host in scenario.externals]
    name_server = {"namespace": "kube-system", "name": "coredns-1", "labels": {"k8s-app": "kube-dns"}}
    running = enumerate([*pods, *hosts, {"metadata": name_server, "spec": {}}], start=2)
    services = (data for data in state if data["kind"] == "Service")
    slices = [data for data in state if data["kind"] == "EndpointSlice"]
    slices += [part for data in state if data["kind"] == "Endpoints" for part in _mirrored(data)]
    return [*(_running(pod, number) for number, pod in running), *map(_service, services, count(2)), *slices]


def _pods(data: JsonMapping) -> Iterator[JsonMapping]:
    """Yield a pod, or the pods of a controller; those of a Deployment belong to a ReplicaSet, named with a hash."""
    kind, metadata = data["kind"], data["metadata"]
    if kind == "Pod":
        yield data
    template = pod_template(data)
    if kind == "Pod" or not template:
        return
    labels, owner = {**(template.get("metadata") or {}).get("labels", {})}, {"kind": kind, "name": metadata["name"]}
    if kind == "Deployment":
        labels["pod-template-hash"] = "5d4f"
        owner = {"kind": "ReplicaSet", "name": f"{metadata['name']}-5d4f"}
    for number in range(wanted_pods(data)):
        own = {"namespace": metadata.get("namespace"), "name": f"{owner['name']}-{number}", "labels": labels}
        annotations = (template.get("metadata") or {}).get("annotations") or {}
        owners = [{**owner, "controller": True}]
        yield {"metadata": {**own, "annotations": annotations, "ownerReferences": owners}, "spec": template["spec"]}


def _mirrored(data: JsonMapping) -> Iterator[JsonMapping]:
    stored = {**data, "metadata": {"uid": "u", **data["metadata"]}}
    return ({"kind": "EndpointSlice", **part} for part in mirrored(stored))


def _host(name: str, address: str, placement: Placement) -> JsonMapping:
    metadata = {"namespace": placement.real(EXTERNAL_NAMESPACE), "name": name}
    annotations = {EXTERNAL_HOST_ANNOTATION: address}
    return {"metadata": {**metadata, "annotations": annotations}, "spec": {}, "address": address}


def _running(pod: JsonMapping, number: int) -> JsonObject:
    own = NODE if pod["spec"].get("hostNetwork") else pod.get("address") or "".join(chosen_addresses(pod))
    address = own or f"10.244.{number >> 8}.{number & 255}"
    return {**pod, "kind": "Pod", "status": {"phase": "Running", "podIPs": [{"ip": address}], "hostIP": NODE}}


def _service(data: JsonMapping, number: int) -> JsonObject:
    address = data["spec"].get("clusterIP") or f"10.96.{number >> 8}.{number & 255}"
    balancer = {"ingress": [{"ip": f"192.0.3.{number & 255}"}]} if data["spec"].get("type") == "LoadBalancer" else {}
    return {**data, "spec": {**data["spec"], "clusterIP": address}, "status": {"loadBalancer": balancer}}
