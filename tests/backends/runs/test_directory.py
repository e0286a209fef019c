import fcntl
import os
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from netpol_harness.backends.runs.directory import RunDirectory, Turn, abandoned
from netpol_harness.backends.runs.owner import Owner
from netpol_harness.deadline import Deadline, Interrupted, interruptible
from netpol_harness.errors import ClusterFailed, NotEnforcing, WorkloadFailed


@pytest.fixture
def rundir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """An owner's directory in a temporary directory."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return RunDirectory.create(Owner.current().run)


def test_the_owner_creates_and_removes_it(rundir: RunDirectory, tmp_path: Path) -> None:
    assert list(abandoned()) == []
    rundir.close()
    assert list(tmp_path.iterdir()) == []


def test_a_shared_result_is_computed_once(rundir: RunDirectory) -> None:
    calls: list[int] = []

    def compute() -> str:
        calls.append(1)
        return "text"

    guests = [RunDirectory(rundir.path) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda guest: guest.once("thing", compute), guests)) == {"text"}
    assert calls == [1]
    assert rundir.recorded("thing") == "text"


@pytest.mark.parametrize("kind", [NotEnforcing, WorkloadFailed, ClusterFailed])
def test_a_failure_is_shared_as_well(rundir: RunDirectory, kind: type[Exception]) -> None:
    def fail() -> str:
        raise kind("because")

    with pytest.raises(kind):
        rundir.once("thing", fail)
    with pytest.raises(kind, match="because"):
        RunDirectory(rundir.path).once("thing", lambda: "another attempt")


def test_an_interruption_is_not_shared(rundir: RunDirectory) -> None:
    stop = threading.Event()
    stop.set()

    def wait() -> str:
        Deadline(60.0).pause(60.0)
        return "never"

    with pytest.raises(Interrupted), interruptible(stop):
        rundir.once("thing", wait)
    assert rundir.is_begun("thing")
    assert rundir.recorded("thing") is None


def test_after_an_interruption_there_is_time_to_clean_up() -> None:
    stop = threading.Event()
    stop.set()
    with interruptible(stop):
        with pytest.raises(Interrupted):
            Deadline(60.0).pause(60.0)
        Deadline(0.001).pause(0.001)


@pytest.mark.parametrize(
    ("held", "wanted", "waits"),
    [
        (Turn.SHARED, Turn.SHARED, False),
        (Turn.SHARED, Turn.ALONE, True),
        (Turn.ALONE, Turn.SHARED, True),
        (Turn.ALONE, Turn.ALONE, True),
    ],
)
def test_a_turn_alone_excludes_every_other_turn(rundir: RunDirectory, held: Turn, wanted: Turn, *, waits: bool) -> None:
    with rundir.turn(held):
        assert _would_wait(rundir, wanted) is waits
    assert not _would_wait(rundir, wanted)


def _would_wait(rundir: RunDirectory, turn: Turn) -> bool:
    descriptor = os.open(rundir.path / "turn.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, turn.value | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def test_activities_are_visible_to_all_processes(rundir: RunDirectory) -> None:
    assert RunDirectory(rundir.path).activities == ()
    rundir.report_activity("making a cluster")
    rundir.report_activity("asking the canary", by="canary")
    assert set(RunDirectory(rundir.path).activities) == {"making a cluster", "asking the canary"}
    rundir.report_activity("")
    assert rundir.activities == ("asking the canary",)
    rundir.report_activity("", by="canary")
    assert not RunDirectory(rundir.path).activities
    RunDirectory(rundir.path / "missing").report_activity("of no directory")
