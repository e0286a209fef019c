"""The changes that a reviewer has accepted, one a line: ``EFFECT: SOURCE -> TARGET``, with ``*`` for any text. Pure.

``#`` begins a comment, as in ``opened: prometheus -> *:9090  # scraping``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from netpol_harness.analysis.changes.change import Change, Effect
from netpol_harness.errors import ScenarioInvalid
from netpol_harness.paths.diagnostics import Place, Problem, suggest


@dataclass(frozen=True, slots=True)
class AcceptedChange:
    """One line, and the place where it is written."""

    pattern: str
    where: str

    def accepts(self, change: Change) -> bool:
        """Return whether it describes a change."""
        return fnmatchcase(str(change), self.pattern.replace("[", "[[]"))


def parse_accepted(text: str, shown: str) -> tuple[AcceptedChange, ...]:
    """Read the accepted changes of a file that is called ``shown``. Raises ``ScenarioInvalid`` with all problems."""
    problems: list[Problem] = []
    accepted: list[AcceptedChange] = []
    for place, line in _lines(text, shown):
        effect, colon, path = line.partition(":")
        words = [word.value for word in Effect]
        if not colon or "->" not in path:
            problems.append(Problem(place, f"'{line}' is not a change", "write EFFECT: SOURCE -> TARGET"))
        elif effect.strip() not in (*words, "*"):
            problems.append(Problem(place, f"'{effect}' is not an effect", suggest(effect, words)))
        else:
            source, _, target = path.partition("->")
            accepted.append(AcceptedChange(f"{effect.strip()}: {source.strip()} -> {target.strip()}", place.where))
    if problems:
        raise ScenarioInvalid([str(problem) for problem in problems])
    return tuple(accepted)


def _lines(text: str, shown: str) -> Iterator[tuple[Place, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if content := line.partition("#")[0].strip():
            yield Place(shown, number), content
