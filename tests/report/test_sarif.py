"""SARIF: a valid log with the deciding line as location, and fingerprints that survive moved lines."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netpol_harness.analysis.changes.change import compare
from netpol_harness.analysis.predict import Predictor
from netpol_harness.report.changes import StepChanges
from netpol_harness.report.sarif import as_sarif
from tests.analysis.changes.conftest import FROM_WEB, GUARD, PODS, predictor

__all__ = ["predictor"]
MadePredictor = Callable[[str, str], Predictor]


def results(one: Predictor, other: Predictor, place: Path) -> list[dict[str, Any]]:
    """The results of a log, whose structure is checked against what the standard demands of each."""
    log = json.loads(as_sarif([StepChanges("s", compare(one, other).changes)], place))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        for location in (*result["locations"], *result["relatedLocations"]):
            physical = location["physicalLocation"]
            assert physical["region"]["startLine"] >= 1
            assert not physical["artifactLocation"]["uri"].startswith("/")
    return list(run["results"])


def test_what_opens_is_an_error_at_the_rule_that_admits_it(
    predictor: MadePredictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one, other = predictor("one", PODS + GUARD), predictor("two", PODS + GUARD + FROM_WEB)
    (opened,) = results(one, other, Path("two"))
    place = opened["locations"][0]["physicalLocation"]
    assert (opened["ruleId"], opened["level"]) == ("opened", "error")
    assert place["artifactLocation"]["uri"] == "two/all.yaml"
    text = (tmp_path / "two" / "all.yaml").read_text().splitlines()[place["region"]["startLine"] - 1]
    assert "ingress" in text
    (closed,) = results(other, one, Path("one"))
    assert (closed["ruleId"], closed["level"]) == ("closed", "warning")


def test_a_fingerprint_does_not_depend_on_lines_and_differs_between_causes(
    predictor: MadePredictor, tmp_path: Path
) -> None:
    one, other = predictor("one", PODS + GUARD), predictor("two", PODS + GUARD + FROM_WEB)
    moved = predictor("moved", "# a comment\n" + PODS + GUARD + FROM_WEB)
    prints = [
        each["partialFingerprints"]["netpolChange/v1"]
        for sides in ((one, other), (one, moved), (other, one))
        for each in results(*sides, tmp_path)
    ]
    assert prints[0] == prints[1] != prints[2]


def test_without_a_named_place_the_result_is_at_what_was_compared(predictor: MadePredictor, tmp_path: Path) -> None:
    cache = PODS.replace("name: db", "name: cache")
    found = results(predictor("one", PODS), predictor("two", cache), tmp_path / "two")
    assert all(each["locations"] for each in found)
