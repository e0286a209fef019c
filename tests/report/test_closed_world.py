from itertools import product

from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.ends import PodSource, PodTarget
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import Expectation, Path, Scheme
from netpol_harness.report.closed_world import closed_world_message, groups
from netpol_harness.report.message import FailureMessage
from netpol_harness.results.evidence import Attempt, Evidence, Reply
from netpol_harness.results.table import PathResult, PodPairResult, TruthTable

PODS = tuple(f"pod-{number}" for number in range(32))
STORY = FailureMessage("the summary", "THE STORY")


def path_result(source: str, target: str, outcome: str = "TIMED_OUT", expected: str = "allowed") -> PathResult:
    """A cell that is wrong unless it is said to be CONNECTED."""
    ends = PodSource(NamespacedName("default", source)), PodTarget(NamespacedName("default", target), 80)
    path = Path(ends[0], Scheme.TCP, ends[1], source, f"{target}:80")
    evidence = Evidence(Expected(expected), (Attempt(0.1, Reply(Outcome(outcome)), Reply(Outcome.CONNECTED)),))
    return PathResult(
        Expectation(path, Expected(expected), "scenario.yaml:1"), (PodPairResult(source, target, evidence),)
    )


def world(wrong: str) -> list[PathResult]:
    """All pairs of pods, of which those that ask ``wrong`` get no answer."""
    pairs = [pair for pair in product(PODS, PODS) if pair[0] != pair[1]]
    return [path_result(*pair, "TIMED_OUT" if pair[1] == wrong else "CONNECTED") for pair in pairs]


def test_all_who_do_not_reach_a_target_are_one_line() -> None:
    (group,) = groups(TruthTable.of(world(wrong="pod-3")))
    assert str(group) == "31 sources -> pod-3:80: expected allowed, observed TIMED_OUT"
    assert group.sources == tuple(pod for pod in PODS if pod != "pod-3")


def test_a_world_in_which_nothing_is_right_is_one_line() -> None:
    every = [path_result(*pair) for pair in product(PODS, PODS) if pair[0] != pair[1]]
    (group,) = groups(TruthTable.of(every))
    assert str(group) == "32 sources -> 32 targets: expected allowed, observed TIMED_OUT"


def test_what_differs_in_kind_is_not_thrown_together() -> None:
    outcomes = {"a": ("TIMED_OUT",) * 3, "b": ("REFUSED", "CONNECTED", "REFUSED")}
    cells = [
        path_result(source, target, outcome)
        for source in outcomes
        for target, outcome in zip("cde", outcomes[source], strict=True)
    ]
    assert sorted(map(str, groups(TruthTable.of(cells)))) == [
        "a -> 3 targets: expected allowed, observed TIMED_OUT",
        "b -> 2 targets: expected allowed, observed REFUSED",
    ]


def test_a_cell_that_was_not_asked_is_in_no_group() -> None:
    grouped = groups(TruthTable.of([path_result(*pair) for pair in ("ac", "bd", "ec", "fd")]))
    assert [(group.sources, group.targets) for group in grouped] == [(("a", "e"), ("c:80",)), (("b", "f"), ("d:80",))]


def test_a_few_wrong_cells_are_named_one_by_one() -> None:
    grouped = groups(TruthTable.of([path_result("a", "b"), path_result("b", "a")]))
    assert [str(group).partition(": ")[0] for group in grouped] == ["a -> b:80", "b -> a:80"]


def test_a_closed_world_counts_groups_names_and_tells_one_story() -> None:
    lines = closed_world_message(world(wrong="pod-3"), STORY)
    assert lines.summary == "31 of the 992 other paths are not allowed"
    head, group, names, *_, last = lines.text.splitlines()
    assert head == "31 of the 992 other paths are not allowed:"
    assert group == "  31 sources -> pod-3:80: expected allowed, observed TIMED_OUT"
    assert names.startswith("    sources: pod-0, pod-1, pod-2, pod-4, ")
    assert names.endswith("... and 11 more")
    assert last == "THE STORY"


def test_a_single_wrong_cell_is_named() -> None:
    text = closed_world_message(
        [path_result("a", "b", "CONNECTED", "blocked"), path_result("b", "a", expected="blocked")], STORY
    ).text
    assert "1 of the 2 other paths are not blocked:\n  a -> b:80: expected blocked, observed CONNECTED\n\n" in text
