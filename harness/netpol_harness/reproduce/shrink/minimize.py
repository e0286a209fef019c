"""Delta debugging: which units of a whole can be removed while a property holds. Pure.

Source: Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input" (2002), with several candidates
tested at once. The result is minimal by one: no single unit of it can be removed.
"""

from collections.abc import Callable, Sequence

Holds = Callable[[Sequence[frozenset[int]]], Sequence[bool]]
"""Tests sets of removed units at once, and returns for each whether the property still holds without them."""


def removable(count: int, holds: Holds, *, width: int = 4) -> frozenset[int]:
    """Return which of ``count`` units can all be removed. ``width`` candidates are tested at once."""
    removed: frozenset[int] = frozenset()
    everything = frozenset(range(count))
    if not count:
        return removed
    size = -(-count // 2)
    chunks = _chunks(range(count), size) if count > 1 and width > 1 else []  # most likely needed if not all can go
    if holds([everything, *chunks])[0]:
        return everything
    while True:
        before = removed
        removed = _pass(sorted(everything - removed), size, removed, holds, width)
        if size > 1:
            size = -(-size // 2)
        elif removed == before:
            return removed


def _pass(kept: Sequence[int], size: int, removed: frozenset[int], holds: Holds, width: int) -> frozenset[int]:
    """Try to remove each chunk of the units that are kept; return all that are removed then."""
    chunks = _chunks(kept, size)
    for start in range(0, len(chunks), width):
        batch = chunks[start : start + width]
        results = holds([removed | chunk for chunk in batch])
        good = [chunk for chunk, result in zip(batch, results, strict=True) if result]
        removed = _joined(good, removed, holds)
    return removed


def _chunks(units: Sequence[int], size: int) -> list[frozenset[int]]:
    return [frozenset(units[start : start + size]) for start in range(0, len(units), size)]


def _joined(good: Sequence[frozenset[int]], removed: frozenset[int], holds: Holds) -> frozenset[int]:
    """Remove chunks that can be removed one by one: all of them if that holds, else as many as can go together."""
    if len(good) < 2:
        return removed.union(*good)
    if holds([removed.union(*good)])[0]:
        return removed.union(*good)
    removed |= good[0]
    for chunk in good[1:]:
        removed = removed | chunk if holds([removed | chunk])[0] else removed
    return removed
