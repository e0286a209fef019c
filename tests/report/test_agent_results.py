"""The section of docs/agents.md: failures by the kind of fault that explains them."""

from collections.abc import Mapping
from typing import Any

from packaging.specifiers import SpecifierSet

from netpol_harness.backends.known.deviation import Deviation, Fault
from netpol_harness.report.agent_results import AgentRun, with_results

PAGE = "# Agents\n\n<!-- written by `netpol agents --matrix` -->\n<!-- end -->\n\n## After\n"
NODE = "scenarios/a/scenario.yaml::step::"


def document(version: str = "v2.1.0", **outcomes: str) -> Mapping[str, Any]:
    tests = [{"node": NODE + name.replace("_", " "), "outcome": outcome} for name, outcome in outcomes.items()]
    counts = {outcome: sum(test["outcome"] == outcome for test in tests) for outcome in ("passed", "failed", "error")}
    counts["xfailed"] = sum(test["outcome"] == "xfailed" for test in tests)
    cluster = {"cni": [{"name": "kube-router", "version": version, "image": ""}], "nodes": [{"kernel": "6.1"}]}
    return {"cluster": cluster, "tests": tests, "counts": {**counts, "skipped": 0}, "seconds": 120.0}


def known(tests: str, kind: str = "It leaks", version: str = "2.1.0") -> Deviation:
    fault = Fault(kind, "x -> y:80", "allowed", "blocked", "Spec.field: text", ("leak",))
    return Deviation(
        NODE + tests, "why", "source", None, "known.yaml:1", "kube-router", SpecifierSet(f"=={version}"), fault=fault
    )


def test_failures_are_under_the_kind_of_fault_that_explains_them() -> None:
    run = AgentRun(
        document(leaks="xfailed", others="xfailed", fine="passed"), [known("leaks"), known("others::x -> y:80")]
    )
    page = with_results(PAGE, [run])
    assert run.unexplained == []
    assert (
        "### kube-router v2.1.0\n\n3 tests in 2.0 min on Linux 6.1: 1 passed, 2 failed (2 by the faults below)" in page
    )
    assert page.count("**It leaks**") == 1
    assert "- observed: allowed; right: blocked\n" in page
    assert "- seen in: [a](../scenarios/a) (2 tests)\n" in page
    assert "Not explained" not in page
    assert page.endswith("<!-- end -->\n\n## After\n")


def test_a_fault_that_was_not_seen_says_whether_its_tests_were_run() -> None:
    entries = [known("passes"), known("not run", "It hides")]
    page = with_results(PAGE, [AgentRun(document(passes="passed", not_run="skipped"), entries)])
    assert page.count("- seen in: no test of this run: it depends on timing\n") == 1
    assert page.count("- seen in: no test of this run: its tests were skipped, for lack of what they need\n") == 1


def test_what_no_entry_of_the_version_names_is_not_explained() -> None:
    run = AgentRun(document(leaks="failed", breaks="error"), [known("leaks", version="2.2.0")])
    assert run.unexplained == [NODE + "leaks", NODE + "breaks"]
    assert f"**Not explained** (2)\n\n- `{NODE}leaks`\n- `{NODE}breaks`\n" in with_results(PAGE, [run])


def test_sections_of_other_versions_stay_and_the_own_one_is_replaced() -> None:
    first = with_results(PAGE, [AgentRun(document(leaks="failed"), [])])
    both = with_results(first, [AgentRun(document("v2.0.0", leaks="passed"), [])])
    again = with_results(both, [AgentRun(document(leaks="passed"), [])])
    assert [line for line in again.splitlines() if line.startswith("### ")] == [
        "### kube-router v2.0.0",
        "### kube-router v2.1.0",
    ]
    assert "Not explained" not in again
    assert with_results(again, []) == again
