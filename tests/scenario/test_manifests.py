"""Files of policies, of other objects, and of both."""

from pathlib import Path

import pytest

from netpol_harness.errors import ScenarioInvalid
from netpol_harness.scenario.load import load
from tests.scenario.conftest import POLICY, WORKLOADS, Write

HEAD = "title: x\nworkloads: [{}]\nsteps: [{{name: s, others: blocked{}}}]\n"
BOTH = f"{WORKLOADS}---\n{POLICY}"


def read(write: Write, workloads: str, policies: str, **files: str) -> Path:
    listed = f", policies: [{policies}]" if policies else ""
    return write(HEAD.format(workloads, listed), {name.replace("_", "."): text for name, text in files.items()})


@pytest.mark.parametrize(
    ("workloads", "policies"),
    [("all.yaml", "all.yaml"), ("k8s", "k8s"), ("k8s/", "k8s/more"), ("'*s.yaml'", "k8s/more/deny.yaml")],
)
def test_a_file_or_a_folder_may_hold_policies_and_workloads(write: Write, workloads: str, policies: str) -> None:
    file = read(write, workloads, policies, all_yaml=BOTH)
    (file.parent / "k8s" / "more").mkdir(parents=True)
    (file.parent / "k8s" / "app.yaml").write_text(WORKLOADS)
    (file.parent / "k8s" / "more" / "deny.yaml").write_text(POLICY)
    scenario = load(file)
    assert len(scenario.workloads) == 3
    assert [str(manifest.name) for manifest in scenario.steps[0].policies] == ["NetworkPolicy default/deny"]


@pytest.mark.parametrize(
    ("workloads", "policies", "message"),
    [
        ("all.yaml", "deny.yaml", "a NetworkPolicy is listed among the workloads; list its file under a step's"),
        ("workloads.yaml", "all.yaml", "a Pod is listed among the policies; list its file under 'workloads'"),
        ("k8s", "", "a NetworkPolicy is listed among the workloads; list its file under a step's 'policies'"),
        ("workloads.yaml, deny.yaml", "deny.yaml", "a NetworkPolicy is listed among the workloads"),
    ],
)
def test_an_object_in_the_list_of_the_others_is_a_problem(
    write: Write, workloads: str, policies: str, message: str
) -> None:
    file = read(write, workloads, policies, all_yaml=BOTH)
    (file.parent / "k8s").mkdir()
    (file.parent / "k8s" / "all.yaml").write_text(BOTH)
    with pytest.raises(ScenarioInvalid) as caught:
        load(file)
    assert message in str(caught.value)


def test_a_folder_without_a_manifest_is_a_problem(write: Write) -> None:
    file = read(write, "k8s", "deny.yaml")
    (file.parent / "k8s").mkdir()
    with pytest.raises(ScenarioInvalid, match="there is no manifest in 'k8s'; add a file whose name ends in"):
        load(file)
