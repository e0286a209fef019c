"""Labels of rows and columns, short enough for their room, and the key that lists what they stand for."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from textwrap import fill
from typing import Any

from netpol_harness.escape import one_line
from netpol_harness.report.layout.grid import Grid, Names
from netpol_harness.report.layout.sheet import shortened

FOLDED = "Folded together, because all cells but their own are equal:"
CUT = "In full:"

_HANGING: Mapping[str, Any] = {"initial_indent": "  ", "subsequent_indent": "      ", "break_on_hyphens": False}


def labels_of(several: Sequence[Names]) -> list[str]:
    """Return ``web``, or ``web +3`` if it stands for four."""
    return [one_line(names[0].text) + (f" +{len(names) - 1}" if len(names) > 1 else "") for names in several]


def fitted(labels: Sequence[str], rooms: Sequence[int]) -> list[str]:
    """Shorten each label to its room, so that all are different."""
    taken: set[str] = set()
    result = []
    for number, (label, room) in enumerate(zip(labels, rooms, strict=True), 1):
        short = shortened(label, room)
        if short in taken:
            short = shortened(label, room, str(number))
        taken.add(short)
        result.append(short)
    return result


def folds(several: Sequence[Names]) -> list[str]:
    """Return ``web +1 = web, api`` for each head that stands for several names."""
    entries = zip(labels_of(several), several, strict=True)
    return list(dict.fromkeys(_listed(label, names) for label, names in entries if len(names) > 1))


def key(grid: Grid, rows: Sequence[str], columns: Sequence[str], width: int) -> Iterator[str]:
    """Yield the lines that say which names are folded together, and which labels are cut."""
    several = [*grid.rows, *grid.columns]
    labels = [*rows, *columns]
    folded = [_listed(label, names) for label, names in zip(labels, several, strict=True) if len(names) > 1]
    cut = [
        _listed(label, names)
        for label, whole, names in zip(labels, labels_of(several), several, strict=True)
        if label != whole and len(names) == 1
    ]
    for title, entries in ((FOLDED, folded), (CUT, cut)):
        if entries:
            yield fill(title, width)
        yield from (fill(entry, width, **_HANGING) for entry in dict.fromkeys(entries))


def _listed(label: str, names: Names) -> str:
    """Return ``web +1 = web, api``, or with groups ``web +2 = shop: web, api; edge: proxy``."""
    grouped = groupby(names, attrgetter("group"))
    parts = ((group, ", ".join(one_line(name.text) for name in same)) for group, same in grouped)
    return f"{label} = " + "; ".join(f"{group}: {listed}" if group else listed for group, listed in parts)
