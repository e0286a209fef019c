"""Defaults of namespaces, Services, their endpoints, NetworkPolicies and Secrets."""

import base64
from collections.abc import Iterable

from netpol_harness.emulator.apiserver.defaults.absent import fill
from netpol_harness.model.json_object import JsonObject
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL


def default_namespace(namespace: JsonObject) -> None:
    """Fill in a Namespace, with the label that names it."""
    labels = namespace["metadata"].setdefault("labels", {})
    labels[NAMESPACE_NAME_LABEL] = namespace["metadata"]["name"]
    fill(namespace.setdefault("spec", {}), finalizers=["kubernetes"])
    fill(namespace.setdefault("status", {}), phase="Active")


def default_secret(secret: JsonObject) -> None:
    """Fill in a Secret, and encode ``stringData``."""
    fill(secret, type="Opaque")
    plain = secret.pop("stringData", {})
    if plain:
        encoded = {name: base64.b64encode(text.encode()).decode() for name, text in plain.items()}
        secret["data"] = {**secret.get("data", {}), **encoded}


def default_service(service: JsonObject) -> None:
    """Fill in a Service."""
    spec = service.setdefault("spec", {})
    fill(spec, type="ClusterIP", sessionAffinity="None")
    fill(service.setdefault("status", {}), loadBalancer={})
    for port in spec.get("ports", ()):
        fill(port, protocol="TCP")
        if port.get("targetPort", 0) in (0, "") and "port" in port:
            port["targetPort"] = port["port"]
    if spec["type"] == "ExternalName":
        return
    fill(spec, internalTrafficPolicy="Cluster")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        fill(spec, externalTrafficPolicy="Cluster")
    if spec["type"] == "LoadBalancer":
        fill(spec, allocateLoadBalancerNodePorts=True)
    if spec["sessionAffinity"] == "ClientIP":
        fill(spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {}), timeoutSeconds=10800)


def default_network_policy(policy: JsonObject) -> None:
    """Fill in a NetworkPolicy."""
    spec = policy.setdefault("spec", {})
    fill(spec, podSelector={})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    for rule in (*spec.get("ingress", ()), *spec.get("egress", ())):
        _with_protocol(rule.get("ports", ()))


def default_endpoint_slice(endpoint_slice: JsonObject) -> None:
    """Fill in an EndpointSlice."""
    for port in endpoint_slice.get("ports", ()):
        fill(port, name="", protocol="TCP")


def default_endpoints(endpoints: JsonObject) -> None:
    """Fill in an Endpoints object."""
    for subset in endpoints.get("subsets", ()):
        _with_protocol(subset.get("ports", ()))


def _with_protocol(ports: Iterable[JsonObject]) -> None:
    for port in ports:
        fill(port, protocol="TCP")
