"""The truth table of a step: rows from, columns to, a button for each cell."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from netpol_harness.plugin.reports.html.cells import PageCell, pod_of
from netpol_harness.plugin.reports.html.markup import element

UPRIGHT = 7
"""Columns up to which their heads are written from left to right."""


def matrix(cells: Sequence[PageCell]) -> Element:
    """The table. Every cell that was asked is a button that knows its path's number."""
    rows = list(dict.fromkeys(cell.source for cell in cells))
    columns = _in_order_of(rows, list(dict.fromkeys(cell.target for cell in cells)))
    known = {(cell.source, cell.target): cell for cell in cells}
    heads = [element("th", {"scope": "col"}, element("span", None, name)) for name in columns]
    body = [
        element("tr", None, element("th", {"scope": "row"}, row), *(_cell(known.get((row, to))) for to in columns))
        for row in rows
    ]
    return element(
        "table",
        {"class": "matrix" if len(columns) <= UPRIGHT else "matrix slanted"},
        element("thead", None, element("tr", None, element("td", {"class": "corner"}, "from \\ to"), *heads)),
        element("tbody", None, *body),
    )


def _in_order_of(rows: Sequence[str], columns: Sequence[str]) -> Sequence[str]:
    """Services first, then pods in the order of their own rows, so that a pod's own cell stands on the diagonal."""
    places = {row: number for number, row in enumerate(rows)}
    return sorted(columns, key=lambda column: places.get(pod_of(column), -1))


def _cell(cell: PageCell | None) -> Element:
    if cell is None:
        return element("td", {"class": "none", "title": "not asked"})
    attributes = {"type": "button", "data-path": str(cell.number), "title": cell.told, "aria-label": cell.told}
    return element("td", {"class": cell.state}, element("button", attributes, cell.sign))
