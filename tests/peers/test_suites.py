"""The readers of other suites' outputs: what was not finished is not a case, and what counted nothing did not pass."""

from pathlib import Path

import pytest

from bench.peers.results import Case, Outcome
from bench.peers.suites import Line, cyclonus_cases, ginkgo_cases, go_test_cases

NOWHERE = Path("/nonexistent")


def lines(text: str) -> list[Line]:
    """A line of output a second."""
    return [Line(float(second), line) for second, line in enumerate(text.splitlines())]


def test_cyclonus_sums_the_cells_of_all_steps_of_a_case() -> None:
    output = """\
starting test case #1
evaluating test case: deny all
0 wrong, 0 ignored, 81 correct
Discrepancy found:1 wrong, 2 ignored, 78 correct
finished policy #1
starting test case #2
evaluating test case: allow all
0 wrong, 0 ignored, 162 correct
finished policy #2
starting test case #3
evaluating test case: cut off
0 wrong, 0 ignored, 162 correct"""
    assert cyclonus_cases(lines(output), NOWHERE) == [
        Case("deny all", Outcome.FAILED, 4.0, "159 cells right, 1 wrong, 2 ignored"),
        Case("allow all", Outcome.PASSED, 3.0, "162 cells right, 0 wrong"),
    ]


TABLE = """\
starting test case #1
evaluating test case: x
Discrepancy found:{wrong} wrong, 0 ignored, 79 correct

Actual vs expected (last round):
+-----+-----+-----+
|     | X/A | X/B |
+-----+-----+-----+
| x/a | .   | {other}   |
| x/b | .   | X   |
+-----+-----+-----+

finished policy #1"""


def test_a_wrong_cell_from_a_pod_to_itself_is_explained_and_any_other_is_not() -> None:
    (loop,) = cyclonus_cases(lines(TABLE.format(wrong=1, other=".")), NOWHERE)
    (both,) = cyclonus_cases(lines(TABLE.format(wrong=2, other="X")), NOWHERE)
    assert (loop.outcome, loop.note) == (Outcome.EXPLAINED, "79 cells right, 1 wrong, 1 of them from a pod to itself")
    assert (both.outcome, both.note) == (Outcome.FAILED, "79 cells right, 2 wrong, 1 of them from a pod to itself")


def test_a_case_of_cyclonus_without_a_right_cell_has_failed() -> None:
    output = "starting test case #1\nevaluating test case: x\n0 wrong, 81 ignored, 0 correct\nfinished policy #1"
    (case,) = cyclonus_cases(lines(output), NOWHERE)
    assert case.outcome is Outcome.FAILED


def test_ginkgo_numbers_the_cases_of_each_group_and_leaves_out_the_skipped_ones(tmp_path: Path) -> None:
    start = "[It] [sig-network] Netpol NetworkPolicy between server and client"
    report = tmp_path / "report.xml"
    report.write_text(
        f"""<testsuites><testsuite>
        <testcase name="[SynchronizedBeforeSuite]" status="passed" time="1"/>
        <testcase name="{start} using UDP should a [Feature:NetworkPolicy]" status="passed" time="2.5"/>
        <testcase name="{start} should b" status="skipped" time="0"><skipped/></testcase>
        <testcase name="{start} should c" status="failed" time="4"><failure message="open"/></testcase>
        <testcase name="{start} should d" status="timedout" time="4"/>
        </testsuite></testsuites>"""
    )
    name = "Netpol NetworkPolicy between server and client"
    assert ginkgo_cases([], report) == [
        Case(f"{name} using UDP should a", Outcome.PASSED, 2.5, number=43),
        Case(f"{name} should c", Outcome.FAILED, 4.0, "open", number=2),
        Case(f"{name} should d", Outcome.FAILED, 4.0, number=3),
    ]


def test_a_random_order_of_ginkgo_numbers_nothing(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        """<testsuites><testsuite><properties><property name="RandomizeAllSpecs" value="true"/></properties>
        <testcase name="[It] between server and client should a" status="passed" time="1"/></testsuite></testsuites>"""
    )
    (case,) = ginkgo_cases([], report)
    assert case.number == 0


def test_a_missing_report_of_ginkgo_has_no_cases() -> None:
    assert ginkgo_cases([], NOWHERE) == []


def test_go_test_counts_the_innermost_tests() -> None:
    output = """\
--- FAIL: TestConformance (9.00s)
    --- FAIL: TestConformance/Gress (3.00s)
        --- PASS: TestConformance/Gress/allow (1.00s)
        --- FAIL: TestConformance/Gress/deny (2.00s)
    --- SKIP: TestConformance/Ports (0.00s)"""
    assert go_test_cases(lines(output), NOWHERE) == [
        Case("Gress/allow", Outcome.PASSED, 1.0),
        Case("Gress/deny", Outcome.FAILED, 2.0),
        Case("Ports", Outcome.SKIPPED, 0.0),
    ]


@pytest.mark.parametrize(("protocol", "outcome"), [("sctp", Outcome.SKIPPED), ("udp", Outcome.FAILED)])
def test_only_a_test_whose_wrong_probes_are_all_of_sctp_is_skipped(protocol: str, outcome: Outcome) -> None:
    output = f"""\
=== RUN   TestConformance/Gress
=== RUN   TestConformance/Gress/allow
    helper.go:71: FAILED Command was [/agnhost connect --protocol=sctp 10.0.0.1:9]
    helper.go:71: Expected connection to succeed. stderr: OTHER: [Errno 93] Protocol not supported
    helper.go:71: FAILED Command was [/agnhost connect --protocol={protocol} 10.0.0.1:9]
--- FAIL: TestConformance (9.00s)
    --- FAIL: TestConformance/Gress (3.00s)
        --- FAIL: TestConformance/Gress/allow (1.00s)"""
    (case,) = go_test_cases(lines(output), NOWHERE)
    assert case.outcome is outcome
