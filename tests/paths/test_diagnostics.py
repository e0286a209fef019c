"""Places, problems and suggestions."""

import pytest

from netpol_harness.paths.diagnostics import Place, Problem, ProblemWithoutPlace, suggest


def test_problems_sort_by_place_in_numbers() -> None:
    late, early = (Problem(Place("a.yaml", line), "x", "y") for line in (10, 9))
    assert sorted([late, early]) == [early, late]


def test_a_flaw_becomes_a_problem_where_its_place_is_known() -> None:
    problem = ProblemWithoutPlace("'x' is wrong", "write y").at(Place("a.yaml", 3, 5))
    assert str(problem) == "a.yaml:3:5: 'x' is wrong; write y"
    assert problem.place.where == "a.yaml:3"


@pytest.mark.parametrize(
    ("word", "known", "remedy"),
    [
        ("polices", ["policies", "paths"], "did you mean policies?"),
        ("zzz", ["b", "a"], "expected one of a, b"),
        ("zzz", [], "there are none"),
        ("pod" * 100_000, ["pod" * 90_000, "pod"], f"expected one of pod, {'pod' * 90_000}"),
        (
            "zzz",
            [f"a{i}" for i in range(20)],
            "expected one of a0, a1, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, ...",
        ),
    ],
)
def test_suggest(word: str, known: list[str], remedy: str) -> None:
    assert suggest(word, known) == remedy
