"""The oracle predicts the verdicts of the official suite of ClusterNetworkPolicy (network-policy-api v0.3.0)."""

from collections import Counter
from pathlib import Path

import pytest

from netpol_harness.analysis.predict import Predictor
from netpol_harness.paths.outcome import Expected
from netpol_harness.scenario.load import load
from netpol_harness.scenario.scenario import Scenario

FOLDERS = sorted((Path(__file__).parents[2] / "scenarios" / "cluster_network_policy").glob("*/scenario.yaml"))
NODES = ("admin_egress_nodes", "baseline_egress_nodes")
"""Their labels are known on a cluster only."""


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
