"""Defaults of pods and pod templates (``pkg/apis/core/v1/defaults.go``)."""

from collections.abc import Mapping
from typing import Any

from netpol_harness.emulator.apiserver.defaults.absent import fill
from netpol_harness.model.json_object import JsonObject

_ALWAYS_TOLERATED = tuple(
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for key in ("not-ready", "unreachable")
)
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_FILE_MODE = 0o644


def default_pod(pod: JsonObject) -> None:
    """Fill in a Pod."""
    spec = pod.setdefault("spec", {})
    account = spec.get("serviceAccountName") or "default"
    fill(spec, serviceAccountName=account, serviceAccount=account)
    fill(spec, priority=0, preemptionPolicy="PreemptLowerPriority")
    known = {toleration.get("key") for toleration in spec.get("tolerations", ())}
    added = [dict(toleration) for toleration in _ALWAYS_TOLERATED if toleration["key"] not in known]
    if added:
        spec["tolerations"] = [*spec.get("tolerations", ()), *added]
    default_pod_spec(spec)
    fill(pod.setdefault("status", {}), phase="Pending", qosClass=_quality(spec))


def default_pod_spec(spec: JsonObject) -> None:
    """Fill in the spec of a pod or of a template."""
    fill(
        spec,
        restartPolicy="Always",
        dnsPolicy="ClusterFirst",
        terminationGracePeriodSeconds=30,
        schedulerName="default-scheduler",
        enableServiceLinks=True,
        securityContext={},
    )
    for container in (part for group in _CONTAINERS for part in spec.get(group, ())):
        _container(container, on_host=bool(spec.get("hostNetwork")))
    for volume in spec.get("volumes", ()):
        _volume(volume)


def _container(container: JsonObject, *, on_host: bool) -> None:
    fill(
        container,
        resources={},
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        imagePullPolicy=_pull_policy(container.get("image", "")),
    )
    for port in container.get("ports", ()):
        fill(port, protocol="TCP")
        if on_host and port.get("containerPort"):
            fill(port, hostPort=port["containerPort"])
    for variable in container.get("env", ()):
        if "fieldRef" in variable.get("valueFrom", {}):
            fill(variable["valueFrom"]["fieldRef"], apiVersion="v1")
    for name in _PROBES:
        if name in container:
            _probe(container[name])
    limits = container["resources"].get("limits", {})
    if limits:
        container["resources"]["requests"] = {**limits, **container["resources"].get("requests", {})}


def _pull_policy(image: str) -> str:
    """Return ``Always`` for images without a fixed tag."""
    if "@" in image:
        return "IfNotPresent"
    tag = image.rpartition("/")[2].partition(":")[2]
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def _probe(probe: JsonObject) -> None:
    fill(probe, **_PROBE)
    if "httpGet" in probe:
        fill(probe["httpGet"], path="/", scheme="HTTP")
    if "grpc" in probe:
        fill(probe["grpc"], service="")


def _volume(volume: JsonObject) -> None:
    for source in ("configMap", "secret", "downwardAPI", "projected"):
        if source in volume:
            fill(volume[source], defaultMode=_FILE_MODE)
    if "hostPath" in volume:
        fill(volume["hostPath"], type="")
    if volume.keys() == {"name"}:
        volume["emptyDir"] = {}


def _quality(spec: Mapping[str, Any]) -> str:
    """Return the quality-of-service class (Kubernetes documentation, "Pod Quality of Service Classes")."""
    resources = [container.get("resources", {}) for container in spec.get("containers", ())]
    if not any(part.get("requests") or part.get("limits") for part in resources):
        return "BestEffort"
    complete = all(
        {"cpu", "memory"} <= part.get("limits", {}).keys() and part.get("requests") == part["limits"]
        for part in resources
    )
    return "Guaranteed" if complete else "Burstable"
