"""The public fixtures: a test in Python can go back and forth between steps, which scenario.yaml cannot say."""

from netpol_harness import Cluster, Outcome, PathProbe, ScenarioRun, TableProbe


def test_switching_back_and_forth_moves_the_one_open_path(scenario: ScenarioRun, probe: PathProbe) -> None:
    for admitted, denied in (("blue", "green"), ("green", "blue"), ("blue", "green")):
        scenario.enter(admitted)
        assert probe(f"{admitted} -> server:8080").allowed
        assert probe(f"{denied} -> server:8080").blocked


def test_clients_serve_no_port(scenario: ScenarioRun, truth_table: TableProbe) -> None:
    scenario.enter("green")
    table = truth_table()
    assert set(table.columns) == {"server:8080"}
    assert {row for row in table.rows if table.cells[row, "server:8080"].outcome is Outcome.CONNECTED} == {"green"}


def test_the_run_names_the_dataplane_that_it_tests(cluster: Cluster) -> None:
    assert cluster.dataplane
