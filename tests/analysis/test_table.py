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
    assert table.rows == ("web", "idle", "db", "api", "user", "partner")
    assert "store:5432" in table.columns
    assert "back/api:5000" in table.columns or "api:5000" in table.columns
    assert not any("ip(" in column for column in table.columns)
    assert table.verdicts["web", "store:5432"] is Expected.ALLOWED
    assert table.glyph("web", "store:5432") == "."
    assert table.glyph("web", "web:8080") == ""
