"""The marks of truth tables, alike for predicted verdicts and for observations, and what they mean. Pure."""

from collections.abc import Iterable, Mapping

from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.results.evidence import Judgement

NOT_PROBED = "?"
"""The mark of a path without an observation."""

_VERDICTS: Mapping[Expected, str] = {
    Expected.ALLOWED: ".",
    Expected.BLOCKED: "X",
    Expected.DROPPED: "D",
    Expected.REJECTED: "R",
    Expected.UNRESOLVED: "N",
    Expected.UNDEFINED: "?",
}

_OUTCOMES: Mapping[Outcome, str] = {
    Outcome.CONNECTED: ".",
    Outcome.REFUSED: "X",
    Outcome.TIMED_OUT: "X",
    Outcome.UNREACHABLE: "X",
    Outcome.NAME_FAILED: "N",
    Outcome.NAME_WRONG: "!",
    Outcome.PROBE_FAILED: "!",
}

_FINE_OUTCOMES: Mapping[Outcome, str] = {
    **_OUTCOMES,
    Outcome.REFUSED: "R",
    Outcome.TIMED_OUT: "D",
    Outcome.UNREACHABLE: "R",
}
"""The marks if an author expects one of the two ways to block."""

_MEANINGS = {
    ".": "allowed",
    "X": "blocked",
    "D": "dropped",
    "R": "rejected",
    "N": "unresolved",
    "!": "probe failed",
}


def predicted_mark(verdict: Expected) -> str:
    """Return ``.`` allowed, ``X`` blocked, ``N`` unresolved or ``?`` undefined."""
    return _VERDICTS[verdict]


def predicted_verdict(mark: str) -> Expected:
    """Return the verdict of which a mark is."""
    return next(verdict for verdict, known in _VERDICTS.items() if known == mark)


def observed_mark(outcome: Outcome, expected: Expected, judgement: Judgement) -> str:
    """Return the mark of an observation.

    ``X`` is as expected, ``X*`` recorded where nothing is expected, ``X≠.`` not as expected (behind the sign), ``X?``
    unproven, ``~.`` flapping, and ``!`` no observation.
    """
    marks = _FINE_OUTCOMES if expected in (Expected.DROPPED, Expected.REJECTED) else _OUTCOMES
    match judgement:
        case Judgement.AGREES:
            return marks[outcome] + ("*" if expected is Expected.UNDEFINED else "")
        case Judgement.DISAGREES:
            return f"{marks[outcome]}≠{_VERDICTS[expected]}"
        case Judgement.FLAPPING:
            return f"~{_VERDICTS[expected]}"
        case Judgement.UNPROVEN:
            return f"{marks[outcome]}?"
        case Judgement.BROKEN:
            return "!"


def legend(marks: Iterable[str], unknown: str) -> list[str]:
    """Return ``. allowed`` and the like for each mark that occurs. ``unknown`` is the meaning of ``?``."""
    words = {**_MEANINGS, NOT_PROBED: unknown}
    return [f"{mark} {_meaning(mark, words)}" for mark in sorted({*marks} - {""}, key=_rank)]


def _rank(mark: str) -> tuple[bool, int, str]:
    """Sort plain marks before composed ones, in the order of their meanings."""
    known = [*_MEANINGS, NOT_PROBED]
    return len(mark) > 1, known.index(mark[0]) if mark[0] in known else len(known), mark


def _meaning(mark: str, words: Mapping[str, str]) -> str:
    match [*mark]:
        case ["~", expected]:
            return f"flapping, expected {words[expected]}"
        case [observed, "≠", expected]:
            return f"observed {words[observed]}, expected {words[expected]}"
        case [observed, "?"]:
            return f"{words[observed]}, unproven"
        case [observed, "*"]:
            return f"{words[observed]}, nothing expected"
        case _:
            return words[mark]
