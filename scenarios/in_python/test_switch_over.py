"""The public fixtures at work: what a table of paths cannot say, a test in Python can."""

from collections.abc import Callable

from netpol_harness.backends.base import Cluster
from netpol_harness.paths.outcome import Outcome
from netpol_harness.plugin.seen import ObservedPath, ObservedTable
from netpol_harness.runner.run import ScenarioRun

Probe = Callable[..., ObservedPath]


def test_switching_back_and_forth_moves_the_one_open_path(scenario: ScenarioRun, probe: Probe) -> None:
    for admitted in ("blue", "green", "blue"):
        scenario.enter(admitted)
        for colour in ("blue", "green"):
            assert probe(f"{colour} -> server:8080") == ("allowed" if colour == admitted else "blocked")


def test_clients_serve_nobody(scenario: ScenarioRun, truth_table: Callable[..., ObservedTable]) -> None:
    scenario.enter("green")
    table = truth_table()
    assert set(table.columns) == {"server:8080"}
    assert {row for row in table.rows if table.cells[row, "server:8080"].outcome is Outcome.CONNECTED} == {"green"}


def test_the_run_says_which_dataplane_it_tested(cluster: Cluster) -> None:
    assert cluster.dataplane
