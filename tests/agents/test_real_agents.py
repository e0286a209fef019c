"""The shipped agents that this host has, each in embedded clusters of its own: they enforce, restart, die and go.

`make agents` gets those that can be built from a Go module. A host without any skips all of this, and says why.
"""

import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from netpol_harness.backends.base import Cluster
from netpol_harness.backends.embedded.agents import AgentDefinition, shipped
from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.deadline import Deadline

ROOT = Path(__file__).parents[2]
SCENARIOS = {
    1: (
        "scenarios/three_tier",
        "scenarios/regressions/endport-ignored-first-port-only",
        "scenarios/regressions/except-implemented-as-deny",
        "scenarios/regressions/namespace-label-change-with-podselector",
        "scenarios/regressions/agent-restart-window-closed",
    ),
    2: (
        "scenarios/three_tier",
        "scenarios/regressions/pod-to-other-node-ports-closed",
        "scenarios/regressions/agent-restart-window-closed",
    ),
}
"""The scenarios for clusters with this number of nodes."""
OPTIONS = ("-q", "-p", "no:cacheprovider", "--netpol-cluster", "embedded")

pytestmark = pytest.mark.live
every_agent = pytest.mark.parametrize("definition", list(shipped()), ids=lambda definition: definition.name)


def require(definition: AgentDefinition) -> Path:
    binary = definition.locate()
    if binary is None or definition.missing:
        pytest.skip(f"this host lacks {definition.binary} or what it calls; get it: {definition.install}")
    return binary


@pytest.mark.parametrize("nodes", SCENARIOS)
@every_agent
def test_a_real_agent_enforces(definition: AgentDefinition, nodes: int) -> None:
    require(definition)
    command = [sys.executable, "-m", "pytest", *OPTIONS, "--netpol-nodes", str(nodes), *SCENARIOS[nodes]]
    options = ["--netpol-agent", definition.name]
    result = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"policies by {definition.title}" in result.stdout


@every_agent
def test_a_real_agent_enforces_without_root(definition: AgentDefinition) -> None:
    binary = require(definition)
    if os.geteuid():
        pytest.skip("only root can become somebody else; the test above has run rootless")
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    python = f"/usr/bin/python3.{sys.version_info.minor}"
    for program in (python, str(binary)):
        if subprocess.run([*as_nobody, "test", "-x", program], check=False).returncode:
            pytest.skip(f"nobody can run {program}")
    with TemporaryDirectory() as place:  # every run of pytest closes the parents of tmp_path to others
        os.chown(place, 65534, 65534)
        packages = f"{sysconfig.get_path('purelib')}{os.pathsep}{ROOT / 'harness'}"
        environment = {**os.environ, "TMPDIR": place, "HOME": place, "PYTHONPATH": packages}
        command = [*as_nobody, python, "-m", "pytest", *OPTIONS, "--netpol-agent", definition.name, SCENARIOS[1][0]]
        result = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300
        )
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"policies by {definition.title}" in result.stdout


@contextmanager
def running(definition: AgentDefinition, directory: Path) -> Iterator[tuple[EmbeddedBackend, Cluster, Path]]:
    """A cluster with the agent, whose command lines name a link that is this test's own."""
    link = directory / definition.binary
    link.symlink_to(require(definition))
    backend = EmbeddedBackend(agent=definition.agent(link))
    cluster = backend.create(f"real-{definition.name}", directory)
    try:
        yield backend, cluster, link
    finally:
        backend.delete(cluster.name, directory)


def processes(link: Path) -> list[int]:
    """The processes that run the program by this link."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if file.read_bytes().startswith(os.fsencode(link) + b"\0"):
                found.append(int(file.parent.name))
        except OSError:  # it ended meanwhile
            continue
    return found


def wait_for_one(link: Path, *, other_than: int = 0) -> int:
    for _ in Deadline(20).ticks(0.05):
        if (found := processes(link)) and found != [other_than] and len(found) == 1:
            return found[0]
    pytest.fail(f"there is not one new process of {link.name}: {found}")


@every_agent
def test_a_restart_ends_the_process_and_starts_another(definition: AgentDefinition, tmp_path: Path) -> None:
    with running(definition, tmp_path) as (backend, cluster, link):
        first = wait_for_one(link)
        backend.restart_agent(cluster)
        assert wait_for_one(link, other_than=first) != first
        assert not Path(f"/proc/{first}").exists()
        assert backend.failure(cluster) == ""


@every_agent
def test_the_death_of_an_agent_is_told_with_the_end_of_its_log(definition: AgentDefinition, tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    with running(definition, tmp_path) as (backend, cluster, link):
        process = wait_for_one(link)
        for _ in Deadline(20).ticks(0.05):
            if (tmp_path / "agent.log").stat().st_size:
                break
        os.kill(process, signal.SIGKILL)
        for _ in Deadline(20).ticks(0.05):
            if failure := backend.failure(cluster):
                break
        backend.collect_logs(cluster, reports)
    log = (reports / "agent.log").read_text()
    assert f"the agent {definition.name} " in failure
    assert "was killed by signal 9; its log ends: " in failure
    assert log
    assert log.strip()[-40:] in failure


@every_agent
def test_a_killed_cluster_leaves_no_agent(definition: AgentDefinition, tmp_path: Path) -> None:
    with running(definition, tmp_path) as (_, _, link):
        wait_for_one(link)
        os.kill(int((tmp_path / "embedded.pid").read_text()), signal.SIGKILL)
        for _ in Deadline(20).ticks(0.05):
            if not processes(link):
                break
        assert processes(link) == []
