from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import pytest

from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.names import ObjectKey
from netpol_harness.runner.state import Act, Change, State, changes
from netpol_harness.runner.target_state import recreated_pods, scenario_objects
from netpol_harness.scenario.placement import Placement
from netpol_harness.scenario.scenario import Scenario, Step

StepNamed = Callable[[str], Step]


@pytest.fixture
def placement(shop: Scenario) -> Placement:
    return Placement.unique(shop, "x1")


@pytest.fixture
def changes_between(shop: Scenario, step: StepNamed, placement: Placement) -> Callable[[str, str], list[str]]:
    """Return a function for the changes between two steps, each as ``ACT Kind/name``."""

    def between(before: str, after: str) -> list[str]:
        old, new = (scenario_objects(shop, step(name), placement) for name in (before, after))
        recreate = recreated_pods(shop, step(after), placement)
        return [f"{change.act.name} {change.key.kind}/{change.key.name}" for change in changes(old, new, recreate)]

    return between


def test_opening_creates_namespaces_first_and_pods_last(shop: Scenario, placement: Placement) -> None:
    acts = [change.act for change in changes({}, scenario_objects(shop, None, placement))]
    assert acts == sorted(acts)
    assert acts[0] is Act.CREATE_NAMESPACE
    assert acts[-1] is Act.START


def test_opening_creates_nothing_that_is_absent_in_the_first_step(
    shop: Scenario, step: StepNamed, placement: Placement
) -> None:
    first = replace(shop, steps=(step("gone"), *shop.steps))
    kinds = [(key.kind, key.name) for key in scenario_objects(first, None, placement)]
    assert ("Pod", "client") not in kinds
    assert ("Pod", "web") in kinds


def test_a_state_has_the_names_of_the_cluster(shop: Scenario, placement: Placement) -> None:
    namespaces = {key.namespace for key in scenario_objects(shop, None, placement)} - {""}
    assert namespaces == {placement.real("shop")}
    assert namespaces != {"shop"}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("open", "open", []),
        ("open", "closed", ["CREATE NetworkPolicy/deny"]),
        ("closed", "open", ["DELETE NetworkPolicy/deny"]),
        ("open", "relabelled", ["RELABEL Pod/client"]),
        ("open", "gone", ["DELETE Pod/client"]),
        ("gone", "open", ["START Pod/client"]),
        ("gone", "closed", ["CREATE NetworkPolicy/deny", "START Pod/client"]),
        ("open", "again", ["RECREATE Pod/client"]),
        ("gone", "again", ["START Pod/client"]),
    ],
)
def test_steps_differ_only_in_what_they_declare(
    changes_between: Callable[[str, str], list[str]], before: str, after: str, expected: list[str]
) -> None:
    assert sorted(changes_between(before, after)) == sorted(expected)


def test_relabelling_removes_labels_that_the_next_state_does_not_have(
    shop: Scenario, step: StepNamed, placement: Placement
) -> None:
    old, new = scenario_objects(shop, step("relabelled"), placement), scenario_objects(shop, step("open"), placement)
    (relabel,) = (change for change in changes(old, new) if change.act is Act.RELABEL)
    assert relabel.data == {"metadata": {"labels": {"tier": None, "app": "client"}}}


def test_any_state_leads_to_any_other(shop: Scenario, placement: Placement) -> None:
    for before, after in permutations(shop.steps, 2):
        old, new = scenario_objects(shop, before, placement), scenario_objects(shop, after, placement)
        assert _applied(old, changes(old, new, recreated_pods(shop, after, placement))) == new


def _applied(state: State, todo: tuple[Change, ...]) -> State:
    """Return the state of a cluster after these changes."""
    result: dict[ObjectKey, JsonMapping] = dict(state)
    for change in todo:
        match change.act:
            case Act.DELETE:
                del result[change.key]
            case Act.RELABEL:
                old = result[change.key]
                labels = {**(old["metadata"].get("labels") or {}), **change.data["metadata"]["labels"]}
                remaining = {key: value for key, value in labels.items() if value is not None}
                result[change.key] = {**old, "metadata": {**old["metadata"], "labels": remaining}}
            case _:
                result[change.key] = change.data
    return result
