"""Labels that a selector matches."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.model.labels import Labels, LabelSelector, Operator, Requirement
from netpol_harness.model.solve_labels import labels_matching


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": operator, "values": list(values)}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, {}),
        ({"matchLabels": {"app": "web"}}, {"app": "web"}),
        ({"matchExpressions": [expression("app", "In", "web", "api")]}, {"app": "api"}),
        ({"matchExpressions": [expression("app", "Exists")]}, {"app": "any"}),
        ({"matchExpressions": [expression("app", "Exists"), expression("app", "NotIn", "any")]}, {"app": "any-2"}),
        ({"matchExpressions": [expression("app", "NotIn", "web")]}, {}),
        ({"matchExpressions": [expression("app", "DoesNotExist")]}, {}),
        ({"matchLabels": {"app": "web"}, "matchExpressions": [expression("app", "In", "api", "web")]}, {"app": "web"}),
        ({"matchLabels": {"app": "web"}, "matchExpressions": [expression("app", "NotIn", "web")]}, None),
        ({"matchLabels": {"app": "web"}, "matchExpressions": [expression("app", "DoesNotExist")]}, None),
        ({"matchExpressions": [expression("a", "Exists"), expression("a", "DoesNotExist")]}, None),
    ],
)
def test_the_fewest_labels_that_match(selector: Mapping[str, Any], expected: Labels | None) -> None:
    assert labels_matching(LabelSelector.parse(selector)) == expected


def test_labels_that_other_selectors_do_not_match_are_better() -> None:
    either = LabelSelector.parse({"matchExpressions": [expression("app", "In", "api", "web")]})
    assert labels_matching(either, [LabelSelector.equal({"app": "api"})]) == {"app": "web"}
    outside = LabelSelector.parse({"matchExpressions": [expression("app", "NotIn", "web")]})
    lacking = LabelSelector.parse({"matchExpressions": [expression("app", "DoesNotExist")]})
    assert labels_matching(outside, [lacking]) == {"app": "any"}
    assert labels_matching(either, [either]) == {"app": "api"}


KEYS, VALUES = ("a", "b"), ("any", "x", "y")
requirements = st.builds(
    Requirement,
    st.sampled_from(KEYS),
    st.sampled_from(Operator),
    st.frozensets(st.sampled_from(VALUES), min_size=1),
)


@given(st.lists(requirements, max_size=4))
def test_a_selector_has_labels_unless_it_contradicts_itself(required: list[Requirement]) -> None:
    selector = LabelSelector(tuple(required))
    options = product((None, *VALUES, "other"), repeat=len(KEYS))
    every = [{k: v for k, v in zip(KEYS, values, strict=True) if v is not None} for values in options]
    found = labels_matching(selector)
    assert (found is not None) == any(selector.matches(labels) for labels in every)
    assert found is None or selector.matches(found)
