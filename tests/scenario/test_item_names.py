"""The names of a scenario's tests are those that pytest gives them: reports count on it."""

import subprocess
import sys
from pathlib import Path

import pytest

from netpol_harness.scenario.item_names import item_names
from netpol_harness.scenario.load import load

ROOT = Path(__file__).parents[2]
SCENARIOS = (
    "scenarios/three_tier",
    "scenarios/cluster_network_policy/admin_both_directions",
    "scenarios/cluster_network_policy/tiers_in_order",
    "scenarios/conformance/workload_kinds",
    "scenarios/regressions/statefulset-recreate-policy-not-attached",
)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_they_are_those_of_pytest(scenario: str) -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", scenario]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    file = f"{scenario}/scenario.yaml"
    collected = [line.removeprefix(f"{file}::") for line in done.stdout.splitlines() if line.startswith(file)]
    assert [*item_names(load(ROOT / file))] == collected
