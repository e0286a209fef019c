"""Whether a node admits the pods of a template: its labels and taints against selectors, affinity and tolerations.

Implements core/v1 ``nodeSelector``, ``affinity.nodeAffinity``, ``tolerations`` and ``unschedulable``. Pure.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.labels import LabelSelector

DAEMON_TOLERATIONS = (
    *({"key": f"node.kubernetes.io/{key}", "effect": "NoExecute"} for key in ("not-ready", "unreachable")),
    *(
        {"key": f"node.kubernetes.io/{key}", "effect": "NoSchedule"}
        for key in ("disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")
    ),
)
"""Taints that the pods of DaemonSets tolerate besides their own tolerations, by key and effect."""
_UNSCHEDULABLE = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
NETWORK_TOLERATION = {"key": "node.kubernetes.io/network-unavailable", "effect": "NoSchedule"}
"""The same, for pods in the node's network."""


def daemon_tolerations(spec: JsonMapping) -> list[dict[str, str]]:
    """Return the tolerations that the pods of a DaemonSet get."""
    on_host = [NETWORK_TOLERATION] if spec.get("hostNetwork") else []
    return [{"operator": "Exists", **toleration} for toleration in (*DAEMON_TOLERATIONS, *on_host)]


def admits(node: JsonMapping, spec: JsonMapping, tolerations: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether pods with this spec and these tolerations may run on the node."""
    return selects(node, spec) and not untolerated(node, tolerations)


def untolerated(node: JsonMapping, tolerations: Sequence[Mapping[str, Any]]) -> JsonMapping:
    """Return the first taint of the node that keeps pods with these tolerations away; empty if there is none."""
    spec = node.get("spec") or {}
    taints = [taint for taint in spec.get("taints") or () if taint.get("effect") in ("NoSchedule", "NoExecute")]
    if spec.get("unschedulable"):  # `kubectl cordon`
        taints.append(_UNSCHEDULABLE)
    return next((t for t in taints if not any(_tolerates(toleration, t) for toleration in tolerations)), {})


def prefers(node: JsonMapping, spec: JsonMapping) -> int:
    """Return the sum of the weights of the preferred node affinity that the node meets."""
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    return sum(entry["weight"] for entry in preferred if _term_selects(entry["preference"], node))


def selects(node: JsonMapping, spec: JsonMapping) -> bool:
    """Return whether ``nodeSelector`` and the required node affinity of a spec select the node."""
    labels = node["metadata"].get("labels") or {}
    if not LabelSelector.equal(spec.get("nodeSelector") or {}).matches(labels):
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return required is None or any(_term_selects(term, node) for term in required.get("nodeSelectorTerms") or ())


def _term_selects(term: JsonMapping, node: JsonMapping) -> bool:
    """Return whether a term selects the node. A term without requirements selects none."""
    labels = node["metadata"].get("labels") or {}
    fields = {"metadata.name": node["metadata"]["name"]}
    requirements = [(each, labels) for each in term.get("matchExpressions") or ()]
    requirements += [(each, fields) for each in term.get("matchFields") or ()]
    return bool(requirements) and all(_holds(requirement, values) for requirement, values in requirements)


def _holds(requirement: JsonMapping, values: Mapping[str, str]) -> bool:
    key, operator = requirement["key"], requirement["operator"]
    if operator in ("Gt", "Lt"):
        value, limit = values.get(key, ""), requirement["values"][0]
        if not (value.isdecimal() and limit.isdecimal()):
            return False
        return int(value) > int(limit) if operator == "Gt" else int(value) < int(limit)
    return LabelSelector.parse({"matchExpressions": [requirement]}).matches(values)


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """Return whether the toleration is for this taint. An empty key with Exists, or an empty effect, is for all."""
    exists = toleration.get("operator", "Equal") == "Exists"
    key, effect = toleration.get("key", ""), toleration.get("effect", "")
    same_key = (exists and not key) or key == taint["key"]
    same_value = exists or toleration.get("value", "") == (taint.get("value") or "")
    return same_key and same_value and effect in ("", taint.get("effect"))
