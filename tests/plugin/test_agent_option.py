"""``--netpol-agent``: known deviations that come with an agent, and an agent that ends. A player enforces nothing."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

pytestmark = pytest.mark.live

PLAYER = """\
#!/bin/sh
[ "$1" = -v ] && echo v1.2.3 && exit
[ -e /run/started ] && echo out of memory && exit 3
touch /run/started
exec sleep 1000
"""
DEFINITION = """\
title: A player
binary: player
install: write it
version: [-v]
command: []
known: known.yaml
"""
KNOWN = """\
- test: ["demo/scenario.yaml::closed::*", "elsewhere/scenario.yaml::*"]
  dataplane: player
  version: "=={version}"
  reason: it only plays
  source: this test
"""


def play(demo: "Demo", version: str = "1.2.3") -> list[str]:
    """Write the player's files, and return the options of a run with it."""
    path = demo.pytester.path
    (path / "player.yaml").write_text(DEFINITION)
    (path / "known.yaml").write_text(KNOWN.format(version=version))
    program = path / "player"
    program.write_text(PLAYER)
    program.chmod(0o755)
    options = ["--agent", "player.yaml", "--agent-binary", str(program), "--no-canary", "--settle-deadline", "0.5"]
    return ["--cluster", "embedded", *options]


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_known_deviations_of_the_agents_version_apply_by_themselves(demo: "Demo", workers: list[str]) -> None:
    result = demo.run(*play(demo), *workers, "demo")
    result.assert_outcomes(passed=2, xfailed=2)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["netpol: known deviations of this dataplane are expected to fail: known.yaml"])


def test_known_deviations_of_another_version_excuse_nothing(demo: "Demo") -> None:
    demo.run(*play(demo, "1.2.4"), "demo").assert_outcomes(passed=2, failed=2)


def test_without_known_deviations_the_faults_are_failures(demo: "Demo") -> None:
    result = demo.run(*play(demo), "--runxfail", "demo")
    result.assert_outcomes(passed=2, failed=2)
    assert "known deviations of this dataplane" not in result.stdout.str()


def test_an_agent_that_ends_is_an_error_with_its_log(demo: "Demo") -> None:
    step = "  - name: restarted\n    restart: agent\n    paths: {client -> front:80: allowed}\n"
    demo.edit("    others: blocked\n", f"    others: blocked\n{step}")
    result = demo.run(*play(demo), "--report-dir", "report", "demo")
    assert result.parseoutcomes()["errors"] >= 1
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "the agent player v1.2.3 has ended with exit code 3; its log ends: out of memory" in result.stdout.str()
    assert (Path(demo.pytester.path) / "report/cluster/agent.log").read_text() == "out of memory\n"
    assert demo.vanished(), demo.left()
