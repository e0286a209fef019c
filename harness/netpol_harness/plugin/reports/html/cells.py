"""The paths of a step's file, as cells: what each shows, and how bad it is. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from netpol_harness.paths.outcome import Outcome
from netpol_harness.results.evidence import Judgement

_SIGNS = {Outcome.CONNECTED: "●", Outcome.PROBE_FAILED: "!", Outcome.NAME_FAILED: "N"}
_BLOCKED = "✕"
_EXPECTED = {"allowed": "●", "unresolved": "N", "undefined": "~"}


class State(StrEnum):
    """What a cell comes to; the value is its class in the style sheet."""

    OPEN = "open"
    SHUT = "shut"
    WRONG = "wrong"
    DOUBT = "doubt"


@dataclass(frozen=True, slots=True)
class PageCell:
    """One path. ``number`` is its place in the step's file."""

    number: int
    source: str
    target: str
    expected: str
    outcome: Outcome
    judgement: Judgement

    @property
    def state(self) -> State:
        """Whether it is as expected, and then open or shut."""
        if self.judgement in (Judgement.DISAGREES, Judgement.FLAPPING):
            return State.WRONG
        if self.judgement is not Judgement.AGREES:
            return State.DOUBT
        return State.OPEN if self.reaches else State.SHUT

    @property
    def reaches(self) -> bool:
        """Whether the target answered."""
        return self.outcome is Outcome.CONNECTED

    @property
    def sign(self) -> str:
        """What was observed; of a wrong cell also what was expected."""
        seen = _SIGNS.get(self.outcome, _BLOCKED)
        match self.state:
            case State.WRONG:
                return f"{seen}≠{_EXPECTED.get(self.expected, _BLOCKED)}"
            case State.DOUBT:
                return seen if seen == "!" else f"{seen}?"
        return f"{seen}~" if self.expected == "undefined" else seen

    @property
    def told(self) -> str:
        """The cell in words."""
        return f"{self.source} -> {self.target}: expected {self.expected}, observed {self.outcome}"


def cells_of(step: Mapping[str, Any]) -> tuple[PageCell, ...]:
    """The cells of a step's file, in its order."""
    paths: Sequence[Mapping[str, Any]] = step["paths"]
    return tuple(
        PageCell(number, p["from"], p["to"], p["expected"], Outcome(p["outcome"]), Judgement(p["judgement"]))
        for number, p in enumerate(paths)
    )


def wrong(cells: Sequence[PageCell]) -> tuple[PageCell, ...]:
    """The cells that are not as expected."""
    return tuple(cell for cell in cells if cell.state in (State.WRONG, State.DOUBT))


def pod_of(name: str) -> str:
    """The name in a source or a target, without scheme and port."""
    return name.rpartition("://")[2].partition(":")[0]
