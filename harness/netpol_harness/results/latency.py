"""When a change took effect on a path: an interval between two observations, never a point. Pure.

All times are in seconds. An observation of the old state that began at ``t`` shows that the change was not in effect
until ``t`` at least; one of the new state that ended at ``u`` shows that it was in effect by ``u``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise


class State(StrEnum):
    """What one probe has shown. UNKNOWN: it broke, or its silence has no proof."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sample:
    """One observation. Its packet was sent after ``begun``, and decided before ``ended``."""

    begun: float
    ended: float
    state: State


class Censoring(StrEnum):
    """Why a bound is missing.

    NONE   both bounds were observed
    LEFT   the first observation after the change was of the new state already
    RIGHT  the new state was not observed to last
    """

    NONE = "none"
    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Interval:
    """The time from a change until it took effect: after ``lower`` and by ``upper``, which RIGHT lacks."""

    lower: float
    upper: float | None
    censoring: Censoring

    def __str__(self) -> str:
        match self.censoring:
            case Censoring.LEFT:
                return f"by {_milliseconds(self.upper)}"
            case Censoring.RIGHT:
                return f"after {_milliseconds(self.lower)}, not seen to end"
            case Censoring.NONE:
                return f"{_milliseconds(self.lower)} to {_milliseconds(self.upper)}"


def interval(samples: Sequence[Sample], changed: float, new: State) -> Interval | None:
    """Return when a path became ``new`` after a change that began at ``changed``.

    The new state counts once no later observation is of the old one. Returns ``None`` if the path was not observed in
    the old state before the change, since then nothing shows that it changed.
    """
    known = sorted((s for s in samples if s.state is not State.UNKNOWN), key=lambda sample: sample.begun)
    old = [sample.begun for sample in known if sample.state is not new]
    if not any(begun < changed for begun in old):
        return None
    last_old = old[-1]
    lower = max(0.0, last_old - changed)
    sustained = [sample.ended for sample in known if sample.state is new and sample.begun > last_old]
    if not sustained:
        return Interval(lower, None, Censoring.RIGHT)
    upper = max(lower, min(sustained) - changed)
    return Interval(lower, upper, Censoring.NONE if last_old >= changed else Censoring.LEFT)


def wrong_windows(samples: Sequence[Sample], right: State) -> tuple[Interval, ...]:
    """Return the windows in which a path that should stay ``right`` was not, counted from the first sample.

    ``lower`` is the time for which it was certainly wrong, ``upper`` the time between the right observations around.
    """
    known = sorted((s for s in samples if s.state is not State.UNKNOWN), key=lambda sample: sample.begun)
    windows: list[Interval] = []
    before, wrong = known[0].begun if known else 0.0, list[Sample]()
    for sample in known:
        if sample.state is not right:
            wrong.append(sample)
            continue
        if wrong:
            certain = max(0.0, wrong[-1].begun - wrong[0].ended)
            windows.append(Interval(certain, max(certain, sample.ended - before), Censoring.NONE))
            wrong = []
        before = sample.begun
    if wrong:
        windows.append(Interval(max(0.0, wrong[-1].begun - wrong[0].ended), None, Censoring.RIGHT))
    return tuple(windows)


def cadence(samples: Sequence[Sample]) -> float:
    """Return the longest time between the beginnings of two observations: shorter changes may be missed."""
    known = sorted(sample.begun for sample in samples if sample.state is not State.UNKNOWN)
    return max((later - earlier for earlier, later in pairwise(known)), default=float("inf"))


def _milliseconds(seconds: float | None) -> str:
    return "?" if seconds is None else f"{seconds * 1000:.0f} ms"
