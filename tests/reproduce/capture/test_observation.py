"""Which verdict the evidence of a cluster in use supports."""

import pytest

from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.reproduce.capture.observation import PairEvidence, combined, not_observed, observation
from netpol_harness.results.evidence import Attempt, Evidence, Reply

ALIVE = Reply(Outcome.CONNECTED)
DEAD = Reply(Outcome.REFUSED, "connection refused")
UNASKED = Reply(Outcome.PROBE_FAILED, "pods is forbidden")


def attempt(
    outcome: Outcome, liveness: Reply | None = ALIVE, control: Reply | None = None, detail: str = ""
) -> Attempt:
    return Attempt(0.0, Reply(outcome, detail, command="nc"), liveness, negative_control=control)


def pair(*attempts: Attempt, unproven: str = "") -> PairEvidence:
    return PairEvidence("shop/web", "db:5432", Evidence(Expected.UNDEFINED, attempts), unproven)


OPEN, SILENT = attempt(Outcome.CONNECTED), attempt(Outcome.TIMED_OUT)


@pytest.mark.parametrize(
    ("attempts", "verdict", "why"),
    [
        ((OPEN, OPEN), Expected.ALLOWED, "the target answered"),
        ((SILENT, SILENT), Expected.BLOCKED, "proof: the listener answered"),
        ((attempt(Outcome.REFUSED), SILENT), Expected.BLOCKED, "REFUSED, TIMED_OUT in 2 attempts by `nc`"),
        ((SILENT, OPEN), Expected.UNDEFINED, "open in 1 of 2 attempts"),
        ((SILENT, attempt(Outcome.TIMED_OUT, DEAD)), Expected.UNDEFINED, "(connection refused)"),
        ((SILENT, attempt(Outcome.TIMED_OUT, UNASKED)), Expected.UNDEFINED, "(pods is forbidden)"),
        ((SILENT, attempt(Outcome.TIMED_OUT, None)), Expected.UNDEFINED, "(nobody asked it)"),
        ((SILENT, attempt(Outcome.PROBE_FAILED, detail="no nc")), Expected.UNDEFINED, "not observed: no nc"),
        ((OPEN, attempt(Outcome.NAME_WRONG)), Expected.UNDEFINED, "not observed: NAME_WRONG"),
        ((attempt(Outcome.NAME_FAILED), SILENT), Expected.UNDEFINED, "the name did not resolve"),
        ((OPEN, attempt(Outcome.CONNECTED, control=ALIVE)), Expected.UNDEFINED, "an unused port"),
    ],
)
def test_only_what_is_proven_is_a_verdict(attempts: tuple[Attempt, ...], verdict: Expected, why: str) -> None:
    found = observation("web -> db:5432", [pair(*attempts)], Expected.UNDEFINED)
    assert found.verdict is verdict
    assert why in " ".join(found.how)
    assert not found.disagrees


def test_a_denial_whose_listener_may_not_be_asked_is_undefined() -> None:
    found = observation("web -> db:5432", [pair(SILENT, SILENT, unproven="no consent")], Expected.ALLOWED)
    assert found.verdict is Expected.UNDEFINED
    assert "not proven: no consent" in found.how[0]
    assert not found.disagrees


def test_pods_that_differ_have_no_verdict() -> None:
    found = observation("web -> db:5432", [pair(OPEN, OPEN), pair(SILENT, SILENT)], Expected.ALLOWED)
    assert found.verdict is Expected.UNDEFINED
    assert found.how[-2] == "not one verdict: the pairs of pods differ"
    assert found.how[-1] == "DISAGREES: observed blocked, but the captured policies say allowed"
    assert found.disagrees, "one replica that is wrong is a contradiction"


def test_a_contradiction_is_the_last_comment() -> None:
    found = observation("web -> db:5432", [pair(SILENT, SILENT)], Expected.ALLOWED)
    assert found.disagrees
    assert found.how[-1] == "DISAGREES: observed blocked, but the captured policies say allowed"


def test_a_line_for_several_paths_has_a_verdict_only_if_all_have_the_same() -> None:
    one = observation("any -> db:5432", [pair(SILENT, SILENT)], Expected.ALLOWED)
    other = not_observed("any -> db:5432", "it does not run")
    assert combined("any -> db:5432", [one, one]).disagrees
    both = combined("any -> db:5432", [one, other])
    assert both.verdict is Expected.UNDEFINED
    assert both.disagrees, "a contradiction is told in any case"
