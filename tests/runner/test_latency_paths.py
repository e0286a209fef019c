from pathlib import Path

import pytest

from netpol_harness.errors import HarnessError
from netpol_harness.results.latency import State
from netpol_harness.runner.latency_paths import changing_states, step_before
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario, Step

SCENARIOS = Path(__file__).parents[2] / "scenarios"


def steps(scenario: Scenario, name: str) -> tuple[Step, Step]:
    (step,) = (step for step in scenario.steps if step.name == name)
    return step_before(scenario, step), step


def test_paths_of_one_step_alone_have_the_verdicts_that_the_policies_of_the_other_imply() -> None:
    scenario = load(SCENARIOS / "three_tier" / "scenario.yaml")
    old, new = changing_states(scenario, *steps(scenario, "with-dns"))
    assert {str(path): state for path, state in new.items()} == {
        "web-pod -> http://app-service:5000": State.OPEN,
        "app-pod -> db-service:3306": State.OPEN,
    }
    assert set(old.values()) == {State.CLOSED}


@pytest.mark.parametrize(
    ("name", "step", "path", "state"),
    [
        ("external_traffic", "from-partner", "banned -> service(web):80", State.CLOSED),
        ("external_traffic", "from-outside-only", "neighbour -> service(web):80", State.CLOSED),
        ("cluster_network_policy/admin_both_directions", "deny", "x/a -> v/b:80", State.CLOSED),
    ],
)
def test_hosts_outside_and_other_policies_have_their_states(name: str, step: str, path: str, state: State) -> None:
    scenario = load(SCENARIOS / name / "scenario.yaml")
    _, new = changing_states(scenario, *steps(scenario, step))
    assert {str(each): value for each, value in new.items()}[path] is state


def test_a_pod_that_one_of_the_steps_lacks_has_no_path() -> None:
    scenario = load(SCENARIOS / "conformance" / "late_pods" / "scenario.yaml")
    for step in scenario.steps[1:]:
        with pytest.raises(HarnessError):
            changing_states(scenario, step_before(scenario, step), step)


@pytest.mark.parametrize(
    ("name", "step", "cause"),
    [
        ("three_tier", "all-allow", "is the first one.*name a later step with --step: as-written, with-dns"),
        ("conformance/recreated_pods", None, "changes no path.*both steps have the same policies"),
        ("default_deny", "dns-alone-is-not-enough", "changes no path.*3 paths are as open or closed"),
    ],
)
def test_a_step_that_changes_nothing_is_an_error_that_names_the_cause(name: str, step: str | None, cause: str) -> None:
    scenario = load(SCENARIOS / name / "scenario.yaml")
    with pytest.raises(HarnessError, match=cause):
        changing_states(scenario, *steps(scenario, step or scenario.steps[-1].name))
