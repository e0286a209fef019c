"""The definition of ClusterNetworkPolicy (policy.networking.k8s.io), which this cluster implements itself.

On a real cluster, the network plugin brings it. Its schema is that of the experimental channel, and so are the rules in
CEL, which are texts that ``rules`` knows. The two versions have one schema. Source: config/crd/experimental of
network-policy-api v0.3.0.
"""

from typing import Any

from netpol_harness.emulator.apiserver.custom.rules import CIDR_RULE, NAMED_PORT_RULE, RANGE_RULE
from netpol_harness.model.json_object import JsonObject

GROUP, PLURAL = "policy.networking.k8s.io", "clusternetworkpolicies"
NAME = f"{PLURAL}.{GROUP}"
_MOST = 25
_TEXT: JsonObject = {"type": "string"}
_PORT = {"type": "integer", "format": "int32", "minimum": 1, "maximum": 65535}
_LABEL = "[a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?"


def definition() -> JsonObject:
    """Return the CustomResourceDefinition, as its object would be stored."""
    root = _record({"spec": _spec(), "status": _status()}, "spec")
    columns = [
        {"name": "Tier", "type": "string", "jsonPath": ".spec.tier"},
        {"name": "Priority", "type": "string", "jsonPath": ".spec.priority"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    version = {
        "served": True,
        "schema": {"openAPIV3Schema": root},
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns,
    }
    versions = [{**version, "name": name, "storage": name == "v1beta1"} for name in ("v1alpha2", "v1beta1")]
    names = {
        "plural": PLURAL,
        "singular": "clusternetworkpolicy",
        "kind": "ClusterNetworkPolicy",
        "listKind": "ClusterNetworkPolicyList",
        "shortNames": ["cnp"],
    }
    spec = {"group": GROUP, "scope": "Cluster", "names": names, "versions": versions}
    return {"metadata": {"name": NAME}, "spec": spec}


def _record(fields: dict[str, Any], *required: str, **more: Any) -> JsonObject:
    return {"type": "object", "properties": fields, **({"required": list(required)} if required else {}), **more}


def _list(items: JsonObject, **more: Any) -> JsonObject:
    return {"type": "array", "items": items, "maxItems": _MOST, **more}


def _filled(items: JsonObject, **more: Any) -> JsonObject:
    return _list(items, minItems=1, **more)


def _choice(fields: dict[str, Any]) -> JsonObject:
    """Return an object with exactly one of these fields."""
    return _record(fields, minProperties=1, maxProperties=1)


def _rule(text: str, message: str) -> JsonObject:
    return {"x-kubernetes-validations": [{"rule": text, "message": message}]}


def _spec() -> JsonObject:
    selecting = {"namespaces": _selector(), "pods": _pods()}
    outside = {
        "networks": _filled(_cidr(), **{"x-kubernetes-list-type": "set"}),
        "nodes": _selector(),
        "domainNames": _filled(_domain_name(), **{"x-kubernetes-list-type": "set"}),
    }
    named = "networks/nodes/domainNames peer cannot be set with namedPorts since there are no namedPorts for "
    egress = _gress("to", {**selecting, **outside}) | _rule(NAMED_PORT_RULE, f"{named}networks/nodes/domainNames")
    fields = {
        "tier": {**_TEXT, "enum": ["Admin", "Baseline"]},
        "priority": {"type": "integer", "format": "int32", "minimum": 0, "maximum": 1000},
        "subject": _choice(selecting),
        "ingress": _list(_gress("from", selecting)),
        "egress": _list(egress),
    }
    return _record(fields, "priority", "subject", "tier")


def _gress(peers: str, peer: dict[str, Any]) -> JsonObject:
    """Return a rule of one direction, whose peers are in the field ``peers``."""
    fields = {
        "name": {**_TEXT, "maxLength": 100},
        "action": {**_TEXT, "enum": ["Accept", "Deny", "Pass"]},
        peers: _filled(_choice(peer)),
        "protocols": _filled(_protocol()),
    }
    return _record(fields, "action", peers)


def _protocol() -> JsonObject:
    ascending = _rule(RANGE_RULE, "Start port must be less than End port")
    port = _choice({"number": _PORT, "range": _record({"start": _PORT, "end": _PORT}, "end", "start") | ascending})
    transport = _record({"destinationPort": port}, minProperties=1)
    return _choice({**dict.fromkeys(("tcp", "udp", "sctp"), transport), "destinationNamedPort": _TEXT})


def _selector() -> JsonObject:
    atomic = {"x-kubernetes-list-type": "atomic"}
    values = {"type": "array", "items": _TEXT, **atomic}
    requirement = _record({"key": _TEXT, "operator": _TEXT, "values": values}, "key", "operator")
    return _record(
        {
            "matchExpressions": {"type": "array", "items": requirement, **atomic},
            "matchLabels": {"type": "object", "additionalProperties": _TEXT},
        },
        **{"x-kubernetes-map-type": "atomic"},
    )


def _pods() -> JsonObject:
    return _record({"namespaceSelector": _selector(), "podSelector": _selector()}, "podSelector")


def _cidr() -> JsonObject:
    return {**_TEXT, "maxLength": 43, **_rule(CIDR_RULE, "Invalid CIDR format provided")}


def _domain_name() -> JsonObject:
    return {**_TEXT, "pattern": rf"^(\*\.)?({_LABEL}\.)+{_LABEL}\.?$"}


def _status() -> JsonObject:
    fields = {
        "type": {**_TEXT, "maxLength": 316},
        "status": {**_TEXT, "enum": ["True", "False", "Unknown"]},
        "reason": {**_TEXT, "minLength": 1, "maxLength": 1024, "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"},
        "message": {**_TEXT, "maxLength": 32768},
        "observedGeneration": {"type": "integer", "format": "int64", "minimum": 0},
        "lastTransitionTime": {**_TEXT, "format": "date-time"},
    }
    condition = _record(fields, "lastTransitionTime", "message", "reason", "status", "type")
    listed = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
    return _record({"conditions": {"type": "array", "items": condition, **listed}}, "conditions")
