"""A few cases of each suite that this host has a binary of: ``python -m bench.peers --build`` makes them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.peers.binaries import DEFAULT, find
from bench.peers.suites import SUITES, Suite

ROOT = Path(__file__).parents[2]
BINARIES = Path(os.environ.get("NETPOL_PEERS") or DEFAULT)

COMMAND = (sys.executable, "-m", "bench.peers", "--quick")


@pytest.mark.live
@pytest.mark.parametrize("suite", [SUITES["cyclonus"], SUITES["upstream"]], ids=lambda suite: suite.name)
def test_a_suite_is_green_and_the_api_answers_it(suite: Suite, tmp_path: Path) -> None:
    if find(suite, BINARIES) is None:
        pytest.skip(f"there is no {suite.binary} in {BINARIES}; build it: python -m bench.peers --build {suite.name}")
    options = ["--binaries", str(BINARIES), "--folder", str(tmp_path), suite.name]
    result = subprocess.run([*COMMAND, *options], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " 0 failed" in result.stdout


def test_a_missing_binary_is_no_pass(tmp_path: Path) -> None:
    command = [*COMMAND, "--binaries", str(tmp_path), "upstream"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert f"did not run: there is no upstream.test in {tmp_path}; build it with --build" in result.stderr
