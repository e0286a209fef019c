import os
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from netpol_harness.backends.base import LOGS, Cluster, Leftover
from netpol_harness.backends.runs.directory import abandoned
from netpol_harness.backends.runs.owner import Owner
from netpol_harness.backends.select import BackendChoice
from netpol_harness.deadline import Deadline
from netpol_harness.errors import ClusterFailed
from netpol_harness.lab import Lab, Settings
from netpol_harness.timeouts import EMBEDDED

DEAD = replace(Owner.current(), start=1).run


class Recorded:
    """A backend that creates nothing and records its calls."""

    name = "recorded"
    owns_cluster = True
    starts_early = False
    known_deviations: Path | None = None
    namespaces: Mapping[str, str] = MappingProxyType({})
    dataplane = "none"

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.calls: list[str] = []

    def create(self, name: str, directory: Path) -> Cluster:
        self.calls.append("create")
        if self.broken:
            raise ClusterFailed("no engine; start one")
        return Cluster(name, self.name, self.dataplane, directory / "kubeconfig", EMBEDDED)

    def delete(self, name: str, directory: Path | None = None) -> None:
        self.calls.append(f"delete {name}")

    def restart_agent(self, cluster: Cluster) -> None:
        self.calls.append("restart agent")

    def failure(self, cluster: Cluster) -> str:
        return ""

    def collect_logs(self, cluster: Cluster, into: Path) -> None:
        self.calls.append("logs")

    def closing_note(self, cluster: Cluster) -> str:
        return "cluster kept"

    def leftovers(self) -> list[Leftover]:
        return [Leftover(name, "here", "a cluster") for name in (DEAD, Owner.current().run)]

    def external_hosts(self, cluster: Cluster) -> None:
        return None


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def lab(backend: Recorded, directory: Path | None = None) -> Lab:
    return Lab(BackendChoice(backend, "as requested"), Settings(), directory)


def test_leftovers_are_those_of_dead_runs() -> None:
    assert lab(Recorded()).leftovers() == (DEAD,)


def test_nothing_is_created_before_it_is_needed(tmp_path: Path) -> None:
    backend = Recorded()
    with lab(backend) as owner:
        assert "recorded (as requested)" in owner.header
    assert backend.calls == []
    assert list(tmp_path.iterdir()) == []


def test_owner_and_guests_share_one_cluster_that_the_owner_ends(tmp_path: Path) -> None:
    backend = Recorded()
    with lab(backend) as owner:
        with lab(backend, owner.directory) as guest, lab(backend, owner.directory) as another:
            assert guest.cluster == another.cluster == owner.cluster
        assert backend.calls == ["create"]
        name = owner.cluster.name
    assert backend.calls == ["create", f"delete {name}"]
    assert list(tmp_path.iterdir()) == []


def test_a_failed_creation_is_an_error_each_time_and_leaves_nothing(tmp_path: Path) -> None:
    backend = Recorded(broken=True)
    with lab(backend) as owner:
        for _ in range(2):
            with pytest.raises(ClusterFailed, match="start one"):
                _ = owner.cluster
    assert backend.calls == ["create"]
    assert list(tmp_path.iterdir()) == []


def test_the_next_run_removes_leftovers_of_a_dead_owner_and_nothing_else(tmp_path: Path) -> None:
    dead = tmp_path / "netpol-dead"
    dead.mkdir()
    (dead / "owner.lock").touch()
    (tmp_path / "netpol-of-somebody-else").mkdir()
    with lab(Recorded()) as alive:
        assert alive.directory.exists()
        assert list(abandoned()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["netpol-of-somebody-else"]


def test_the_lifeline_breaks_when_the_owner_closes(tmp_path: Path) -> None:
    owner = lab(Recorded())
    reader = os.open(owner.directory / "lifeline", os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(BlockingIOError):
            os.read(reader, 1)
        owner.close()
        assert os.read(reader, 1) == b""
    finally:
        os.close(reader)


def test_settings_replace_only_the_values_that_are_set() -> None:
    timeouts = Settings(probe_timeout=0.7).applied_to(EMBEDDED)
    assert (timeouts.probe, timeouts.settle) == (0.7, EMBEDDED.settle)


def test_guests_get_the_error_without_another_attempt(tmp_path: Path) -> None:
    broken, working = Recorded(broken=True), Recorded()
    with lab(broken) as owner:
        with pytest.raises(ClusterFailed):
            _ = owner.cluster
        with lab(working, owner.directory) as guest, pytest.raises(ClusterFailed, match="start one"):
            _ = guest.cluster
    assert working.calls == []


def test_a_cluster_whose_creator_died_is_removed_by_name(tmp_path: Path) -> None:
    backend = Recorded()
    with lab(backend) as owner:
        name = owner.directory.name
        (owner.directory / "cluster.lock").touch()
    assert backend.calls == [f"delete {name}"]


def test_logs_of_a_failed_cluster_go_to_the_report_folder(tmp_path: Path) -> None:
    with Lab(BackendChoice(Recorded(broken=True), "as requested"), Settings(report=tmp_path / "report")) as owner:
        with pytest.raises(ClusterFailed):
            _ = owner.cluster
        (owner.directory / LOGS).mkdir()
        (owner.directory / LOGS / "kubelet.log").write_text("message")
        owner.collect_logs()
    assert (tmp_path / "report" / "cluster" / "kubelet.log").read_text() == "message"


def test_a_cluster_that_is_still_being_created_is_abandoned_when_the_run_ends(tmp_path: Path) -> None:
    class Endless(Recorded):
        def create(self, name: str, directory: Path) -> Cluster:
            started.set()
            Deadline(600.0).pause(600.0)
            return super().create(name, directory)

    started, backend = threading.Event(), Endless()
    owner = lab(backend)
    owner.prepare()
    assert started.wait(10.0)
    name = owner.directory.name
    owner.close()
    assert backend.calls == [f"delete {name}"]


def test_logs_go_to_the_report_folder_if_both_it_and_a_cluster_exist(tmp_path: Path) -> None:
    backend = Recorded()
    with Lab(BackendChoice(backend, "as requested"), Settings(report=tmp_path / "report")) as owner:
        owner.collect_logs()
        assert backend.calls == []
        _ = owner.cluster
        owner.collect_logs()
        assert backend.calls == ["create", "logs"]
    assert (tmp_path / "report" / "cluster").is_dir()
