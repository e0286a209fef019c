"""The oracle predicts the verdicts of the official suite of ClusterNetworkPolicy (network-policy-api v0.3.0)."""

from collections import Counter
from pathlib import Path

import pytest

from netpol_harness.analysis.predict import Predictor
from netpol_harness.model.names import NamespacedName
from netpol_harness.model.nodes import Node
from netpol_harness.oracle.profiles import EMBEDDED
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import KnownAddresses
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario

FOLDERS = sorted((Path(__file__).parents[2] / "scenarios" / "cluster_network_policy").glob("*/scenario.yaml"))
NODES = ("admin_egress_nodes", "baseline_egress_nodes")
"""Their labels are known on a cluster only."""
HOST = NamespacedName("n", "host-1")


def words(scenario: Scenario) -> Counter[Expected]:
    return Counter(expectation.expected for step in scenario.steps for expectation in step.expectations)


def test_every_probe_of_the_suite_is_a_path() -> None:
    assert len(FOLDERS) == 30
    total = sum((words(load(file)) for file in FOLDERS), Counter[Expected]())
    assert total == {Expected.ALLOWED: 224, Expected.BLOCKED: 173}


@pytest.mark.parametrize("file", FOLDERS, ids=lambda file: file.parent.name)
def test_the_oracle_says_what_the_suite_expects(file: Path) -> None:
    scenario = load(file)
    for step in scenario.steps:
        predictor = Predictor(scenario, step)
        for expectation in step.expectations:
            verdict = predictor.verdict(expectation.path)
            is_known = verdict is expectation.expected
            is_open = verdict is Expected.UNDEFINED and expectation.expected is Expected.ALLOWED
            assert is_known or (is_open and file.parent.name in NODES)


@pytest.mark.parametrize("system", ["linux", "windows"])
@pytest.mark.parametrize("name", NODES)
def test_the_labels_of_nodes_decide_once_they_are_known(name: str, system: str) -> None:
    scenario = load(FOLDERS[0].parents[1] / name / "scenario.yaml")
    node = Node("node-1", {"kubernetes.io/os": system}, ("172.18.0.2",))
    known = KnownAddresses({HOST: node.addresses}, node_objects=(node,), node_names={HOST: (node.name,)})
    for step in scenario.steps:
        predictor = Predictor(scenario, step, EMBEDDED, known)
        verdicts = [predictor.verdict(expectation.path) for expectation in step.expectations]
        assert Expected.UNDEFINED not in verdicts
        if system == "linux":
            assert verdicts == [expectation.expected for expectation in step.expectations]
        elif step.name == "accept":
            assert set(verdicts) == {Expected.BLOCKED}
