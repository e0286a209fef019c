"""The shipped agents that this host has, each in an embedded cluster of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from netpol_harness.backends.embedded.agents import AgentDefinition, shipped

ROOT = Path(__file__).parents[2]
SCENARIOS = (
    "scenarios/three_tier",
    "scenarios/regressions/endport-ignored-first-port-only",
    "scenarios/regressions/agent-restart-window-closed",
)

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]


@pytest.mark.parametrize("definition", list(shipped()), ids=lambda definition: definition.name)
def test_a_real_agent_enforces(definition: AgentDefinition) -> None:
    if definition.locate() is None or definition.missing:
        pytest.skip(f"this host lacks {definition.binary} or what it calls; get it: {definition.install}")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SCENARIOS]
    options = ["--netpol-cluster", "embedded", "--netpol-agent", definition.name]
    result = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"policies by {definition.title}" in result.stdout
