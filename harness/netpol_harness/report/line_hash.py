"""The hash of a line by which GitHub's code scanning tells alerts apart: ``primaryLocationLineHash``.

It is the only fingerprint that GitHub reads (its page "SARIF support for code scanning"). Its action ``upload-sarif``
computes it where it lacks, and warns where it differs (github/codeql-action, src/fingerprints.ts). Uploads through the
API have no hash but this one. Pure.
"""

from collections import Counter
from collections.abc import Mapping

_WINDOW = 100
"""So many characters from a line's start count, without spaces and tabs. They may reach into the lines after it."""
_BASE = 37
_MASK = 2**64 - 1
_END = 0xFFFF
"""Stands for the end of the file."""


def line_hashes(text: str) -> Mapping[int, str]:
    """Return the hash of each line by its number from 1. Equal lines are counted: ``HASH:1``, ``HASH:2``.

    ``text`` is the whole file with its own ends of lines.
    """
    kept = text.replace("\r\n", "\n").replace("\r", "\n").replace(" ", "").replace("\t", "")
    units = [*memoryview(kept.encode("utf-16-le", "surrogatepass")).cast("H"), _END]
    starts = [0, *(n + 1 for n, unit in enumerate(units) if unit == ord("\n"))]
    seen: Counter[int] = Counter()
    hashes: dict[int, str] = {}
    for line, start in enumerate(starts, 1):
        value = _hash(units[start : start + _WINDOW])
        seen[value] += 1
        hashes[line] = f"{value:x}:{seen[value]}"
    return hashes


def _hash(units: list[int]) -> int:
    """Return the polynomial of the window, which zeros fill up, modulo 2**64."""
    value = 0
    for unit in units:
        value = (value * _BASE + unit) & _MASK
    return value * pow(_BASE, _WINDOW - len(units), _MASK + 1) & _MASK
