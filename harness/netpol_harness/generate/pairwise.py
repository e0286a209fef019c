"""All pairs: few rows out of many, so that any two values that meet in some row also meet in a chosen one. PURE.

Most bugs need one value or the meeting of two. Greedy, and deterministic: the row that brings the most new pairs; of
equals the one whose values were chosen least so far, which spreads the rows evenly over every column; then the first.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from itertools import combinations

Row = Sequence[Hashable]
_Cell = tuple[int, Hashable]
_Pair = tuple[_Cell, _Cell]


def pairwise(rows: Sequence[Row]) -> list[int]:
    """The positions of the chosen rows, in the order in which they were chosen. All rows have the same columns."""
    numbers: dict[_Pair, int] = {}
    covers = [_bits(row, numbers) for row in rows]
    missing = (1 << len(numbers)) - 1
    chosen: list[int] = []
    used: Counter[_Cell] = Counter()
    while missing:
        best = _best([(cover & missing).bit_count() for cover in covers], rows, used)
        chosen.append(best)
        used.update(enumerate(rows[best]))
        missing &= ~covers[best]
    return chosen


def pairs(row: Row) -> Iterable[_Pair]:
    """Every two of a row's values, each with its column."""
    return combinations(enumerate(row), 2)


def _bits(row: Row, numbers: dict[_Pair, int]) -> int:
    """The row's pairs as a set of bits; a new pair gets the next number."""
    return sum(1 << numbers.setdefault(pair, len(numbers)) for pair in pairs(row))


def _best(gains: Sequence[int], rows: Sequence[Row], used: Counter[_Cell]) -> int:
    most = max(gains)
    equals = [position for position, gain in enumerate(gains) if gain == most]
    return min(equals, key=lambda position: sum(used[cell] for cell in enumerate(rows[position])))
