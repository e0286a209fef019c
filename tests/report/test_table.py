"""Truth tables of observations, with their legends."""

from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.arrangement import Arrangement
from netpol_harness.paths.ends import PodSource, PodTarget
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import Expectation, Inventory, Path, Scheme, Workload
from netpol_harness.report.table import observed_text, wrong_grid
from netpol_harness.results.evidence import Attempt, Evidence, Reply
from netpol_harness.results.table import PathResult, PodPairResult, TruthTable


def ref(name: str) -> NamespacedName:
    return NamespacedName(*name.split("/"))


def path_result(source: str, target: str, expected: str, outcome: str) -> PathResult:
    ends = PodSource(ref(source)), PodTarget(ref(target), 80)
    path = Path(ends[0], Scheme.TCP, ends[1], source, f"{target}:80")
    evidence = Evidence(Expected(expected), (Attempt(0.1, Reply(Outcome(outcome)), Reply(Outcome.CONNECTED)),))
    return PathResult(Expectation(path, evidence.expected, "scenario.yaml:1"), (PodPairResult("", "", evidence),))


def arranged(*names: str) -> Arrangement:
    return Arrangement(Inventory({ref(name): Workload(ref(name), "Pod", {}, ()) for name in names}, {}, {}))


def test_a_name_that_does_not_resolve_has_a_mark_of_its_own() -> None:
    table = TruthTable.of(
        [
            path_result("shop/web", "back/api", "unresolved", "NAME_FAILED"),
            path_result("shop/web", "shop/db", "allowed", "NAME_FAILED"),
            path_result("back/api", "shop/db", "blocked", "TIMED_OUT"),
        ]
    )
    assert observed_text(table, arranged("shop/web", "shop/db", "back/api")).splitlines() == [
        "             shop         back",
        "from \\ to    shop/db:80   back/api:80",
        "─────────────────────────────────────",
        "shop",
        "  shop/web      N≠.            N",
        "back",
        "  back/api       X",
        "X blocked   N unresolved   N≠. observed unresolved, expected allowed",
    ]


def test_a_cell_without_a_result_is_not_probed() -> None:
    cells = [("a/x", "a/y"), ("a/y", "a/z")]
    table = TruthTable.of(path_result(*cell, "allowed", "CONNECTED") for cell in cells)
    rows = observed_text(table, arranged("a/x", "a/y", "a/z")).splitlines()
    assert [row.split() for row in rows[2:]] == [
        ["a/x", ".", "?"],
        ["a/y", "."],
        [".", "allowed", "?", "not", "probed"],
    ]


def test_the_legend_is_broken_between_its_entries_only() -> None:
    table = TruthTable.of(
        [path_result("a/x", "a/y", "blocked", "CONNECTED"), path_result("a/x", "a/z", "allowed", "CONNECTED")]
    )
    lines = observed_text(table, arranged("a/x", "a/y", "a/z"), width=40).splitlines()
    assert lines[-2:] == [". allowed", ".≠X observed allowed, expected blocked"]


def test_a_wide_table_keeps_the_rows_and_columns_of_wrong_cells_only() -> None:
    names = [f"a/pod-{number}" for number in range(20)]
    table = TruthTable.of(
        path_result(source, target, "blocked" if (source, target) == (names[3], names[5]) else "allowed", "CONNECTED")
        for source in names
        for target in names
        if source != target
    )
    grid = wrong_grid(table, arranged(*names))
    assert [[name.text for name in names] for names in (*grid.rows, *grid.columns)] == [["a/pod-3"], ["a/pod-5:80"]]
