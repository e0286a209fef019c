"""Marks: each kind of result has one of its own, and the legend explains those that occur."""

import pytest

from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.results.evidence import Judgement
from netpol_harness.results.marks import legend, observed_mark, predicted_mark, predicted_verdict

OBSERVED = [
    ("CONNECTED", "allowed", "agrees", ".", "allowed"),
    ("TIMED_OUT", "blocked", "agrees", "X", "blocked"),
    ("UNREACHABLE", "blocked", "agrees", "X", "blocked"),
    ("NAME_FAILED", "unresolved", "agrees", "N", "unresolved"),
    ("TIMED_OUT", "dropped", "agrees", "D", "dropped"),
    ("REFUSED", "rejected", "agrees", "R", "rejected"),
    ("CONNECTED", "blocked", "disagrees", ".≠X", "observed allowed, expected blocked"),
    ("REFUSED", "allowed", "disagrees", "X≠.", "observed blocked, expected allowed"),
    ("NAME_FAILED", "allowed", "disagrees", "N≠.", "observed unresolved, expected allowed"),
    ("TIMED_OUT", "unresolved", "disagrees", "X≠N", "observed blocked, expected unresolved"),
    ("REFUSED", "dropped", "disagrees", "R≠D", "observed rejected, expected dropped"),
    ("CONNECTED", "allowed", "flapping", "~.", "flapping, expected allowed"),
    ("TIMED_OUT", "blocked", "unproven", "X?", "blocked, unproven"),
    ("NAME_FAILED", "unresolved", "unproven", "N?", "unresolved, unproven"),
    ("NAME_FAILED", "undefined", "agrees", "N*", "unresolved, nothing expected"),
    ("PROBE_FAILED", "blocked", "broken", "!", "probe failed"),
    ("CONNECTED", "allowed", "broken", "!", "probe failed"),
]


@pytest.mark.parametrize(("outcome", "expected", "judgement", "mark", "meaning"), OBSERVED)
def test_marks_of_observations(outcome: str, expected: str, judgement: str, mark: str, meaning: str) -> None:
    assert observed_mark(Outcome(outcome), Expected(expected), Judgement(judgement)) == mark
    assert legend([mark], unknown="not probed") == [f"{mark} {meaning}"]


def test_what_is_predicted_and_what_is_observed_have_the_same_marks() -> None:
    outcomes = {"allowed": "CONNECTED", "blocked": "TIMED_OUT", "unresolved": "NAME_FAILED"}
    for verdict, outcome in outcomes.items():
        mark = observed_mark(Outcome(outcome), Expected(verdict), Judgement.AGREES)
        assert predicted_mark(Expected(verdict)) == mark
        assert predicted_verdict(mark) is Expected(verdict)


def test_a_legend_has_each_mark_that_occurs_once_and_plain_ones_first() -> None:
    assert legend(["X≠.", "?", "", "X", ".", "X", "N", "N≠."], unknown="not probed") == [
        ". allowed",
        "X blocked",
        "N unresolved",
        "? not probed",
        "X≠. observed blocked, expected allowed",
        "N≠. observed unresolved, expected allowed",
    ]
