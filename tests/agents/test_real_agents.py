"""The shipped agents that this host has, each in an embedded cluster of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from netpol_harness.backends.embedded.agents import AgentDefinition, shipped

ROOT = Path(__file__).parents[2]
SCENARIOS = {
    1: (
        "scenarios/three_tier",
        "scenarios/regressions/endport-ignored-first-port-only",
        "scenarios/regressions/agent-restart-window-closed",
    ),
    2: (
        "scenarios/three_tier",
        "scenarios/regressions/pod-to-other-node-ports-closed",
        "scenarios/regressions/agent-restart-window-closed",
    ),
}
"""The scenarios for clusters with this number of nodes."""

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]


@pytest.mark.parametrize("nodes", SCENARIOS)
@pytest.mark.parametrize("definition", list(shipped()), ids=lambda definition: definition.name)
def test_a_real_agent_enforces(definition: AgentDefinition, nodes: int) -> None:
    if definition.locate() is None or definition.missing:
        pytest.skip(f"this host lacks {definition.binary} or what it calls; get it: {definition.install}")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SCENARIOS[nodes]]
    options = ["--netpol-cluster", "embedded", "--netpol-agent", definition.name, "--netpol-nodes", str(nodes)]
    result = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"policies by {definition.title}" in result.stdout
