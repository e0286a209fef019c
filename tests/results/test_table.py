from dataclasses import replace

import pytest

from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.ends import PodSource, PodTarget
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import Expectation, Path, Scheme
from netpol_harness.report.layout import draw
from netpol_harness.report.table import observed_grid
from netpol_harness.results.evidence import Attempt, Evidence, Judgement, Reply, judge_evidence
from netpol_harness.results.table import PathResult, PodPairResult, TruthTable, worst


def path_result(source: str, target: str, expected: str, *outcomes: str, alive: bool = True) -> PathResult:
    """One finding with one pair of pods per outcome."""
    liveness = Reply(Outcome.CONNECTED if alive else Outcome.REFUSED)
    asked = [
        PodPairResult(source, target, Evidence(Expected(expected), (Attempt(0.1 * i, Reply(Outcome(o)), liveness),)))
        for i, o in enumerate(outcomes)
    ]
    path = Path(
        PodSource(NamespacedName("default", source)),
        Scheme.TCP,
        PodTarget(NamespacedName("default", target), 80),
        source,
        target,
    )
    return PathResult(Expectation(path, Expected(expected), "scenario.yaml:1"), tuple(asked))


def test_a_path_agrees_only_when_every_pair_of_its_pods_does() -> None:
    assert path_result("a", "b:80", "allowed", "CONNECTED", "CONNECTED").judgement is Judgement.AGREES
    mixed = path_result("a", "b:80", "allowed", "CONNECTED", "TIMED_OUT")
    assert mixed.judgement is Judgement.DISAGREES
    assert mixed.outcome is Outcome.TIMED_OUT


def test_a_sure_disagreement_outweighs_a_doubt() -> None:
    assert path_result("a", "b:80", "blocked", "PROBE_FAILED", "CONNECTED").judgement is Judgement.DISAGREES
    assert path_result("a", "b:80", "blocked", "PROBE_FAILED", "TIMED_OUT").judgement is Judgement.BROKEN


def test_the_worst_of_several_rounds_decides_and_the_first_of_equals() -> None:
    good, bad = path_result("a", "b:80", "blocked", "TIMED_OUT"), path_result("a", "b:80", "blocked", "CONNECTED")
    doubtful = path_result("a", "b:80", "blocked", "TIMED_OUT", alive=False)
    assert worst([good, doubtful, bad, doubtful]) is bad
    assert worst([good, doubtful]) is doubtful
    assert worst([good, path_result("a", "b:80", "blocked", "REFUSED")]) is good


def test_what_is_wrong_with_a_path_that_flaps_is_not_its_last_outcome() -> None:
    flapping = path_result("web", "db:80", "blocked", "TIMED_OUT")
    pair = flapping.pairs[0]
    attempts = [replace(pair.evidence.attempts[0], reply=Reply(o)) for o in (Outcome.CONNECTED, Outcome.TIMED_OUT)]
    flapping = replace(flapping, pairs=(replace(pair, evidence=replace(pair.evidence, attempts=tuple(attempts))),))
    assert flapping.wrong_outcome is Outcome.CONNECTED
    assert path_result("web", "db:80", "blocked", "TIMED_OUT").wrong_outcome is Outcome.TIMED_OUT


def test_settle_time_is_that_of_the_slowest_pair() -> None:
    assert path_result("a", "b:80", "allowed", "CONNECTED", "CONNECTED").settled_after == pytest.approx(0.1)
    assert path_result("a", "b:80", "allowed", "CONNECTED", "TIMED_OUT").settled_after is None


def test_a_table_has_a_mark_for_each_path() -> None:
    cells = [path_result("a", "b", "allowed", "CONNECTED"), path_result("b", "a", "blocked", "CONNECTED")]
    assert TruthTable.of(cells).marks == {cells[0].expectation.path: ".", cells[1].expectation.path: ".≠X"}


def test_each_cell_is_judged_once_however_many_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = []

    def counted(evidence: Evidence) -> Judgement:
        judged.append(evidence)
        return judge_evidence(evidence)

    monkeypatch.setattr("netpol_harness.results.table.judge_evidence", counted)
    names = [f"pod-{number}" for number in range(18)]
    table = TruthTable.of(path_result(a, f"{b}:80", "allowed", "TIMED_OUT") for a in names for b in names)
    assert draw(observed_grid(table)).count("X≠.") == len(table.wrong) == len(judged) == len(names) ** 2


def test_two_findings_for_one_cell_are_refused() -> None:
    with pytest.raises(ValueError, match="a -> b"):
        TruthTable.of([path_result("a", "b", "allowed", "CONNECTED")] * 2)


def test_narrowing_keeps_the_rows_and_columns_of_wrong_cells() -> None:
    table = TruthTable.of(
        [
            path_result("a", "b", "allowed", "CONNECTED"),
            path_result("a", "c", "blocked", "CONNECTED"),
            path_result("d", "c", "blocked", "TIMED_OUT"),
        ]
    )
    assert (table.narrowed().rows, table.narrowed().columns) == (("a",), ("c",))
