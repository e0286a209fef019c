"""The findings of a measurement."""

import pytest

from netpol_harness.errors import ScenarioInvalid
from netpol_harness.results.latency import Censoring, Interval
from netpol_harness.runner.latency import Measurement
from netpol_harness.runner.latency_findings import KINDS, findings, parse_accepted

PATH = "a -> b:1"
SLOW = Interval(0.4, 0.6, Censoring.NONE)


def measured(
    change: str, taken: Interval | None = None, windows: tuple[Interval, ...] = (), leaks: int = 0
) -> Measurement:
    return Measurement(PATH, change, taken, windows, 0.05, 10, leaks=leaks)


@pytest.mark.parametrize(
    ("measurement", "finding"),
    [
        (measured("deny", SLOW), "late deny"),
        (measured("allow", Interval(0.1, None, Censoring.RIGHT)), "late allow"),
        (measured("deny", Interval(0.2, 0.6, Censoring.NONE)), ""),
        (measured("control", SLOW), ""),
        (measured("restart", windows=(SLOW,)), "restart"),
        (measured("restart"), ""),
        (measured("teardown", windows=(SLOW,)), "teardown"),
        (measured("new source", leaks=1), "new source"),
        (measured("new target", leaks=2), "new target"),
        (measured("new target"), ""),
    ],
)
def test_each_kind(measurement: Measurement, finding: str) -> None:
    assert findings([measurement, measurement], 0.3) == ([f"{finding}: {PATH}"] if finding else [])


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_accepts_the_finding_that_it_names(kind: str) -> None:
    own, other, any_kind = parse_accepted(f"{kind}: {PATH} # known\n\n{kind}: x -> *\n*: {PATH}\n", "file")
    assert own.accepts(f"{kind}: {PATH}")
    assert not other.accepts(f"{kind}: {PATH}")
    assert any_kind.accepts(f"{kind}: {PATH}")
    assert own.where == "file:1"


def test_all_mistakes_are_reported_together() -> None:
    with pytest.raises(ScenarioInvalid) as error:
        parse_accepted("late: a -> b:1\nrestart: a\nrestart a -> b:1\n", "file")
    assert [problem.partition(" ")[0] for problem in error.value.problems] == ["file:1:", "file:2:", "file:3:"]
