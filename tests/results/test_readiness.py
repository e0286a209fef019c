"""What looks at pods say about an expectation of their readiness."""

import pytest

from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.readiness import Readiness
from netpol_harness.results.readiness import PodReadiness, ReadinessResult

UP, DOWN = PodReadiness("ns/a", ready=True), PodReadiness("ns/a", ready=False, reason="it waits")
STUCK = PodReadiness("ns/a", ready=False, reason="no image", broken=True)


def result(*looks: tuple[PodReadiness, ...], ready: bool, baseline: float | None = 1.0) -> ReadinessResult:
    expectation = Readiness(NamespacedName("ns", "a"), None, ready, "ready(a)", "scenario.yaml:1")
    return ReadinessResult(expectation, looks, 5.0, baseline)


@pytest.mark.parametrize(
    ("looks", "judgement"),
    [
        (((UP, UP), (UP, UP)), "agrees"),
        (((UP, UP), (UP, DOWN)), "disagrees"),
        (((DOWN,), (UP,)), "disagrees"),
        (((UP,), (STUCK,)), "broken"),
        (((UP,), ()), "broken"),
        ((), "broken"),
    ],
)
def test_pods_that_must_be_ready_are_so_at_every_look(
    looks: tuple[tuple[PodReadiness, ...], ...], judgement: str
) -> None:
    assert result(*looks, ready=True).judgement == judgement
    assert result(*looks, ready=True, baseline=None).judgement == judgement


@pytest.mark.parametrize(
    ("looks", "baseline", "judgement"),
    [
        (((DOWN,), (DOWN,)), 1.0, "agrees"),
        (((UP,), (DOWN,)), 1.0, "agrees"),
        (((DOWN, DOWN), (DOWN, UP)), 1.0, "disagrees"),
        (((DOWN,), (UP,)), None, "disagrees"),
        (((DOWN,),), None, "unproven"),
        (((STUCK,),), 1.0, "broken"),
        (((),), 1.0, "broken"),
    ],
)
def test_pods_that_must_not_be_ready_were_ready_before_and_are_not_at_last(
    looks: tuple[tuple[PodReadiness, ...], ...], baseline: float | None, judgement: str
) -> None:
    assert result(*looks, ready=False, baseline=baseline).judgement == judgement


def test_each_reason_is_told_once_the_latest_first() -> None:
    other = PodReadiness("ns/a", ready=False, reason="it crashes")
    assert result((DOWN,), (DOWN,), (other,), ready=True).reasons == ("it crashes", "it waits")
