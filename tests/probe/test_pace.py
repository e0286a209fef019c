import pytest

from netpol_harness.probe.pace import SLOWEST, Pace


def test_time_is_doubled_after_slow_rounds_and_halved_after_quick_ones() -> None:
    pace = Pace()
    factors = []
    for slowness in (0.6, 0.6, 0.3, 0.1, 0.1, 0.1):
        pace.adapt(slowness, doubtful=False)
        factors.append(pace.factor)
    assert factors == [2, 4, 4, 2, 1, 1]


def test_where_pods_are_quick_a_part_of_the_time_is_enough_until_they_are_not() -> None:
    pace = Pace(0.5)
    assert pace.factor == 0.5
    pace.adapt(0.6, doubtful=True)
    assert pace.factor == 1
    pace.adapt(0.05, doubtful=False)
    assert pace.factor == 0.5


def test_a_round_of_a_few_doubtful_probes_does_not_show_that_all_are_quick() -> None:
    pace = Pace(0.5)
    pace.adapt(0.6, doubtful=True)
    pace.adapt(0.05, doubtful=False, repeated=True)
    assert pace.factor == 1


def test_silence_that_is_doubted_on_names_alone_costs_time_only_if_it_is_doubted_again() -> None:
    pace = Pace(0.5)
    pace.adapt(0.3, doubtful=True)
    assert pace.factor == 0.5
    pace.adapt(0.3, doubtful=True, repeated=True)
    assert pace.factor == 1


@pytest.mark.parametrize("quickest", [0.5, 1.0])
def test_there_is_a_slowest_pace(quickest: float) -> None:
    pace = Pace(quickest)
    for _ in range(9):
        pace.adapt(1.0, doubtful=True)
    assert pace.factor == SLOWEST


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_silence_on_a_name_needs_a_round_twice_as_quick(factor: float) -> None:
    pace = Pace(factor)
    assert pace.trusts_silence(0.5, by_name=False)
    assert not pace.trusts_silence(0.51, by_name=False)
    assert pace.trusts_silence(0.25, by_name=True)
    assert not pace.trusts_silence(0.26, by_name=True)
