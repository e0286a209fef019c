"""The scale subresource (autoscaling/v1 Scale) of the workloads and custom kinds that have replicas."""

from collections.abc import Mapping, Sequence
from typing import Any

from netpol_harness.emulator.apiserver.custom.version import ScalePaths
from netpol_harness.emulator.apiserver.decode import decode
from netpol_harness.emulator.apiserver.errors import ErrorSubject, invalid, unprocessable
from netpol_harness.emulator.apiserver.resources import ServedResource, without
from netpol_harness.emulator.apiserver.selectors import label_query
from netpol_harness.model.json_object import JsonObject

DEFINITION = "io.k8s.api.autoscaling.v1.Scale"
_IDENTITY = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
_OF_WORKLOADS = ScalePaths(("spec", "replicas"), ("status", "replicas"), ("spec", "selector"))


def from_workload(row: ServedResource, workload: JsonObject) -> JsonObject:
    """Return the Scale of a workload or of a custom object."""
    paths = _paths(row)
    metadata, selector = workload["metadata"], _at(workload, paths.selector)
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in _IDENTITY if name in metadata},
        "spec": {"replicas": _at(workload, paths.replicas) or 0},
        "status": {"replicas": _at(workload, paths.current) or 0, "selector": _query(row, selector)},
    }


def apply_scale(row: ServedResource, workload: JsonObject, body: object) -> JsonObject:
    """Return the workload with the replicas of a written Scale, and the version that its writer sent."""
    written = decode(DEFINITION, body).object
    replicas = written.get("spec", {}).get("replicas", 0)
    if replicas < 0:
        subject = ErrorSubject("autoscaling", "Scale", workload["metadata"]["name"])
        raise unprocessable(subject, [invalid("spec.replicas", replicas, "must be greater than or equal to 0")])
    version = written.get("metadata", {}).get("resourceVersion", "")
    metadata = {**without(workload["metadata"], "resourceVersion"), "resourceVersion": version}
    return {**_with(workload, _paths(row).replicas, replicas), "metadata": metadata}


def _paths(row: ServedResource) -> ScalePaths:
    return row.custom.scale if row.custom and row.custom.scale else _OF_WORKLOADS


def _query(row: ServedResource, selector: Any) -> str:
    """Return the selector of the pods as text: a custom object has it so already."""
    if isinstance(selector, str) or not selector:
        return selector or ""
    is_equality = row.kind in ("DeploymentConfig", "ReplicationController")
    return label_query({"matchLabels": selector} if is_equality else selector)


def _at(obj: Mapping[str, Any], path: Sequence[str]) -> Any:
    """Return the value at a path; None if there is none, or no path."""
    value: Any = obj if path else None
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _with(obj: Mapping[str, Any], path: Sequence[str], value: Any) -> JsonObject:
    """Return the object with another value at this path."""
    first, *rest = path
    return {**obj, first: _with(obj.get(first) or {}, rest, value) if rest else value}
