"""The ports of a target as written: ``80``, ``http``, ``8000-8003`` or several of these, ``{80,443,metrics}``. Pure."""

import re
from dataclasses import dataclass
from itertools import pairwise

from netpol_harness.paths.diagnostics import ProblemWithoutPlace

WIDEST_RANGE = 100
"""Ports that one line may stand for: each of them is a test, and must be served."""

_NUMBER = re.compile(r"[1-9][0-9]{0,4}")
_RANGE = re.compile(r"([0-9]+)-([0-9]+)")
_NAME = re.compile(r"(?=[0-9-]*[a-z])[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SYNTAX = (
    "write a number from 1 to 65535, the name of a port, a range such as 8000-8003, or several in braces: {80,443}"
)


@dataclass(frozen=True, slots=True)
class PortRange:
    """The ports from ``first`` through ``last``; a single port has both."""

    first: int
    last: int

    @property
    def numbers(self) -> range:
        """Every port of the range."""
        return range(self.first, self.last + 1)


PortTerm = PortRange | str
"""Numbers, or the name of a port."""


def port_terms(text: str) -> tuple[PortTerm, ...]:
    """Read the ports of a target; raises ``ProblemWithoutPlace``."""
    items = text[1:-1].split(",") if text.startswith("{") and text.endswith("}") else [text]
    terms = tuple(_term(item.strip()) for item in items)
    _check_distinct(terms, text)
    return terms


def port_number(text: str) -> int:
    """Read the number of one port; raises ``ProblemWithoutPlace``."""
    if not _NUMBER.fullmatch(text) or int(text) > 65535:
        raise ProblemWithoutPlace(f"'{text}' is not a port", "write a number from 1 to 65535")
    return int(text)


def _term(text: str) -> PortTerm:
    if ends := _RANGE.fullmatch(text):
        return _range(port_number(ends[1]), port_number(ends[2]), text)
    if _NAME.fullmatch(text) and "--" not in text:
        return text
    if not _NUMBER.fullmatch(text) or int(text) > 65535:
        raise ProblemWithoutPlace(f"'{text}' is not a port", _SYNTAX)
    return PortRange(int(text), int(text))


def _range(first: int, last: int, text: str) -> PortRange:
    if first > last:
        raise ProblemWithoutPlace(f"the range {text} ends before it begins", f"write {last}-{first}")
    return PortRange(first, last)


def _check_distinct(terms: tuple[PortTerm, ...], text: str) -> None:
    names = [term for term in terms if isinstance(term, str)]
    ranges = sorted((term for term in terms if isinstance(term, PortRange)), key=lambda term: term.first)
    count = len(names) + sum(len(term.numbers) for term in ranges)
    if count > WIDEST_RANGE:
        raise ProblemWithoutPlace(
            f"'{text}' stands for {count} ports, and each of them is a test",
            f"name the ports that matter, at most {WIDEST_RANGE}",
        )
    overlaps = any(one.last >= other.first for one, other in pairwise(ranges))
    if overlaps or len(set(names)) < len(names):
        raise ProblemWithoutPlace(f"'{text}' has a port twice", "write each port once")
