"""A scenario as plain data: from files, without parts, and back to files."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import yaml

from netpol_harness.reproduce.shrink.draft import Draft, draft_of
from netpol_harness.reproduce.shrink.files import write
from netpol_harness.reproduce.shrink.parts import STAGES
from netpol_harness.reproduce.shrink.script import NoScript, script
from netpol_harness.scenario.load import load

ROOT = Path(__file__).parents[3]
TRANSITIONS = ROOT / "scenarios" / "regressions" / "label-added-later-opens-unrelated" / "scenario.yaml"


def draft(file: Path = TRANSITIONS, path: str = "x/client -> server:80") -> Draft:
    scenario = load(file)
    return draft_of(scenario, yaml.safe_load(file.read_text()), scenario.steps[-1], path, "allowed")


def test_the_files_of_a_draft_are_the_scenario_again(tmp_path: Path) -> None:
    original, again = load(TRANSITIONS), load(write(draft(), tmp_path, "again"))
    assert [step.name for step in again.steps] == [step.name for step in original.steps]
    assert [step.labels for step in again.steps] == [step.labels for step in original.steps]
    before, after = ([[p.data for p in s.policies] for s in each.steps] for each in (original, again))
    assert after == before


def test_policies_with_the_longest_names_have_files(tmp_path: Path) -> None:
    whole = draft()
    long, *_ = whole.tree["policies"].values()
    long["metadata"]["name"] = "a" * 253
    scenario = load(write(whole, tmp_path / "first", "long"))
    again = draft_of(scenario, {}, scenario.steps[-1], "x/client -> server:80", "allowed")
    names = {
        policy.data["metadata"]["name"] for step in load(write(again, tmp_path, "l")).steps for policy in step.policies
    }
    assert "a" * 253 in names


def test_places_are_removed_together_whatever_their_order() -> None:
    whole = draft()
    names = [data["metadata"]["name"] for data in whole.tree["workloads"]]
    places = [("workloads", 0), ("workloads", 2)]
    for each in (places, places[::-1]):
        left = [data["metadata"]["name"] for data in whole.without(each).tree["workloads"]]
        assert left == [name for index, name in enumerate(names) if index not in (0, 2)]


def test_every_unit_of_every_stage_removes_something() -> None:
    whole = draft()
    units: Sequence[frozenset[tuple[str | int, ...]]] = [unit for stage in STAGES for unit in stage(whole)]
    assert units
    assert all(whole.without(unit).tree != whole.tree for unit in units)


def test_a_policy_keeps_the_selector_that_the_api_requires() -> None:
    whole = draft()
    units = [unit for stage in STAGES for unit in stage(whole)]
    assert not any(place[-2:] == ("spec", "podSelector") for unit in units for place in unit)


def test_a_step_loses_what_refers_to_removed_objects(tmp_path: Path) -> None:
    whole = draft()
    names = [(data["metadata"].get("namespace"), data["metadata"]["name"]) for data in whole.tree["workloads"]]
    file = write(whole.without([("workloads", names.index(("x", "client")))]), tmp_path, "without")
    assert "labels" not in yaml.safe_load(file.read_text())["steps"][-1]


def simple(name: str = "client") -> Draft:
    container = {"name": "c", "image": "i", "ports": [{"containerPort": 80}]}
    objects = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}]
    for each in (name, "server"):
        metadata = {"name": each, "namespace": "x"}
        objects.append({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}})
    tree = {"scenario": {}, "workloads": objects, "policies": {}, "steps": [{"name": "open", "policies": []}]}
    return Draft(tree, f"x/{name} -> x/server:80", "allowed")


def test_the_script_waits_probes_and_checks_the_listener(tmp_path: Path) -> None:
    path = load(write(simple(), tmp_path, "simple")).steps[0].expectations[0].path
    text = script(simple(), path, "a title\nof two lines")
    assert isinstance(text, str)
    assert "# a title of two lines\n" in text
    assert "await x\n" in text
    assert subprocess.run(["sh", "-n"], input=text, text=True, check=False).returncode == 0
    assert "the target does not answer its own pod" in text


def test_a_fault_that_kubectl_cannot_show_has_no_script(tmp_path: Path) -> None:
    path = load(write(simple(), tmp_path, "simple")).steps[0].expectations[0].path
    restarted = simple()
    restarted.tree["steps"][0]["restart"] = "agent"
    assert isinstance(script(restarted, path, ""), NoScript)
    assert isinstance(script(simple("$(reboot)"), path, ""), NoScript)


def test_a_step_that_lacks_an_end_of_the_path_asks_another_pod(tmp_path: Path) -> None:
    file = ROOT / "scenarios" / "regressions" / "startup-window-open" / "scenario.yaml"
    path = "first backend -> z/server:80"
    first, last = load(write(draft(file, path), tmp_path, "again")).steps
    assert [str(each) for each in last.paths] == [path]
    (asked,) = first.paths
    assert asked.source_text == asked.target_text.partition(":")[0] != "backend"


def test_names_outside_the_cluster_and_their_changes_are_kept(tmp_path: Path) -> None:
    file = ROOT / "scenarios" / "conformance" / "domain_names" / "scenario.yaml"
    original = load(file)
    step = next(step for step in original.steps if step.name in _steps_with_names(file))
    path = step.paths[0].text
    again = load(
        write(draft_of(original, yaml.safe_load(file.read_text()), step, path, "undefined"), tmp_path, "again")
    )
    assert again.steps[-1].inventory.domain_records == step.inventory.domain_records
    assert again.steps[0].inventory.domain_records == original.steps[0].inventory.domain_records


def _steps_with_names(file: Path) -> Sequence[str]:
    return [step["name"] for step in yaml.safe_load(file.read_text())["steps"] if step.get("names")]
