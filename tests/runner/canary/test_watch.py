"""The canaries of a run, by functions that stand for clusters."""

from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from netpol_harness.backends.runs.directory import RunDirectory
from netpol_harness.errors import ClusterFailed, NotEnforcing
from netpol_harness.model.names import Protocol
from netpol_harness.runner.canary.report import CanaryReport
from netpol_harness.runner.canary.traffic import PLAIN, Traffic
from netpol_harness.runner.canary.watch import CanaryWatch, recorded_reports

UDP, SCTP = Traffic(Protocol.UDP), Traffic(Protocol.SCTP)
Runs = list[list[Traffic]]


def cluster(runs: Runs, *, without: Collection[Traffic] = (), fails: bool = False) -> Callable[..., CanaryReport]:
    """A cluster that does not enforce some traffic, or on which the canary fails."""

    def run(traffic: Collection[Traffic]) -> CanaryReport:
        runs.append(sorted(traffic))
        if fails or set(traffic) <= set(without):
            raise (ClusterFailed if fails else NotEnforcing)("nothing works")
        return CanaryReport("well", {each: f"{each} leaks" for each in traffic if each in without})

    return run


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    return RunDirectory(tmp_path)


def test_what_is_expected_in_advance_takes_one_canary(directory: RunDirectory) -> None:
    runs: Runs = []
    watch = CanaryWatch()
    watch.expect({PLAIN, UDP})
    watch.start(directory, cluster(runs))
    watch.check({UDP})
    watch.close()
    assert runs == [[PLAIN, UDP]]
    assert [str(report) for report in recorded_reports(directory)] == ["well"]


def test_without_a_wish_it_is_tcp(directory: RunDirectory) -> None:
    runs: Runs = []
    watch = CanaryWatch()
    watch.start(directory, cluster(runs))
    watch.wait()
    assert runs == [[PLAIN]]


def test_what_comes_later_takes_one_more_in_one_of_the_processes(directory: RunDirectory) -> None:
    runs: Runs = []
    for _ in range(2):
        watch = CanaryWatch()
        watch.start(directory, cluster(runs, without={UDP}))
        watch.check({PLAIN, SCTP})
        with pytest.raises(NotEnforcing, match="nothing works"):
            watch.check({UDP})
        assert not watch.has_failed
        watch.wait()
        watch.close()
    assert runs == [[PLAIN], [SCTP], [UDP]]
    assert [str(report) for report in recorded_reports(directory)] == ["well", "well", "nothing works"]


def test_a_problem_of_one_protocol_leaves_the_others_alone(directory: RunDirectory) -> None:
    watch = CanaryWatch()
    watch.expect({PLAIN, UDP})
    watch.start(directory, cluster([], without={UDP}))
    watch.wait()
    watch.check({PLAIN})
    with pytest.raises(NotEnforcing, match="UDP leaks"):
        watch.check({PLAIN, UDP})


@pytest.mark.parametrize(("fails", "error"), [(True, ClusterFailed), (False, NotEnforcing)])
def test_if_the_first_fails_everything_fails(directory: RunDirectory, error: type[Exception], *, fails: bool) -> None:
    for _ in range(2):
        watch = CanaryWatch()
        watch.start(directory, cluster([], without={PLAIN}, fails=fails))
        for act in (watch.wait, lambda watch=watch: watch.check({SCTP})):
            with pytest.raises(error, match="nothing works"):
                act()
        assert watch.has_failed is not fails


def test_a_watch_that_is_not_started_says_nothing() -> None:
    watch = CanaryWatch()
    watch.expect({UDP})
    watch.wait()
    watch.check({UDP})
    watch.close()
    assert not watch.has_failed
