"""Deployments and ReplicaSets (apps/v1): the selector, the template, and that they match."""

from collections.abc import Mapping
from typing import Any

from netpol_harness.emulator.apiserver.errors import Cause, invalid, not_supported, required
from netpol_harness.emulator.apiserver.validation.metadata import check_labels, check_selector
from netpol_harness.emulator.apiserver.validation.pod import check_spec
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.labels import LabelSelector

_STRATEGIES = ("Recreate", "RollingUpdate")
_TEMPLATE = "spec.template"


def check_deployment(deployment: JsonObject) -> list[Cause]:
    """Return causes to refuse the Deployment."""
    spec = deployment.get("spec", {})
    kind = spec.get("strategy", {}).get("type", "RollingUpdate")
    causes = [] if kind in _STRATEGIES else [not_supported("spec.strategy.type", kind, _STRATEGIES)]
    return causes + _check(spec, "deployment", ("replicas", "minReadySeconds", "revisionHistoryLimit"))


def check_replica_set(replica_set: JsonObject) -> list[Cause]:
    """Return causes to refuse the ReplicaSet."""
    return _check(replica_set.get("spec", {}), "replicaset", ("replicas", "minReadySeconds"))


def compare(workload: JsonObject, previous: JsonObject) -> list[Cause]:
    """Return causes to refuse the change: the selector is immutable."""
    selector = workload.get("spec", {}).get("selector", {})
    same = selector == previous.get("spec", {}).get("selector", {})
    return [] if same else [invalid("spec.selector", selector, "field is immutable")]


def _check(spec: Mapping[str, Any], word: str, counts: tuple[str, ...]) -> list[Cause]:
    causes = [
        invalid(f"spec.{field}", spec[field], "must be greater than or equal to 0")
        for field in counts
        if spec.get(field, 0) < 0
    ]
    selector = spec.get("selector", {})
    if "selector" not in spec:
        causes.append(required("spec.selector"))
    elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
        causes.append(invalid("spec.selector", selector, f"empty selector is invalid for {word}"))
    causes += check_selector(selector, "spec.selector")
    return causes + _check_template(spec.get("template", {}), selector)


def _check_template(template: Mapping[str, Any], selector: Mapping[str, Any]) -> list[Cause]:
    labels, spec = template.get("metadata", {}).get("labels", {}), template.get("spec", {})
    causes = check_labels(labels, f"{_TEMPLATE}.metadata.labels")
    if not _unreadable(selector) and not LabelSelector.parse(selector).matches(labels):
        words = "`selector` does not match template `labels`"
        causes.append(invalid(f"{_TEMPLATE}.metadata.labels", labels, words))
    policy = spec.get("restartPolicy", "Always")
    if policy != "Always":
        causes.append(not_supported(f"{_TEMPLATE}.spec.restartPolicy", policy, ("Always",)))
    return causes + check_spec(spec, f"{_TEMPLATE}.spec")


def _unreadable(selector: Mapping[str, Any]) -> bool:
    return bool(check_selector(selector, ""))
