from typing import Any

import pytest

from netpol_harness.analysis.edits.selectors import corrected, missing_labels
from netpol_harness.model.labels import LabelSelector

LABELS = {"app": "web", "tier": "front"}


@pytest.mark.parametrize(
    ("selector", "right"),
    [
        ({"matchLabels": {"app": "wbe"}}, {"matchLabels": {"app": "web"}}),
        ({"matchLabels": {"app": "web", "role": "x"}}, {"matchLabels": {"app": "web"}}),
        ({"matchLabels": {"role": "x"}}, {"matchLabels": {"app": "web"}}),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["db"]}]}, "app in (db, web)"),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web", "db"]}]}, "app notin (db)"),
        (
            {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]},
            {"matchLabels": {"app": "web"}},
        ),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, {"matchLabels": {"app": "web"}}),
        (None, {"matchLabels": {"app": "web"}}),
    ],
)
def test_a_corrected_selector_matches(selector: Any, right: Any) -> None:
    result = corrected(selector, LABELS, {"app": "web"})
    assert LabelSelector.parse(result).matches(LABELS)
    if isinstance(right, dict):
        assert result == right
    else:
        (expression,) = result["matchExpressions"]
        assert set(expression["values"]) == set(right.partition("(")[2].rstrip(")").split(", "))


@pytest.mark.parametrize(
    ("selector", "labels"),
    [
        ({"matchLabels": {"role": "x", "app": "web"}}, {"role": "x"}),
        ({"matchLabels": {"app": "db"}}, {}),
        ({"matchExpressions": [{"key": "role", "operator": "In", "values": ["b", "a"]}]}, {"role": "a"}),
        ({"matchExpressions": [{"key": "role", "operator": "Exists"}]}, {}),
    ],
)
def test_labels_are_only_ever_added(selector: Any, labels: dict[str, str]) -> None:
    assert missing_labels(LabelSelector.parse(selector), LABELS) == labels
