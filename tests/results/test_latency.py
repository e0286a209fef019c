from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from netpol_harness.results.latency import Censoring, Interval, Sample, State, cadence, interval, wrong_windows

OPEN, CLOSED, UNKNOWN = State


def samples(text: str, step: float = 0.1) -> list[Sample]:
    """One observation every ``step`` seconds, half a step long: ``o`` open, ``x`` closed, ``?`` unknown."""
    states = {"o": OPEN, "x": CLOSED, "?": UNKNOWN}
    return [Sample(n * step, (n + 0.5) * step, states[mark]) for n, mark in enumerate(text)]


def rounded(found: Interval | None) -> tuple[float, float | None, Censoring] | None:
    if found is None:
        return None
    return round(found.lower, 3), found.upper and round(found.upper, 3), found.censoring


def test_the_time_is_between_the_last_old_and_the_first_new_observation() -> None:
    assert rounded(interval(samples("ooooxxx"), 0.15, CLOSED)) == (0.15, 0.3, Censoring.NONE)


def test_a_new_state_at_the_first_look_is_censored_on_the_left() -> None:
    assert rounded(interval(samples("ooxxx"), 0.15, CLOSED)) == (0.0, 0.1, Censoring.LEFT)


def test_a_new_state_that_does_not_last_is_censored_on_the_right() -> None:
    assert rounded(interval(samples("ooxxo"), 0.15, CLOSED)) == (0.25, None, Censoring.RIGHT)


def test_a_path_that_flaps_counts_from_its_last_old_observation() -> None:
    assert rounded(interval(samples("ooxoxx"), 0.15, CLOSED)) == (0.15, 0.3, Censoring.NONE)


def test_what_broke_widens_the_interval() -> None:
    assert rounded(interval(samples("ooo?xx"), 0.15, CLOSED)) == (0.05, 0.3, Censoring.NONE)


def test_without_the_old_state_before_there_is_no_time() -> None:
    assert interval(samples("xxxx"), 0.15, CLOSED) is None
    assert interval(samples("??xx"), 0.15, CLOSED) is None


@given(st.floats(0, 5), st.floats(0, 5), st.lists(st.floats(0.01, 0.4), min_size=30, max_size=60))
def test_the_true_time_is_within_the_interval(changed: float, delay: float, gaps: list[float]) -> None:
    begun, found = 0.0, []
    for gap in gaps:
        found.append(Sample(begun, begun + gap / 2, OPEN if begun < changed + delay else CLOSED))
        begun += gap
    measured = interval(found, changed, CLOSED)
    if measured is not None:
        assert measured.lower <= delay + 1e-9
        assert measured.upper is None or measured.upper >= delay - max(b.begun - a.begun for a, b in pairwise(found))
        assert measured.upper is None or measured.lower <= measured.upper


def test_windows_have_a_certain_and_a_possible_length() -> None:
    (window,) = wrong_windows(samples("xxoooxx"), CLOSED)
    assert rounded(window) == (0.15, 0.45, Censoring.NONE)
    (last,) = wrong_windows(samples("xxoo"), CLOSED)
    assert last.censoring is Censoring.RIGHT
    assert wrong_windows(samples("xx?xx"), CLOSED) == ()


def test_the_cadence_is_the_longest_gap_between_known_observations() -> None:
    assert round(cadence(samples("oo?oo")), 3) == 0.2
    assert cadence(samples("?")) == float("inf")
