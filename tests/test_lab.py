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
    """A backend that makes nothing and remembers what it was asked."""

    name = "recorded"
    owns_cluster = True
    namespaces: Mapping[str, str] = MappingProxyType({})
    dataplane = "none"

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.asked: list[str] = []

    def create(self, name: str, directory: Path) -> Cluster:
        self.asked.append("create")
        if self.broken:
            raise ClusterFailed("no engine; start one")
        return Cluster(name, self.name, self.dataplane, directory / "kubeconfig", EMBEDDED)

    def delete(self, name: str, directory: Path | None = None) -> None:
        self.asked.append(f"delete {name}")

    def restart_agent(self, cluster: Cluster) -> None:
        self.asked.append("restart agent")

    def collect_logs(self, cluster: Cluster, into: Path) -> None:
        self.asked.append("logs")

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
    return Lab(BackendChoice(backend, "told so"), Settings(), directory)


def test_leftovers_are_those_of_dead_runs() -> None:
    assert lab(Recorded()).leftovers() == (DEAD,)


def test_nothing_is_made_before_it_is_needed(tmp_path: Path) -> None:
    backend = Recorded()
    with lab(backend) as owner:
        assert "recorded (told so)" in owner.header
    assert backend.asked == []
    assert list(tmp_path.iterdir()) == []


def test_owner_and_guests_share_one_cluster_that_the_owner_ends(tmp_path: Path) -> None:
    backend = Recorded()
    with lab(backend) as owner:
        with lab(backend, owner.directory) as guest, lab(backend, owner.directory) as another:
            assert guest.cluster == another.cluster == owner.cluster
        assert backend.asked == ["create"]
        name = owner.cluster.name
    assert backend.asked == ["create", f"delete {name}"]
    assert list(tmp_path.iterdir()) == []


def test_a_cluster_that_cannot_be_made_is_an_error_each_time_and_leaves_nothing(tmp_path: Path) -> None:
    backend = Recorded(broken=True)
    with lab(backend) as owner:
        for _ in range(2):
            with pytest.raises(ClusterFailed, match="start one"):
                _ = owner.cluster
    assert backend.asked == ["create"]
    assert list(tmp_path.iterdir()) == []


def test_the_next_run_sweeps_what_a_dead_owner_left_and_nothing_else(tmp_path: Path) -> None:
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


def test_settings_replace_only_what_was_given() -> None:
    timeouts = Settings(probe_timeout=0.7).over(EMBEDDED)
    assert (timeouts.probe, timeouts.settle) == (0.7, EMBEDDED.settle)


def test_guests_learn_of_a_failure_without_trying_again(tmp_path: Path) -> None:
    broken, working = Recorded(broken=True), Recorded()
    with lab(broken) as owner:
        with pytest.raises(ClusterFailed):
            _ = owner.cluster
        with lab(working, owner.directory) as guest, pytest.raises(ClusterFailed, match="start one"):
            _ = guest.cluster
    assert working.asked == []


def test_a_cluster_whose_maker_died_over_it_is_removed_by_its_name(tmp_path: Path) -> None:
    backend = Recorded()
    with lab(backend) as owner:
        name = owner.directory.name
        (owner.directory / "cluster.lock").touch()
    assert backend.asked == [f"delete {name}"]


def test_what_a_failed_cluster_has_left_goes_there_too(tmp_path: Path) -> None:
    with Lab(BackendChoice(Recorded(broken=True), "told so"), Settings(report=tmp_path / "report")) as owner:
        with pytest.raises(ClusterFailed):
            _ = owner.cluster
        (owner.directory / LOGS).mkdir()
        (owner.directory / LOGS / "kubelet.log").write_text("said")
        owner.collect_logs()
    assert (tmp_path / "report" / "cluster" / "kubelet.log").read_text() == "said"


def test_a_cluster_that_is_still_being_made_is_given_up_when_the_run_ends(tmp_path: Path) -> None:
    class Endless(Recorded):
        def create(self, name: str, directory: Path) -> Cluster:
            begun.set()
            Deadline(600.0).pause(600.0)
            return super().create(name, directory)

    begun, backend = threading.Event(), Endless()
    owner = lab(backend)
    owner.prepare()
    assert begun.wait(10.0)
    name = owner.directory.name
    owner.close()
    assert backend.asked == [f"delete {name}"]


def test_logs_go_to_the_report_folder_if_there_is_one_and_a_cluster_too(tmp_path: Path) -> None:
    backend = Recorded()
    with Lab(BackendChoice(backend, "told so"), Settings(report=tmp_path / "report")) as owner:
        owner.collect_logs()
        assert backend.asked == []
        _ = owner.cluster
        owner.collect_logs()
        assert backend.asked == ["create", "logs"]
    assert (tmp_path / "report" / "cluster").is_dir()
