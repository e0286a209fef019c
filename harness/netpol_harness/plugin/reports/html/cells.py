"""The paths of a step's JSON file as cells of the page: the sign and the state of each. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.results.evidence import Judgement
from netpol_harness.results.marks import observed_mark

_SIGNS = str.maketrans({".": "●", "X": "✕"})


class State(StrEnum):
    """The state of a cell; the value is its class in the style sheet."""

    OPEN = "open"
    SHUT = "shut"
    WRONG = "wrong"
    DOUBT = "doubt"


@dataclass(frozen=True, slots=True)
class PageCell:
    """One path. ``number`` is its index in the step's file."""

    number: int
    source: str
    target: str
    expected: str
    outcome: Outcome
    judgement: Judgement

    @property
    def state(self) -> State:
        """``OPEN`` or ``SHUT`` if the path is as expected, else ``WRONG`` or ``DOUBT``."""
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
    def mark(self) -> str:
        """The mark of the path in a truth table."""
        return observed_mark(self.outcome, Expected(self.expected), self.judgement)

    @property
    def sign(self) -> str:
        """The mark as the page shows it."""
        return shown(self.mark)

    @property
    def description(self) -> str:
        """The cell in words, for its tool tip."""
        return f"{self.source} -> {self.target}: expected {self.expected}, observed {self.outcome}"


def shown(text: str) -> str:
    """Return a mark, or an entry of the legend that begins with one, with the signs of the page."""
    mark, *meaning = text.split(" ", 1)
    return " ".join([mark.translate(_SIGNS), *meaning])


def cells_of(step: Mapping[str, Any]) -> tuple[PageCell, ...]:
    """Return the cells of a step's file, in its order."""
    paths: Sequence[Mapping[str, Any]] = step["paths"]
    return tuple(
        PageCell(number, p["from"], p["to"], p["expected"], Outcome(p["outcome"]), Judgement(p["judgement"]))
        for number, p in enumerate(paths)
    )


def wrong_cells(cells: Sequence[PageCell]) -> tuple[PageCell, ...]:
    """Return the cells that are not as expected."""
    return tuple(cell for cell in cells if cell.state in (State.WRONG, State.DOUBT))


def pod_of(name: str) -> str:
    """Return the name in a source or a target, without scheme and port."""
    return name.rpartition("://")[2].partition(":")[0]
