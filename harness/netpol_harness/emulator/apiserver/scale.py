"""The scale subresource (autoscaling/v1 Scale) of the workloads that have replicas."""

from netpol_harness.emulator.apiserver.decode import decode
from netpol_harness.emulator.apiserver.errors import ErrorSubject, invalid, unprocessable
from netpol_harness.emulator.apiserver.resources import without
from netpol_harness.emulator.apiserver.selectors import label_query
from netpol_harness.model.json_object import JsonObject

DEFINITION = "io.k8s.api.autoscaling.v1.Scale"
_IDENTITY = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def from_workload(workload: JsonObject) -> JsonObject:
    """Return the Scale of a workload."""
    metadata = workload["metadata"]
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in _IDENTITY},
        "spec": {"replicas": workload["spec"].get("replicas", 0)},
        "status": {
            "replicas": workload.get("status", {}).get("replicas", 0),
            "selector": label_query(_selector(workload)),
        },
    }


def _selector(workload: JsonObject) -> JsonObject:
    selector: JsonObject = workload["spec"].get("selector", {})
    is_equality = workload["kind"] in ("DeploymentConfig", "ReplicationController")
    return {"matchLabels": selector} if is_equality else selector


def apply_scale(workload: JsonObject, body: object) -> JsonObject:
    """Return the workload with the replicas of a written Scale, and the version that its writer sent."""
    written = decode(DEFINITION, body).object
    replicas = written.get("spec", {}).get("replicas", 0)
    if replicas < 0:
        subject = ErrorSubject("autoscaling", "Scale", workload["metadata"]["name"])
        raise unprocessable(subject, [invalid("spec.replicas", replicas, "must be greater than or equal to 0")])
    version = written.get("metadata", {}).get("resourceVersion", "")
    metadata = {**without(workload["metadata"], "resourceVersion"), "resourceVersion": version}
    return {**workload, "metadata": metadata, "spec": {**workload["spec"], "replicas": replicas}}
