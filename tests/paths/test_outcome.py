import pytest

from netpol_harness.paths.outcome import Expected, Outcome


@pytest.mark.parametrize(
    ("verdict", "satisfied_by"),
    [
        ("allowed", {"CONNECTED"}),
        ("blocked", {"TIMED_OUT", "REFUSED", "UNREACHABLE"}),
        ("dropped", {"TIMED_OUT"}),
        ("rejected", {"REFUSED", "UNREACHABLE"}),
        ("unresolved", {"NAME_FAILED"}),
        ("undefined", {"CONNECTED", "TIMED_OUT", "REFUSED", "UNREACHABLE", "NAME_FAILED"}),
    ],
)
def test_each_verdict_is_satisfied_by_exactly_its_outcomes(verdict: str, satisfied_by: set[str]) -> None:
    assert {o.value for o in Outcome if Expected(verdict).admits(o)} == satisfied_by


@pytest.mark.parametrize("verdict", list(Expected))
@pytest.mark.parametrize("outcome", [Outcome.PROBE_FAILED, Outcome.NAME_WRONG])
def test_a_failed_probe_and_a_wrong_name_satisfy_nothing(verdict: Expected, outcome: Outcome) -> None:
    assert not verdict.admits(outcome)
