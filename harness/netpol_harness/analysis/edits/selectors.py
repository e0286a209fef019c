"""Label selectors of manifests, corrected so that they match given labels. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from netpol_harness.analysis.edits.object_edit import Data
from netpol_harness.model.labels import Labels, LabelSelector, Operator


def corrected(selector: Data | None, labels: Labels, identity: Labels) -> dict[str, Any]:
    """Return the selector with every requirement that the labels do not meet changed or dropped.

    A required value becomes that of the label of the same key. A requirement for a key that the labels lack is
    replaced by ``identity``, unless others that hold remain.
    """
    data = selector or {}
    equal = {key: labels[key] for key in data.get("matchLabels") or {} if key in labels}
    expressions = [*_corrected_expressions(data, labels)]
    if not equal and not expressions:
        equal = dict(identity)
    fields = {"matchLabels": equal or None, "matchExpressions": expressions or None}
    return {key: value for key, value in fields.items() if value}


def missing_labels(selector: LabelSelector | None, labels: Labels) -> dict[str, str]:
    """Return the labels to add so that the selector matches; none if a label would have to change or go."""
    unmet = selector.unmet(labels) if selector else []
    if any(requirement.operator is not Operator.IN or requirement.key in labels for requirement in unmet):
        return {}
    return {requirement.key: min(requirement.values) for requirement in unmet}


def _corrected_expressions(selector: Data, labels: Labels) -> Iterator[Mapping[str, Any]]:
    for expression in selector.get("matchExpressions") or ():
        key, values = expression["key"], [*(expression.get("values") or ())]
        match Operator(expression["operator"]):
            case _ if LabelSelector.parse({"matchExpressions": [expression]}).matches(labels):
                yield expression
            case Operator.IN if key in labels:
                yield {**expression, "values": [*values, labels[key]]}
            case Operator.NOT_IN if len(values) > 1:
                yield {**expression, "values": [value for value in values if value != labels[key]]}
            case _:
                pass
