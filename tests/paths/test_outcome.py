import pytest

from netpol_harness.paths.outcome import Expected, Outcome


@pytest.mark.parametrize(
    ("word", "satisfied_by"),
    [
        ("allowed", {"CONNECTED"}),
        ("blocked", {"TIMED_OUT", "REFUSED", "UNREACHABLE"}),
        ("dropped", {"TIMED_OUT"}),
        ("rejected", {"REFUSED", "UNREACHABLE"}),
        ("unresolved", {"NAME_FAILED"}),
        ("undefined", {"CONNECTED", "TIMED_OUT", "REFUSED", "UNREACHABLE", "NAME_FAILED"}),
    ],
)
def test_each_word_is_satisfied_by_exactly_its_outcomes(word: str, satisfied_by: set[str]) -> None:
    assert {o.value for o in Outcome if Expected(word).admits(o)} == satisfied_by


@pytest.mark.parametrize("word", list(Expected))
def test_a_failed_probe_satisfies_nothing(word: Expected) -> None:
    assert not word.admits(Outcome.PROBE_FAILED)
