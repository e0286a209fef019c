from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import pytest

from netpol_harness.model.json_object import JsonMapping
from netpol_harness.model.names import ObjectKey
from netpol_harness.runner.state import Act, Change, State, changes
from netpol_harness.runner.target_state import described, infrastructure_objects, recreated_workloads, scenario_objects
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
        recreate = recreated_workloads(shop, step(after), placement)
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
        ("open", "rolled", ["REPLACE Deployment/db"]),
        ("rolled", "open", ["REPLACE Deployment/db"]),
        ("open", "anew", ["RECREATE Deployment/db"]),
        ("rolled", "anew", ["RECREATE Deployment/db"]),
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


def test_the_labels_of_a_controllers_pods_are_in_its_template(
    shop: Scenario, step: StepNamed, placement: Placement
) -> None:
    objects = scenario_objects(shop, step("rolled"), placement)
    (db,) = (data for key, data in objects.items() if key.kind == "Deployment")
    assert db["spec"]["template"]["metadata"]["labels"] == {"app": "db", "tier": "x"}
    assert "labels" not in db["metadata"]


@pytest.mark.parametrize(
    ("kind", "spec", "act"),
    [
        ("apps/v1/Deployment", {}, Act.REPLACE),
        ("apps/v1/Deployment", {"paused": True}, Act.RECREATE),
        ("apps/v1/StatefulSet", {}, Act.REPLACE),
        ("apps/v1/StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, Act.RECREATE),
        ("apps/v1/StatefulSet", {"updateStrategy": {"rollingUpdate": {"partition": 1}}}, Act.RECREATE),
        ("apps/v1/DaemonSet", {"updateStrategy": {"rollingUpdate": {"maxSurge": 1}}}, Act.REPLACE),
        ("apps/v1/ReplicaSet", {}, Act.RECREATE),
        ("v1/ReplicationController", {}, Act.RECREATE),
        ("batch/v1/Job", {}, Act.RECREATE),
        ("example.com/v1/Fleet", {}, Act.RECREATE),
    ],
)
def test_a_controller_that_keeps_its_pods_is_created_again(kind: str, spec: dict[str, object], act: Act) -> None:
    api_version, _, name = kind.rpartition("/")
    key = ObjectKey(api_version, name, "shop", "x")

    def labelled(value: str) -> JsonMapping:
        template = {"metadata": {"labels": {"app": value}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        return {
            "apiVersion": api_version,
            "kind": name,
            "metadata": {"name": "x"},
            "spec": {**spec, "template": template},
        }

    (change,) = changes({key: labelled("a")}, {key: labelled("b")})
    assert (change.act, change.starts_pods) == (act, True)
    grown = {**labelled("a"), "spec": {**labelled("a")["spec"], "replicas": 3}}
    (change,) = changes({key: labelled("a")}, {key: grown})
    assert change.act is (Act.RECREATE if name == "Job" else Act.REPLACE)


def test_any_state_leads_to_any_other(shop: Scenario, placement: Placement) -> None:
    for before, after in permutations(shop.steps, 2):
        old, new = scenario_objects(shop, before, placement), scenario_objects(shop, after, placement)
        assert _applied(old, changes(old, new, recreated_workloads(shop, after, placement))) == new


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


def test_an_object_is_described_as_its_manifest_names_it(shop: Scenario, placement: Placement) -> None:
    real = placement.real("shop")
    described_as = {
        described(ObjectKey("v1", "Namespace", "", real), shop, placement): "Namespace shop (workloads.yaml:2)",
        described(
            ObjectKey("apps/v1", "Deployment", real, "db"), shop, placement
        ): "Deployment shop/db (workloads.yaml:10)",
        described(ObjectKey("v1", "Service", real, "db"), shop, placement): "Service shop/db (workloads.yaml:20)",
        described(ObjectKey("v1", "Pod", real, "else"), shop, placement): f"Pod {real}/else",
    }
    assert list(described_as) == list(described_as.values())


def test_namespaces_that_no_manifest_declares_are_created(shop: Scenario, placement: Placement) -> None:
    assumed = replace(shop, assumed_namespaces=frozenset({"monitoring"}))
    literal = Placement.literal(assumed)
    assert [data["metadata"]["name"] for data in infrastructure_objects(assumed, literal)] == ["monitoring"]
    assert not list(infrastructure_objects(shop, Placement.literal(shop)))
