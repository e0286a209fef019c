"""Third-party Python clients: each runs its own script on the cluster."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = sorted(Path(__file__).parent.glob("[!t]*_*.py"))


@pytest.mark.live
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_runs_to_its_end(kubectl: Any, script: Path) -> None:
    command = [sys.executable, str(script), str(kubectl.kubeconfig)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
