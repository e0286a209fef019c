"""Problems of a scenario's files: a place, what is wrong there, and how to fix it.

Reading never stops at the first problem. Code that does not know the place raises ``ProblemWithoutPlace``; its caller
adds the place and continues with the next line.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

_LISTED = 12
_LONGEST = 253
"""Characters of the longest possible name. Longer words are close to no name, and comparing them takes long."""


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
    """One problem. Problems are ordered by place."""

    place: Place
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}; {self.remedy}"


class ProblemWithoutPlace(Exception):
    """A problem that is raised where its place is not known."""

    def __init__(self, what: str, remedy: str) -> None:
        self.what, self.remedy = what, remedy
        super().__init__(f"{what}; {remedy}")

    def at(self, place: Place) -> Problem:
        """Return the problem with its place."""
        return Problem(place, self.what, self.remedy)


def suggest(word: str, known: Iterable[str]) -> str:
    """Return a remedy for an unknown word: the closest known words, or else the list of all."""
    ordered = sorted(set(known))
    close = get_close_matches(word, ordered, n=3, cutoff=0.6) if len(word) <= _LONGEST else []
    if close:
        return f"did you mean {' or '.join(close)}?"
    if not ordered:
        return "there are none"
    rest = ", ..." if len(ordered) > _LISTED else ""
    return f"expected one of {', '.join(ordered[:_LISTED])}{rest}"
