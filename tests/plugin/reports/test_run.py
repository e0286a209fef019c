"""``run.json`` and the properties of JUnit's suite: what was tested stands in every file."""

import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import jsonschema
import pytest

from netpol_harness.backends.facts import harness_version
from netpol_harness.plugin.reports.results import ItemResult, Results
from netpol_harness.plugin.reports.run import run_document, schema

if TYPE_CHECKING:
    from tests.plugin.demo import Demo


def valid(document: object) -> None:
    """Raise where the document is not of the shipped schema's form."""
    checker = jsonschema.Draft202012Validator(schema(), format_checker=jsonschema.FormatChecker())
    checker.validate(document)


def read(demo: "Demo", name: str = "run.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((demo.pytester.path / "report" / name).read_text())
    return found


def properties(demo: "Demo") -> dict[str, str]:
    suite = ElementTree.parse(demo.pytester.path / "out.xml").getroot().find("testsuite")
    assert suite is not None
    return {p.attrib["name"]: p.attrib["value"] for p in suite.findall("properties/property")}


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def test_the_schema_refuses_another_version_and_unknown_outcomes() -> None:
    about = {
        "run": "r",
        "harness": {"version": "", "python": "", "pytest": ""},
        "cluster": {
            "backend": "kind", "why": "", "dataplane": "", "cni": [], "kubernetes": "", "nodes": [], "trouble": "",
        },
        "canary": {"outcome": "unknown", "told": ""},
    }  # fmt: skip
    document = run_document(about, Results({"a": ItemResult("passed")}), 0, {"a.json": "a"})
    valid(document)
    for wrong in ({"version": 2}, {"tests": [{"node": "a", "outcome": "fine", "seconds": 0, "message": ""}]}):
        with pytest.raises(jsonschema.ValidationError):
            valid({**document, **wrong})


@pytest.mark.live
@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_what_was_tested_is_in_every_file(demo: "Demo", workers: list[str]) -> None:
    demo.edit("ip(front):80: blocked", "ip(front):80: allowed")
    demo.run("--report-dir", "report", "--junitxml", "out.xml", *workers, "demo").assert_outcomes(passed=3, failed=1)
    run = read(demo)
    valid(run)
    cluster = run["cluster"]
    assert cluster["backend"] == "embedded"
    assert cluster["cni"] == [{"name": "embedded", "version": harness_version(), "image": ""}]
    assert cluster["kubernetes"].startswith("v1.")
    assert [bool(node["kernel"]) for node in cluster["nodes"]] == [True]
    assert run["canary"]["outcome"] == "passed"
    assert run["asked"] == {"paths": 4, "denials": 1}
    assert (run["counts"]["passed"], run["counts"]["failed"], run["exit_status"]) == (3, 1, 1)
    (failed,) = [test for test in run["tests"] if test["outcome"] == "failed"]
    assert "expected allowed, observed TIMED_OUT" in failed["message"]
    assert (
        "  oracle     blocked, as observed: the policies in force do not say what the scenario expects\n"
        in failed["message"]
    )
    assert [step["node"].rpartition("::")[2] for step in run["steps"]] == ["open", "closed"]
    asked = {"paths": 0, "denials": 0}
    for step in run["steps"]:
        report = read(demo, step["file"])
        assert {key: report[key] for key in ("run", "harness", "cluster", "canary")} == {
            key: run[key] for key in ("run", "harness", "cluster", "canary")
        }
        asked = {key: asked[key] + report["asked"][key] for key in asked}
    assert asked == run["asked"]
    told = properties(demo)
    assert told["netpol.run"] == run["run"]
    assert told["netpol.backend"] == told["netpol.cni"] == "embedded"
    assert told["netpol.cni_version"] == harness_version()
    assert told["netpol.kubernetes"] == cluster["kubernetes"]
    assert told["netpol.kernel"] == cluster["nodes"][0]["kernel"]
    assert told["netpol.canary"] == "passed"
    assert (told["netpol.paths"], told["netpol.denials"]) == ("4", "1")


@pytest.mark.live
def test_what_an_earlier_run_has_left_in_the_folder_is_not_this_runs(demo: "Demo") -> None:
    demo.run("--report-dir", "report", "demo").assert_outcomes(passed=4)
    (demo.pytester.path / "report" / "notes.json").write_text("[" * 100_000)
    demo.run("--report-dir", "report", "-k", "http", "demo").assert_outcomes(passed=1)
    run = read(demo)
    assert [step["node"] for step in run["steps"]] == ["demo/scenario.yaml::open"]
    assert run["counts"]["passed"] == 1


def test_a_cluster_that_cannot_be_had_and_a_file_that_cannot_be_read_are_told(
    demo: "Demo", monkeypatch: pytest.MonkeyPatch
) -> None:
    (demo.pytester.path / "kc").write_text(
        "{current-context: x, contexts: [{name: x, context: {cluster: x, user: x}}], users: [{name: x, user: {}}],"
        " clusters: [{name: x, cluster: {server: 'http://127.0.0.1:9'}}]}"
    )
    monkeypatch.setenv("KUBECONFIG", "kc")
    demo.write("title: [", name="broken")
    demo.run("--cluster", "kubeconfig", "--report-dir", "report", "--continue-on-collection-errors", "demo", "broken")
    run = read(demo)
    valid(run)
    assert "127.0.0.1:9" in run["cluster"]["trouble"]
    assert (run["cluster"]["kubernetes"], run["canary"]["outcome"]) == ("", "unknown")
    assert run["counts"]["error"] == 5
    assert "broken/scenario.yaml" in {test["node"] for test in run["tests"]}


def test_a_run_that_only_collects_writes_nothing(demo: "Demo") -> None:
    demo.run("--collect-only", "--report-dir", "report", "--junitxml", "out.xml", "demo")
    assert not (demo.pytester.path / "report").exists()
    assert properties(demo) == {}
