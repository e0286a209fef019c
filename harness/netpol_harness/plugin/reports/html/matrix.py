"""The truth table of a step: rows are sources, columns are targets, and each cell is a button.

A wide table is shown twice: with equal rows and columns folded, and whole.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, product
from typing import Any
from xml.etree.ElementTree import Element

from netpol_harness.plugin.reports.html.cells import PageCell
from netpol_harness.plugin.reports.html.markup import element
from netpol_harness.report.layout.grid import WIDE, Name, Names, group_of
from netpol_harness.report.layout.labels import folds, labels_of

MAX_UPRIGHT = 7
"""Columns up to which the heads are horizontal."""

_SIDES = ("sources", "targets")


class Matrix:
    """The cells of a step, and the layout of its table as in the step's file."""

    def __init__(self, layout: Mapping[str, Any], cells: Sequence[PageCell]) -> None:
        self._layout = layout
        self._cells = {(cell.source, cell.target): cell for cell in cells}
        self._groups = {entry["name"]: entry["group"] for entry in (*layout["sources"], *layout["targets"])}

    def elements(self) -> Iterator[Element]:
        """Yield the table; if it is wide, the folded one, what it folds, and the whole one to be opened."""
        whole = self._table(*(self._heads([entry["name"]] for entry in self._layout[side]) for side in _SIDES))
        if len(self._layout["targets"]) <= WIDE:
            yield whole
            return
        rows, columns = (self._heads(self._layout["folded"][side]) for side in _SIDES)
        yield self._table(rows, columns)
        yield element("ul", {"class": "folds"}, *(element("li", None, entry) for entry in folds([*rows, *columns])))
        yield element("details", None, element("summary", None, "unfolded"), whole)

    def _heads(self, several: Iterable[Sequence[str]]) -> list[Names]:
        return [tuple(Name(text, self._groups[text]) for text in names) for names in several]

    def _table(self, rows: Sequence[Names], columns: Sequence[Names]) -> Element:
        heads = [element("th", {"scope": "col"}, element("span", None, label)) for label in labels_of(columns)]
        corner = element("td", {"class": "corner"}, "from \\ to")
        return element(
            "table",
            {"class": "matrix" if len(columns) <= MAX_UPRIGHT else "matrix slanted"},
            element("thead", None, *_column_groups(columns), element("tr", None, corner, *heads)),
            element("tbody", None, *self._rows(rows, columns)),
        )

    def _rows(self, rows: Sequence[Names], columns: Sequence[Names]) -> Iterator[Element]:
        for group, same in groupby(rows, group_of):
            if group:
                head = element("th", {"scope": "rowgroup", "colspan": str(len(columns) + 1)}, group)
                yield element("tr", {"class": "groups"}, head)
            members = [*same]
            for names, label in zip(members, labels_of(members), strict=True):
                cells = (_cell([*self._members(names, targets)]) for targets in columns)
                yield element("tr", None, element("th", {"scope": "row"}, label), *cells)

    def _members(self, sources: Names, targets: Names) -> Iterator[PageCell]:
        ends = ((source.text, target.text) for source, target in product(sources, targets))
        return (self._cells[pair] for pair in ends if pair in self._cells)


def _column_groups(columns: Sequence[Names]) -> Iterator[Element]:
    groups = [(group, len([*same])) for group, same in groupby(map(group_of, columns))]
    if any(group for group, _ in groups):
        heads = (element("th", {"scope": "colgroup", "colspan": str(size)}, group) for group, size in groups)
        yield element("tr", {"class": "groups"}, element("td", None), *heads)


def _cell(members: Sequence[PageCell]) -> Element:
    if not members:
        return element("td", {"class": "none", "title": "not probed"})
    cell, more = members[0], len(members) - 1
    description = cell.description + (f" (and {more} like it)" if more else "")
    attributes = {
        "type": "button",
        "data-path": str(cell.number),
        "title": description,
        "aria-label": description,
    }
    return element("td", {"class": cell.state}, element("button", attributes, cell.sign))
