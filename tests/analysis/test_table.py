"""The table of predicted verdicts: its cells and their characters."""

from collections.abc import Callable

from netpol_harness.analysis.predict import Predictor
from netpol_harness.analysis.table import VerdictTable
from netpol_harness.paths.outcome import Expected
from netpol_harness.scenario.scenario import Scenario

Shop = Callable[..., Scenario]


def test_rows_are_sources_and_no_pod_is_its_own_target(shop: Shop) -> None:
    scenario = shop()
    table = VerdictTable.of(Predictor(scenario, scenario.steps[0]))
    verdicts = {path.text: verdict for path, verdict in table.verdicts.items()}
    assert {path.source_text for path in table.verdicts} == {"web", "idle", "db", "api", "user", "partner"}
    assert not any("ip(" in text for text in verdicts)
    assert verdicts["web -> store:5432"] is Expected.ALLOWED
    assert "web -> web:8080" not in verdicts
    assert {path.text: mark for path, mark in table.marks.items()}["web -> store:5432"] == "."
