"""What is wrong with a scenario's files: a place, what is wrong there, and how to mend it.

Reading never stops at the first problem. Code deep inside one sentence raises ``ProblemWithoutPlace``; whoever knows
the place turns it into a ``Problem`` and goes on with the next sentence.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

_LISTED = 12
_LONGEST = 253
"""Characters of the longest name that there is: nothing is close to a longer word, and to find that out takes long."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file; ``line`` and ``column`` count from 1."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    @property
    def where(self) -> str:
        """``file:line``, as reports show it."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One finding, in the order of its place."""

    place: Place
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}; {self.remedy}"


class ProblemWithoutPlace(Exception):
    """What is wrong and how to mend it, raised where the place is not known."""

    def __init__(self, what: str, remedy: str) -> None:
        self.what, self.remedy = what, remedy
        super().__init__(f"{what}; {remedy}")

    def at(self, place: Place) -> Problem:
        """The problem that this flaw is in that place."""
        return Problem(place, self.what, self.remedy)


def suggest(word: str, known: Iterable[str]) -> str:
    """A remedy for a word that is not among the known: the closest ones, or else the list of all."""
    ordered = sorted(set(known))
    close = get_close_matches(word, ordered, n=3, cutoff=0.6) if len(word) <= _LONGEST else []
    if close:
        return f"did you mean {' or '.join(close)}?"
    if not ordered:
        return "there are none"
    rest = ", ..." if len(ordered) > _LISTED else ""
    return f"expected one of {', '.join(ordered[:_LISTED])}{rest}"
