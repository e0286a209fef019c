"""The truth table of a step: rows are sources, columns are targets, and each cell is a button."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from netpol_harness.plugin.reports.html.cells import PageCell, pod_of
from netpol_harness.plugin.reports.html.markup import element

MAX_UPRIGHT = 7
"""Columns up to which the heads are horizontal."""


def matrix(cells: Sequence[PageCell]) -> Element:
    """Return the table. Every cell that was probed is a button with the number of its path."""
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
        {"class": "matrix" if len(columns) <= MAX_UPRIGHT else "matrix slanted"},
        element("thead", None, element("tr", None, element("td", {"class": "corner"}, "from \\ to"), *heads)),
        element("tbody", None, *body),
    )


def _in_order_of(rows: Sequence[str], columns: Sequence[str]) -> Sequence[str]:
    """Sort the columns: Services first, then pods in the order of the rows, so that own cells are on the diagonal."""
    indices = {row: number for number, row in enumerate(rows)}
    return sorted(columns, key=lambda column: indices.get(pod_of(column), -1))


def _cell(cell: PageCell | None) -> Element:
    if cell is None:
        return element("td", {"class": "none", "title": "not probed"})
    attributes = {
        "type": "button",
        "data-path": str(cell.number),
        "title": cell.description,
        "aria-label": cell.description,
    }
    return element("td", {"class": cell.state}, element("button", attributes, cell.sign))
