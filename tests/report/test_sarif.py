"""SARIF: a valid log with the deciding line as location, and fingerprints that survive moved lines."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from netpol_harness.analysis.changes.change import compare
from netpol_harness.analysis.changes.objects import changed_objects
from netpol_harness.analysis.changes.reason import Named, Names, Reason
from netpol_harness.analysis.predict import Predictor
from netpol_harness.paths.diagnostics import Place
from netpol_harness.report.changes import StepChanges
from netpol_harness.report.sarif import Sides, as_sarif
from netpol_harness.scenario.derive import derive
from tests.analysis.changes.conftest import FROM_WEB, GUARD, PODS, policy, predictor
from tests.analysis.changes.test_groups import change

__all__ = ["predictor"]
MadePredictor = Callable[[str, str], Predictor]


TEXT = {"type": "object", "properties": {"text": {"type": "string", "minLength": 1}}, "required": ["text"]}
REGION = {
    "type": "object",
    "properties": {
        key: {"type": "integer", "minimum": 1} for key in ("startLine", "startColumn", "endLine", "endColumn")
    },
    "required": ["startLine", "startColumn", "endLine", "endColumn"],
    "additionalProperties": False,
}
LOCATION = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 0},
        "physicalLocation": {
            "type": "object",
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "properties": {"uri": {"type": "string", "pattern": r"^(?!/|\.\./)[^ <>]+$"}},
                    "required": ["uri"],
                    "additionalProperties": False,
                },
                "region": REGION,
            },
            "required": ["artifactLocation", "region"],
            "additionalProperties": False,
        },
    },
    "required": ["physicalLocation"],
    "additionalProperties": False,
}
LOCATIONS = {"type": "array", "items": LOCATION, "uniqueItems": True}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
RULE = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string", "pattern": "^[A-Z][A-Za-z]+$"},
        **dict.fromkeys(("shortDescription", "fullDescription", "help"), TEXT),
        "defaultConfiguration": {"type": "object", "properties": {"level": LEVEL}, "additionalProperties": False},
    },
    "required": ["id", "shortDescription", "fullDescription", "help"],
    "additionalProperties": False,
}
RESULT = {
    "type": "object",
    "properties": {
        "ruleId": {"type": "string"},
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": LEVEL,
        "message": TEXT,
        "locations": {**LOCATIONS, "minItems": 1},
        "relatedLocations": LOCATIONS,
        "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1},
    },
    "required": ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"],
    "additionalProperties": False,
}
RUN = {
    "type": "object",
    "properties": {
        "tool": {
            "type": "object",
            "properties": {
                "driver": {
                    "type": "object",
                    "properties": {
                        "name": {"type": "string"},
                        "version": {"type": "string"},
                        "rules": {"type": "array", "items": RULE, "uniqueItems": True},
                    },
                    "required": ["name"],
                    "additionalProperties": False,
                }
            },
            "required": ["driver"],
            "additionalProperties": False,
        },
        "results": {"type": "array", "items": RESULT},
        "invocations": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "executionSuccessful": {"type": "boolean"},
                    "toolExecutionNotifications": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {"level": LEVEL, "message": TEXT},
                            "required": ["message"],
                            "additionalProperties": False,
                        },
                    },
                },
                "required": ["executionSuccessful"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["tool", "results"],
    "additionalProperties": False,
}
LOG = {
    "type": "object",
    "properties": {
        "$schema": {"type": "string", "pattern": "sarif-2.1.0.json$"},
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "items": RUN, "minItems": 1},
    },
    "required": ["version", "runs"],
    "additionalProperties": False,
}
"""What SARIF 2.1.0 demands of the properties that a log has, and GitHub in addition (its page about SARIF support)."""


def results(one: Predictor, other: Predictor, sides: Sides) -> list[dict[str, Any]]:
    """The results of a log, which is valid."""
    step = StepChanges("s", compare(one, other).changes, objects=changed_objects(one, other))
    log = json.loads(as_sarif([step], sides))
    jsonschema.validate(log, LOG)
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])
    return list(run["results"])


def line_of(location: dict[str, Any]) -> str:
    """The line of a location, in a file below the working directory."""
    physical = location["physicalLocation"]
    lines = Path(physical["artifactLocation"]["uri"]).read_text().splitlines()
    return str(lines[physical["region"]["startLine"] - 1])


@pytest.fixture(autouse=True)
def _in_the_folder_of_both_sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


ONE_TO_TWO, TWO_TO_ONE = Sides(Path("one"), Path("two")), Sides(Path("two"), Path("one"))


def test_what_opens_is_an_error_at_the_rule_that_admits_it(predictor: MadePredictor) -> None:
    one, other = predictor("one", PODS + GUARD), predictor("two", PODS + GUARD + FROM_WEB)
    (opened,) = results(one, other, ONE_TO_TWO)
    place = opened["locations"][0]["physicalLocation"]
    assert (opened["ruleId"], opened["level"]) == ("opened", "error")
    assert place["artifactLocation"]["uri"] == "two/all.yaml"
    assert "ingress" in line_of(opened["locations"][0])
    (closed,) = results(other, one, TWO_TO_ONE)
    assert (closed["ruleId"], closed["level"]) == ("closed", "warning")


def test_the_policy_that_is_gone_is_a_place_of_the_side_that_had_it(predictor: MadePredictor) -> None:
    one, other = predictor("one", PODS + GUARD), predictor("two", PODS)
    for result in results(one, other, ONE_TO_TWO):
        places = {each["physicalLocation"]["artifactLocation"]["uri"] for each in result["locations"]}
        assert places == {"one/all.yaml"}
        assert line_of(result["locations"][0]) == "apiVersion: networking.k8s.io/v1"


def test_the_line_that_changed_comes_before_rules_of_other_files(predictor: MadePredictor) -> None:
    """GitHub shows in a pull request only what is in its changed lines."""
    peer = "{namespaceSelector: {matchLabels: {tier: front}}}"
    rule = policy("from-front", f"{{podSelector: {{matchLabels: {{app: db}}}}, ingress: [{{from: [{peer}]}}]}}")
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: {tier: %s}}\n---\n" + CLIENT
    sides = [predictor(name, PODS + GUARD + rule) for name in ("one", "two")]
    for name, tier in (("one", "back"), ("two", "front")):
        Path(name, "namespace.yaml").write_text(namespace % ("edge", tier))
    scenarios = [derive(Path(name)) for name in ("one", "two")]
    sides = [Predictor(scenario, scenario.steps[-1]) for scenario in scenarios]
    (opened, *_) = results(sides[0], sides[1], ONE_TO_TWO)
    assert "tier: front" in line_of(opened["locations"][0])
    assert any("ingress" in line_of(each) for each in opened["relatedLocations"])


CLIENT = """apiVersion: v1
kind: Pod
metadata: {name: client, namespace: edge}
spec: {containers: [{name: main, image: stand-in, ports: [{containerPort: 80}]}]}
"""


def test_rules_of_one_line_are_one_result(predictor: MadePredictor) -> None:
    other_pod = (
        PODS + "---\n" + CLIENT.replace("edge", "shop").replace("name: client,", "name: client, labels: {a: b},")
    )
    own = policy("own", "{podSelector: {matchLabels: {a: b}}, policyTypes: [Ingress]}")
    one, other = predictor("one", other_pod + own), predictor("two", other_pod + own + GUARD)
    found = results(one, other, ONE_TO_TWO)
    keys = [(each["ruleId"], json.dumps(each["locations"])) for each in found]
    assert len(keys) == len(set(keys))


def test_many_rules_of_one_changed_line_are_a_short_message() -> None:
    shown = Place("labels.yaml", 4)
    changes = tuple(
        replace(each, reasons=(Reason.of(Names((Named(f"rule {n} (labels.yaml:4)", shown, is_past=True),)), " did"),))
        for n, each in enumerate(change("web", f"db-{n}") for n in range(9))
    )
    log = json.loads(as_sarif([StepChanges("s", changes)], ONE_TO_TWO))
    (result,) = log["runs"][0]["results"]
    assert result["message"]["text"].endswith("The same for 6 more paths, by other rules. (step s)")


def test_more_results_than_github_shows_are_counted() -> None:
    changes = tuple(change("web", f"db-{n}", f"rule {n}") for n in range(3))
    located = tuple(
        replace(each, reasons=(Reason.of(Names((Named(f"rule {n}", Place("gone.yaml", n + 1), is_past=True),))),))
        for n, each in enumerate(changes * 1700)
    )
    log = json.loads(as_sarif([StepChanges("s", located)], ONE_TO_TWO))
    jsonschema.validate(log, LOG)
    (run,) = log["runs"]
    assert len(run["results"]) == 5000
    (note,) = run["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"].startswith("100 more results are left out")


def test_a_fingerprint_does_not_depend_on_lines_and_differs_between_causes(predictor: MadePredictor) -> None:
    one, other = predictor("one", PODS + GUARD), predictor("two", PODS + GUARD + FROM_WEB)
    moved = predictor("moved", "# a comment\n" + PODS + GUARD + FROM_WEB)
    prints = [
        each["partialFingerprints"]["netpolChange/v1"]
        for sides in ((one, other), (one, moved), (other, one))
        for each in results(*sides, ONE_TO_TWO)
    ]
    assert prints[0] == prints[1] != prints[2]


def test_without_a_named_place_the_result_is_at_what_was_compared(predictor: MadePredictor) -> None:
    cache = PODS.replace("name: db", "name: cache")
    found = results(predictor("one", PODS), predictor("two", cache), ONE_TO_TWO)
    assert all(each["locations"] for each in found)
