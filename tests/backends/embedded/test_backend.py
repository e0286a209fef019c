"""The backend: create, delete from anywhere, logs, and failures that explain themselves."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from netpol_harness.backends.base import Capability, Cluster
from netpol_harness.backends.embedded.backend import EmbeddedBackend
from netpol_harness.backends.embedded.options import EmbeddedFactory, EmbeddedOptions
from netpol_harness.errors import ClusterFailed
from netpol_harness.kube.client import Client
from netpol_harness.kube.config import Access

pytestmark = pytest.mark.live

CREATE = """
import sys
from pathlib import Path
from netpol_harness.backends.embedded.backend import EmbeddedBackend
print(EmbeddedBackend().create("elsewhere", Path(sys.argv[1])).to_json())
"""


def test_a_cluster_is_created_and_deleted(tmp_path: Path) -> None:
    backend = EmbeddedBackend()
    cluster = backend.create("mine", tmp_path)
    pid = int((tmp_path / "embedded.pid").read_text())
    assert cluster.kubeconfig.exists()
    assert (cluster.name, cluster.backend, cluster.context) == ("mine", "embedded", "mine")
    assert Capability.EXTERNAL_HOSTS in cluster.capabilities
    assert "not a CNI" in cluster.dataplane
    backend.delete(cluster.name, tmp_path)
    assert not cluster.kubeconfig.exists()
    assert not Path(f"/proc/{pid}").exists()
    backend.delete(cluster.name, tmp_path)


def test_another_process_may_delete_it(tmp_path: Path) -> None:
    lifeline = tmp_path / "lifeline"
    os.mkfifo(lifeline)
    owner = os.open(lifeline, os.O_RDWR)
    command = [sys.executable, "-c", CREATE, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    cluster = Cluster.from_json(done.stdout)
    assert cluster.kubeconfig.exists(), "it lives as long as its owner, not as its creator"
    EmbeddedBackend().delete(cluster.name, tmp_path)
    assert not cluster.kubeconfig.exists()
    os.close(owner)


def test_a_recorded_process_that_is_not_a_cluster_is_left_alone(tmp_path: Path) -> None:
    backend = EmbeddedBackend()
    cluster = backend.create("mine", tmp_path)
    recorded = tmp_path / "embedded.pid"
    pid = recorded.read_text()
    recorded.write_text(str(os.getpid()))
    backend.delete(cluster.name, tmp_path)
    recorded.write_text(pid)
    backend.delete(cluster.name, tmp_path)
    assert not cluster.kubeconfig.exists()


def test_the_policy_agent_is_restarted_while_the_cluster_goes_on(tmp_path: Path) -> None:
    backend = EmbeddedBackend()
    cluster = backend.create("mine", tmp_path)
    client = Client(Access.from_kubeconfig(cluster.kubeconfig, cluster.context))
    for _ in range(3):
        backend.restart_agent(cluster)
        assert client.list("v1", "Namespace")
    backend.delete(cluster.name, tmp_path)
    assert (tmp_path / "daemon.log").read_text() == ""
    with pytest.raises(ClusterFailed, match="mine cannot be restarted: the cluster is not running"):
        backend.restart_agent(cluster)


def test_a_mutant_is_part_of_the_dataplanes_name(tmp_path: Path) -> None:
    backend = EmbeddedBackend(mutant="not-enforced")
    cluster = backend.create("mine", tmp_path)
    backend.delete(cluster.name, tmp_path)
    assert backend.dataplane == cluster.dataplane
    assert cluster.dataplane.endswith("not a CNI; MUTANT not-enforced: Nothing is enforced at all.")


def test_an_unknown_mutant_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ClusterFailed, match="did you mean not-enforced"):
        EmbeddedBackend(mutant="not-enforcd")
    with pytest.raises(ClusterFailed, match=r"mine did not start: (.|\n)*did you mean not-enforced"):
        EmbeddedBackend(["--mutant", "not-enforcd"]).create("mine", tmp_path)


def test_a_failure_quotes_the_output_of_the_process(tmp_path: Path) -> None:
    with pytest.raises(ClusterFailed, match=r"mine did not start: (.|\n)*--nonsense"):
        EmbeddedBackend(["--nonsense"]).create("mine", tmp_path)


def test_there_is_no_obstacle_here() -> None:
    assert EmbeddedFactory(EmbeddedOptions()).obstacle() is None


def test_logs_are_copied(tmp_path: Path) -> None:
    run, into = tmp_path / "run", tmp_path / "logs"
    run.mkdir()
    into.mkdir()
    backend = EmbeddedBackend()
    cluster = backend.create("mine", run)
    backend.delete(cluster.name, run)
    backend.collect_logs(cluster, into)
    assert sorted(path.name for path in into.iterdir()) == ["daemon.log", "stderr.log"]
