from collections.abc import Callable

from netpol_harness.analysis.changes.joint import joint_scenario
from netpol_harness.analysis.predict import Predictor
from netpol_harness.paths.names import ObjectName
from netpol_harness.scenario.scenario import Scenario
from tests.analysis.changes.conftest import FROM_WEB, GUARD, PODS, policy

MadePredictor = Callable[[str, str], Predictor]
WEB_ONLY = "---\n".join(PODS.split("---\n")[:2])
OPS = "{from: [{namespaceSelector: {matchLabels: {team: ops}}}]}"
FROM_OPS = policy("from-ops", f"{{podSelector: {{matchLabels: {{app: db}}}}, ingress: [{OPS}]}}")


def names(scenario: Scenario, step: int) -> set[str]:
    """The objects that exist in a step."""
    one = scenario.steps[step]
    every = (manifest.name for manifest in (*scenario.workloads, *one.policies))
    return {str(name) for name in every if name not in one.absent}


def test_each_step_has_the_objects_of_its_side(predictor: MadePredictor) -> None:
    joint = joint_scenario(predictor("a", PODS + GUARD), predictor("b", WEB_ONLY + FROM_WEB))
    assert [step.name for step in joint.steps] == ["before", "after"]
    assert {"Pod shop/db", "Service shop/store", "NetworkPolicy shop/guard"} <= names(joint, 0)
    assert not {"Pod shop/db", "Service shop/store", "NetworkPolicy shop/guard"} & names(joint, 1)
    assert "NetworkPolicy shop/from-web" in names(joint, 1) - names(joint, 0)
    assert {str(name) for name in joint.steps[1].absent} == {"Pod shop/db", "Service shop/store"}


def test_an_object_that_differs_takes_the_place_of_the_first(predictor: MadePredictor) -> None:
    joint = joint_scenario(predictor("a", PODS), predictor("b", PODS.replace("app: web", "app: ui")))
    (web,) = [manifest for manifest in joint.steps[1].policies if manifest.name.kind == "Pod"]
    assert web.data["metadata"]["labels"] == {"app": "ui"}


def test_strangers_of_either_side_are_pods_in_both(predictor: MadePredictor) -> None:
    joint = joint_scenario(predictor("a", PODS + GUARD), predictor("b", PODS + GUARD + FROM_OPS))
    assert not any(isinstance(name, ObjectName) for name in joint.steps[1].absent)
    assert any("stranger" in name and "ops" in name for name in names(joint, 0))
    assert names(joint, 0) <= names(joint, 1)
