"""The generated pages: they say what was cut off and what was not run, and pair a case with our scenario for it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.peers import page
from bench.peers.results import Case, Outcome, RequestKind, SuiteRun
from bench.peers.suites import SUITES

TWIN = "scenarios/conformance/upstream/all_namespaces"
CASES = (Case("should allow all namespaces", Outcome.PASSED, 2.0, number=5), Case("a|b", Outcome.FAILED, 1.0, "open"))


def run(*, complete: bool = True, requests: Sequence[RequestKind] = ()) -> SuiteRun:
    return SuiteRun(
        "upstream", "--x", 30.0, complete, CASES, requests, 10.0, ["scenarios/x"], {"passed": 7}, {TWIN: "passed"}
    )


def test_the_summary_counts_cases_and_gives_the_ratio_of_times() -> None:
    text = page.peers([run()])
    assert "| 2 | 1 | 0 | 1 | 0 | 30 s |" in text
    assert "7 passed | 10 s | 3.0 |" in text
    assert "| Cyclonus v0.5.6 | not recorded yet |" in text


def test_a_run_that_was_cut_off_says_so() -> None:
    assert "(**cut off**)" in page.peers([run(complete=False)])
    assert "(**cut off**)" not in page.peers([run()])


def test_a_narrowed_run_is_named_and_has_a_file_of_its_own() -> None:
    whole = replace(run(), selection="--provider=skeleton --ginkgo.no-color --ginkgo.v --ginkgo.skip=using SCTP")
    narrowed = replace(whole, selection=f"{whole.selection} --ginkgo.focus=using UDP")
    text = page.peers([whole, narrowed])
    title = "## Kubernetes' end-to-end tests v1.36.3, test/e2e/network/netpol"
    assert f"{title}\n" in text
    assert f"{title}, `--ginkgo.focus=using`, `UDP`\n" in text
    assert text.count("The package of Kubernetes' own repository") == 1
    assert page.result_file("upstream", []).name == "upstream.json"
    assert page.result_file("upstream", ["--ginkgo.focus=using UDP"]).name == "upstream.ginkgo-focus-using-UDP.json"


def test_parts_of_a_suite_are_runs_of_their_own_and_are_counted_together() -> None:
    whole = replace(run(complete=False), suite="cyclonus", selection=" ".join(SUITES["cyclonus"].arguments))
    part = replace(whole, part="targets", complete=True, cases=[Case("t", Outcome.EXPLAINED, 3.0)] * 6)
    later = replace(part, part="named-ports", cases=[Case("n", Outcome.PASSED, 3.0)] * 9)
    text = page.peers([whole, part, later])
    assert "Cyclonus v0.5.6 in 3 runs: 15 of 112 cases, 9 passed, 6 explained, 0 failed, 0 skipped." in text
    assert "\n## Cyclonus v0.5.6, part `named-ports`\n" in text
    assert "| 68. n | passed |" in text
    assert "in 1 runs" not in page.peers([whole])


def test_what_the_oracle_said_is_on_the_page() -> None:
    assert "The oracle beside it: 3 of 3 cells." in page.peers([replace(run(), oracle="3 of 3 cells.")])


def test_a_remark_about_a_run_is_on_the_page() -> None:
    assert "**not one ground**" in page.peers([replace(run(), remark="not one ground")])


def test_a_case_stands_beside_our_scenario_of_the_same_number() -> None:
    text = page.peers([run()])
    assert f"| 1. should allow all namespaces | passed | 2.0 |  | `{TWIN}`: passed |" in text
    assert "| 2. a\\|b | failed | 1.0 | open |  |" in text


def test_wrong_answers_are_counted_and_marked() -> None:
    good = RequestKind("list", "pods", "", "application/json", "", 200, "", 5)
    bad = RequestKind("create", "pods", "application/x", "application/json", "", 415, "no", 2)
    text = page.coverage([run(requests=[good, bad])])
    assert "7 requests. Answered as a correct server would not: 2." in text
    assert "| create | pods | application/x | application/json |  | **wrong** 415 | no | 2 |" in text
    assert "| list | pods |  | application/json |  | 200 |  | 5 |" in text


def test_a_recorded_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    request = RequestKind("list", "pods", "", "application/json", "", 200, "", 5)
    run(requests=[request]).write(tmp_path / "run.json")
    again = SuiteRun.read(tmp_path / "run.json")
    assert again.cases == list(CASES)
    assert again.requests == [request]


def test_the_pages_are_those_of_the_recorded_runs() -> None:
    assert (page.ROOT / "docs/peers.md").read_text() == page.peers(page.runs())
    assert (page.ROOT / "docs/api-coverage.md").read_text() == page.coverage(page.runs())
