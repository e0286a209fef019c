"""Names, labels and annotations of every object, and label selectors in any place."""

from collections.abc import Callable, Mapping
from typing import Any

from netpol_harness.emulator.apiserver import syntax
from netpol_harness.emulator.apiserver.errors import Cause, Reason, forbidden, invalid, required
from netpol_harness.emulator.apiserver.resources import ServedResource
from netpol_harness.model.json_object import JsonObject

_ANNOTATIONS_LIMIT = 256 * 1024
_RBAC = ("clusterrolebindings", "clusterroles", "rolebindings", "roles")
_NAMES: Mapping[str, Callable[[str], list[str]]] = {
    **dict.fromkeys(_RBAC, syntax.path_segment),
    "namespaces": syntax.dns_label,
    "services": syntax.dns_1035_label,
}


def check(resource: ServedResource, obj: JsonObject) -> list[Cause]:
    """Return causes to refuse an object's metadata."""
    metadata = obj["metadata"]
    causes = _check_name(resource, metadata)
    causes += check_labels(metadata.get("labels", {}), "metadata.labels")
    causes += _check_annotations(metadata.get("annotations", {}))
    return causes


def _check_name(resource: ServedResource, metadata: Mapping[str, Any]) -> list[Cause]:
    name = metadata.get("name", "")
    if not name:
        return [required("metadata.name", "name or generateName is required")]
    return [invalid("metadata.name", name, words) for words in _NAMES.get(resource.storage, syntax.dns_subdomain)(name)]


def check_labels(labels: Mapping[str, str], path: str) -> list[Cause]:
    """Return causes to refuse a map of labels (also ``matchLabels`` and a Service's selector)."""
    causes = []
    for key, value in labels.items():
        causes += [invalid(path, key, words) for words in syntax.qualified_name(key)]
        causes += [invalid(path, value, words) for words in syntax.label_value(value)]
    return causes


def _check_annotations(annotations: Mapping[str, str]) -> list[Cause]:
    path = "metadata.annotations"
    causes = [invalid(path, key, words) for key in annotations for words in syntax.qualified_name(key.lower())]
    if sum(len(key) + len(value) for key, value in annotations.items()) > _ANNOTATIONS_LIMIT:
        causes.append(Cause(Reason.TOO_LONG, path, f"Too long: may not be more than {_ANNOTATIONS_LIMIT} bytes"))
    return causes


def check_selector(selector: Mapping[str, Any], path: str) -> list[Cause]:
    """Return causes to refuse a ``metav1.LabelSelector``."""
    causes = check_labels(selector.get("matchLabels", {}), f"{path}.matchLabels")
    for i, expression in enumerate(selector.get("matchExpressions", ())):
        causes += _check_expression(expression, f"{path}.matchExpressions[{i}]")
    return causes


def _check_expression(expression: Mapping[str, Any], path: str) -> list[Cause]:
    operator, values = expression.get("operator", ""), expression.get("values", [])
    causes = []
    if operator in ("In", "NotIn") and not values:
        causes.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist") and values:
        words = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        causes.append(forbidden(f"{path}.values", words))
    elif operator not in ("In", "NotIn", "Exists", "DoesNotExist"):
        causes.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
    key = expression.get("key", "")
    causes += [invalid(f"{path}.key", key, words) for words in syntax.qualified_name(key)]
    for i, value in enumerate(values):
        causes += [invalid(f"{path}.values[{i}]", value, words) for words in syntax.label_value(value)]
    return causes
