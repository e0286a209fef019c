"""Runs with known deviations: what is excused, what fails, and what is out of a run's scope."""

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

if TYPE_CHECKING:
    from tests.plugin.demo import Demo

pytestmark = pytest.mark.live

LINE = """\
- test: "{test}"
  reason: the agent is lazy
  source: https://example.org/1
  expires: {expires}
{more}"""
OPEN = "demo/scenario.yaml::open::client -> front:80"
WORKERS = pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])


def known(demo: "Demo", test: str = OPEN, expires: str = "2999-12-31", more: str = "") -> None:
    """Write a file of one line."""
    (demo.pytester.path / "known.yaml").write_text(LINE.format(test=test, expires=expires, more=more))


def wrong(demo: "Demo") -> None:
    """Make the scenario expect what the network does not do."""
    demo.edit("client -> front:80: allowed", "client -> front:80: blocked")


@WORKERS
def test_an_expected_failure_is_reported_as_such(demo: "Demo", workers: list[str]) -> None:
    wrong(demo)
    known(demo)
    result = demo.run(
        "--netpol-known", "known.yaml", "--report-dir", "report", "--junitxml", "out.xml", "-rx", *workers, "demo"
    )
    result.assert_outcomes(passed=3, xfailed=1)
    assert result.ret == 0
    assert "known deviation: the agent is lazy (https://example.org/1; known.yaml:1" in result.stdout.str()
    assert "2 paths as expected" in result.stdout.str()
    run = json.loads((demo.pytester.path / "report" / "run.json").read_text())
    assert (run["counts"]["xfailed"], run["exit_status"]) == (1, 0)
    (case,) = ElementTree.parse(demo.pytester.path / "out.xml").getroot().iter("skipped")
    assert case.get("type") == "pytest.xfail"


def test_an_unexpected_pass_fails(demo: "Demo") -> None:
    known(demo)
    result = demo.run("--known", "known.yaml", "demo")
    result.assert_outcomes(passed=3, failed=1)
    assert "passed, but known.yaml:1 expects it to fail" in result.stdout.str()


def test_an_unexpected_pass_is_none_where_the_fault_depends_on_timing(demo: "Demo") -> None:
    known(demo, more="  strict: false\n")
    demo.run("--known", "known.yaml", "demo").assert_outcomes(passed=4)
    wrong(demo)
    demo.run("--known", "known.yaml", "demo").assert_outcomes(passed=3, xfailed=1)


def test_an_expired_line_excuses_nothing_and_fails_the_run(demo: "Demo") -> None:
    wrong(demo)
    known(demo, expires="2020-01-01")
    demo.run("--known", "known.yaml", "demo").assert_outcomes(passed=3, failed=1, errors=1)
    demo.write()
    result = demo.run("--known", "known.yaml", "--junitxml", "out.xml", "demo")
    result.assert_outcomes(passed=4, errors=1)
    assert result.ret == 1
    assert "expired on 2020-01-01" in result.stdout.str()
    assert len(list(ElementTree.parse(demo.pytester.path / "out.xml").getroot().iter("error"))) == 1


@WORKERS
def test_a_line_that_matches_nothing_fails_the_run(demo: "Demo", workers: list[str]) -> None:
    known(demo, OPEN.replace("front", "back"))
    result = demo.run("--known", "known.yaml", *workers, "demo")
    result.assert_outcomes(passed=4, errors=1)
    assert result.ret == 1
    assert result.stdout.str().count("\nthis known deviation matches no test") == 1


@pytest.mark.parametrize(
    ("test", "arguments", "passed"),
    [
        (OPEN, ["-k", "http", "demo"], 1),
        (OPEN, ["demo/scenario.yaml::closed"], 2),
        ("other/scenario.yaml::*", ["demo"], 4),
    ],
    ids=["deselected", "by node id", "elsewhere"],
)
def test_a_run_of_a_part_says_nothing_of_the_rest(demo: "Demo", test: str, arguments: list[str], passed: int) -> None:
    demo.write(name="other")
    known(demo, test)
    result = demo.run("--known", "known.yaml", *arguments)
    result.assert_outcomes(passed=passed, deselected=3 if "-k" in arguments else 0)
    assert result.ret == 0


def test_a_line_for_files_that_are_nowhere_matches_nothing_in_any_run(demo: "Demo") -> None:
    known(demo, "gone/scenario.yaml::*")
    demo.run("--known", "known.yaml", "-k", "http", "demo").assert_outcomes(passed=1, deselected=3, errors=1)


def test_a_line_for_another_dataplane_excuses_nothing_and_is_in_order(demo: "Demo") -> None:
    known(demo, more='  dataplane: Calico\n  version: ">=3"\n')
    demo.run("--known", "known.yaml", "demo").assert_outcomes(passed=4)
    wrong(demo)
    demo.run("--known", "known.yaml", "demo").assert_outcomes(passed=3, failed=1)
    known(demo, more="  dataplane: Embedded\n")
    demo.run("--known", "known.yaml", "demo").assert_outcomes(passed=3, xfailed=1)


def test_a_broken_lab_is_never_excused(demo: "Demo") -> None:
    demo.edit("name: server,", "name: server, annotations: {netpol-harness/dead-ports: '80'},", of=demo.workloads)
    closed = "demo/scenario.yaml::closed::client -> ip(front):80"
    known(demo, closed)
    demo.run("--known", "known.yaml", closed).assert_outcomes(errors=1)


def test_a_bad_file_is_a_usage_error_with_its_line(demo: "Demo") -> None:
    known(demo, expires="soon")
    result = demo.run("--known", "known.yaml", "demo")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "known.yaml:4:12: 'soon' is not a date" in result.stderr.str()


def test_python_tests_are_excused_for_what_they_assert_alone(demo: "Demo") -> None:
    demo.pytester.makepyfile(test_it="def test_a(): assert 1 == 2\ndef test_b(): raise TypeError('a bug')")
    known(demo, "test_it.py::test_?")
    demo.run("--known", "known.yaml", "test_it.py").assert_outcomes(xfailed=1, failed=1)


OTHERS = "demo/scenario.yaml::closed::others"
LEAKING = """\
title: two pods
workloads: [workloads.yaml]
steps:
  - name: closed
    others: blocked
"""


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        ([f"{OTHERS}::client -> server:80", f"{OTHERS}::server -> client:8080"], "xfailed"),
        ([f"{OTHERS}::*"], "xfailed"),
        ([OTHERS], "xfailed"),
        ([f"{OTHERS}::client -> server:80"], "failed"),
    ],
    ids=["each cell", "all cells", "the whole", "one of two cells"],
)
def test_a_known_cell_of_a_closed_world_excuses_no_other(demo: "Demo", lines: list[str], outcome: str) -> None:
    demo.write(LEAKING)
    file = "".join(LINE.format(test=line, expires="2999-12-31", more="") for line in lines)
    (demo.pytester.path / "known.yaml").write_text(file)
    demo.run("--known", "known.yaml", "demo").assert_outcomes(**{outcome: 1})


def test_a_cell_that_is_as_expected_is_an_unexpected_pass(demo: "Demo") -> None:
    demo.write(f"{LEAKING}    policies: [deny.yaml]\n")
    known(demo, f"{OTHERS}::client -> server:80")
    result = demo.run("--known", "known.yaml", "demo")
    result.assert_outcomes(failed=1)
    assert "passed, but known.yaml:1 expects it to fail" in result.stdout.str()


def test_a_cell_that_the_step_does_not_have_matches_nothing(demo: "Demo") -> None:
    known(demo, f"{OTHERS}::client -> server:81")
    demo.run("--known", "known.yaml", "demo").assert_outcomes(passed=4, errors=1)
