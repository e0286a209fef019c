"""Defaults for fields that a client omits (``pkg/apis/*/defaults.go`` and the usual admission plugins).

Objects are edited in place: they have just been decoded, or cloned from the store.
"""

import base64
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from netpol_harness.model.json_object import JsonObject
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL

_ALWAYS_TOLERATED = tuple(
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for key in ("not-ready", "unreachable")
)
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_FILE_MODE = 0o644


def apply_defaults(plural: str, obj: JsonObject) -> None:
    """Fill in the defaults of one object."""
    if plural in _DEFAULTS:
        _DEFAULTS[plural](obj)


def _fill(target: JsonObject, **values: Any) -> None:
    for name, value in values.items():
        target.setdefault(name, value)


def _namespace(namespace: JsonObject) -> None:
    labels = namespace["metadata"].setdefault("labels", {})
    labels[NAMESPACE_NAME_LABEL] = namespace["metadata"]["name"]
    _fill(namespace.setdefault("spec", {}), finalizers=["kubernetes"])
    _fill(namespace.setdefault("status", {}), phase="Active")


def _secret(secret: JsonObject) -> None:
    _fill(secret, type="Opaque")
    plain = secret.pop("stringData", {})
    if plain:
        encoded = {name: base64.b64encode(text.encode()).decode() for name, text in plain.items()}
        secret["data"] = {**secret.get("data", {}), **encoded}


def _pod(pod: JsonObject) -> None:
    spec = pod.setdefault("spec", {})
    account = spec.get("serviceAccountName") or "default"
    _fill(spec, serviceAccountName=account, serviceAccount=account)
    _fill(spec, priority=0, preemptionPolicy="PreemptLowerPriority")
    known = {toleration.get("key") for toleration in spec.get("tolerations", ())}
    added = [dict(toleration) for toleration in _ALWAYS_TOLERATED if toleration["key"] not in known]
    if added:
        spec["tolerations"] = [*spec.get("tolerations", ()), *added]
    _pod_spec(spec)
    _fill(pod.setdefault("status", {}), phase="Pending", qosClass=_quality(spec))


def _pod_spec(spec: JsonObject) -> None:
    _fill(
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
    _fill(
        container,
        resources={},
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        imagePullPolicy=_pull_policy(container.get("image", "")),
    )
    for port in container.get("ports", ()):
        _fill(port, protocol="TCP")
        if on_host and port.get("containerPort"):
            _fill(port, hostPort=port["containerPort"])
    for variable in container.get("env", ()):
        if "fieldRef" in variable.get("valueFrom", {}):
            _fill(variable["valueFrom"]["fieldRef"], apiVersion="v1")
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
    _fill(probe, **_PROBE)
    if "httpGet" in probe:
        _fill(probe["httpGet"], path="/", scheme="HTTP")
    if "grpc" in probe:
        _fill(probe["grpc"], service="")


def _volume(volume: JsonObject) -> None:
    for source in ("configMap", "secret", "downwardAPI", "projected"):
        if source in volume:
            _fill(volume[source], defaultMode=_FILE_MODE)
    if "hostPath" in volume:
        _fill(volume["hostPath"], type="")
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


def _service(service: JsonObject) -> None:
    spec = service.setdefault("spec", {})
    _fill(spec, type="ClusterIP", sessionAffinity="None")
    _fill(service.setdefault("status", {}), loadBalancer={})
    for port in spec.get("ports", ()):
        _fill(port, protocol="TCP")
        if port.get("targetPort", 0) in (0, "") and "port" in port:
            port["targetPort"] = port["port"]
    if spec["type"] == "ExternalName":
        return
    _fill(spec, ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack", internalTrafficPolicy="Cluster")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        _fill(spec, externalTrafficPolicy="Cluster")
    if spec["type"] == "LoadBalancer":
        _fill(spec, allocateLoadBalancerNodePorts=True)
    if spec["sessionAffinity"] == "ClientIP":
        _fill(spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {}), timeoutSeconds=10800)


def _network_policy(policy: JsonObject) -> None:
    spec = policy.setdefault("spec", {})
    _fill(spec, podSelector={})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    for rule in (*spec.get("ingress", ()), *spec.get("egress", ())):
        _with_protocol(rule.get("ports", ()))


def _deployment(deployment: JsonObject) -> None:
    spec = deployment.setdefault("spec", {})
    _fill(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600, strategy={})
    _fill(spec["strategy"], type="RollingUpdate")
    if spec["strategy"]["type"] == "RollingUpdate":
        _fill(spec["strategy"].setdefault("rollingUpdate", {}), maxUnavailable="25%", maxSurge="25%")
    _pod_spec(spec.get("template", {}).setdefault("spec", {}))


def _replica_set(replica_set: JsonObject) -> None:
    spec = replica_set.setdefault("spec", {})
    _fill(spec, replicas=1)
    _pod_spec(spec.get("template", {}).setdefault("spec", {}))
    _fill(replica_set.setdefault("status", {}), replicas=0)


def _endpoint_slice(endpoint_slice: JsonObject) -> None:
    for port in endpoint_slice.get("ports", ()):
        _fill(port, name="", protocol="TCP")


def _endpoints(endpoints: JsonObject) -> None:
    for subset in endpoints.get("subsets", ()):
        _with_protocol(subset.get("ports", ()))


def _with_protocol(ports: Iterable[JsonObject]) -> None:
    for port in ports:
        _fill(port, protocol="TCP")


_DEFAULTS: Mapping[str, Callable[[JsonObject], None]] = {
    "deployments": _deployment,
    "endpoints": _endpoints,
    "endpointslices": _endpoint_slice,
    "namespaces": _namespace,
    "networkpolicies": _network_policy,
    "pods": _pod,
    "replicasets": _replica_set,
    "secrets": _secret,
    "services": _service,
}
