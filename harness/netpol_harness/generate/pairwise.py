"""Pairwise selection: few rows out of many, such that two values that are in one row are also in a selected row. Pure.

Most bugs depend on one value or on a combination of two. The selection is greedy and deterministic: next is the row
with the most new pairs; of equal rows the one whose values were selected least so far, which spreads the rows evenly
over every column; then the first.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from itertools import combinations

Row = Sequence[Hashable]
_Cell = tuple[int, Hashable]
_Pair = tuple[_Cell, _Cell]


def pairwise(rows: Sequence[Row]) -> list[int]:
    """Return the indices of the selected rows, in order of selection. All rows have the same columns."""
    numbers: dict[_Pair, int] = {}
    covers = [_bits(row, numbers) for row in rows]
    missing = (1 << len(numbers)) - 1
    selected: list[int] = []
    used: Counter[_Cell] = Counter()
    while missing:
        best = _best([(cover & missing).bit_count() for cover in covers], rows, used)
        selected.append(best)
        used.update(enumerate(rows[best]))
        missing &= ~covers[best]
    return selected


def pairs(row: Row) -> Iterable[_Pair]:
    """Yield every two of a row's values, each with its column."""
    return combinations(enumerate(row), 2)


def _bits(row: Row, numbers: dict[_Pair, int]) -> int:
    """Return the row's pairs as a set of bits; a new pair gets the next number."""
    return sum(1 << numbers.setdefault(pair, len(numbers)) for pair in pairs(row))


def _best(gains: Sequence[int], rows: Sequence[Row], used: Counter[_Cell]) -> int:
    most = max(gains)
    equals = [index for index, gain in enumerate(gains) if gain == most]
    return min(equals, key=lambda index: sum(used[cell] for cell in enumerate(rows[index])))
