"""A drawing of a step's connections: sources on the left, targets on the right, and a line for each connection.

Sources with the same results for every target share a box, and so do targets, so that many pods stay readable.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from netpol_harness.plugin.reports.html.cells import PageCell, State, pod_of
from netpol_harness.plugin.reports.html.markup import element

MAX_LINES = 300
"""Lines that a reader can follow; if there are more, only the wrong ones are drawn."""

MAX_BOXES = 40
"""If there are more boxes, those without a line are left out."""

_BAD = (State.WRONG, State.DOUBT)
_NAMES = 4  # names in a box
_WIDTH, _BOX, _LINE, _PAD, _GAP = 760, 250, 16, 8, 12
_LETTERS = 33  # characters that fit into a box


Row = dict[str, tuple[object, ...]]
"""The results of one source by target, or of one target by source."""


@dataclass(frozen=True, slots=True)
class GraphGroup:
    """Names with the same results, drawn as one box."""

    names: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The lines of the box."""
        hidden = len(self.names) - _NAMES
        return (*self.names[:_NAMES], f"and {hidden} more") if hidden > 0 else self.names

    @property
    def height(self) -> int:
        """The height of the box in pixels."""
        return _LINE * len(self.labels) + _PAD


@dataclass(frozen=True, slots=True)
class Edge:
    """A line between two boxes. ``cell`` is one of the cells that it stands for; the others are equal."""

    source: GraphGroup
    target: GraphGroup
    cell: PageCell


def groups(cells: Sequence[PageCell], *, by_source: bool) -> tuple[GraphGroup, ...]:
    """Group the sources, or the targets, whose cells are all equal; a pod's own cell, which is missing, fits any."""
    rows: dict[str, Row] = {}
    for cell in cells:
        here, there = (cell.source, cell.target) if by_source else (cell.target, cell.source)
        rows.setdefault(here, {})[there] = (cell.state, cell.reaches, cell.expected == "undefined")
    joined: list[tuple[list[str], Row]] = []
    for name, row in rows.items():
        for names, known in joined:
            if _are_alike(name, row, names, known):
                names.append(name)
                known.update(row)
                break
        else:
            joined.append(([name], dict(row)))
    return tuple(GraphGroup(tuple(names)) for names, _ in joined)


def _are_alike(name: str, row: Row, names: Sequence[str], known: Row) -> bool:
    """Return whether two rows are equal. A cell that one of them lacks must be that of a pod with itself."""
    for there in row.keys() ^ known.keys():
        lacking = [name] if there in known else names
        if len(lacking) > 1 or pod_of(there) != pod_of(lacking[0]):
            return False
    shared = row.keys() & known.keys()
    return bool(shared) and all(row[there] == known[there] for there in shared)


def edges(cells: Sequence[PageCell], sources: Sequence[GraphGroup], targets: Sequence[GraphGroup]) -> tuple[Edge, ...]:
    """Return a line for each connection and each wrong cell; only the wrong ones if there are too many."""
    left, right = _groups_by_name(sources), _groups_by_name(targets)
    cells_by_ends = {(left[c.source], right[c.target]): c for c in cells if c.reaches or c.state in _BAD}
    all_edges = tuple(Edge(source, target, cell) for (source, target), cell in cells_by_ends.items())
    return all_edges if len(all_edges) <= MAX_LINES else tuple(edge for edge in all_edges if edge.cell.state in _BAD)


def drawing(cells: Sequence[PageCell], title: str) -> Element:
    """Return the drawing of a step, an ``svg`` element."""
    sources, targets = groups(cells, by_source=True), groups(cells, by_source=False)
    lines = edges(cells, sources, targets)
    if len(sources) + len(targets) > MAX_BOXES:
        sources = tuple(dict.fromkeys(edge.source for edge in lines))
        targets = tuple(dict.fromkeys(edge.target for edge in lines))
    left, right = _tops(sources), _tops(targets)
    height = max(_bottom(left), _bottom(right))
    wrong_last = sorted(lines, key=lambda edge: edge.cell.state in _BAD)
    return element(
        "svg",
        {"viewBox": f"0 0 {_WIDTH} {height}", "width": str(_WIDTH), "role": "img", "class": "graph"},
        element("title", None, title),
        *(_line(edge, left[edge.source], right[edge.target]) for edge in wrong_last),
        *(_box(group, 0, top) for group, top in left.items()),
        *(_box(group, _WIDTH - _BOX, top) for group, top in right.items()),
    )


def _groups_by_name(boxes: Sequence[GraphGroup]) -> Mapping[str, GraphGroup]:
    return {name: group for group in boxes for name in group.names}


def _tops(boxes: Sequence[GraphGroup]) -> Mapping[GraphGroup, int]:
    """Return the y coordinate of the top of each box."""
    tops, top = {}, _GAP
    for group in boxes:
        tops[group] = top
        top += group.height + _GAP
    return tops


def _bottom(tops: Mapping[GraphGroup, int]) -> int:
    return max((top + group.height for group, top in tops.items()), default=0) + _GAP


def _line(edge: Edge, left: int, right: int) -> Element:
    start, end = left + edge.source.height // 2, right + edge.target.height // 2
    near, far = _BOX, _WIDTH - _BOX
    bend = (far - near) // 2
    reaches = "reaches" if edge.cell.reaches else "missed"
    return element(
        "path",
        {
            "d": f"M{near} {start} C{near + bend} {start} {far - bend} {end} {far} {end}",
            "class": f"edge {edge.cell.state} {reaches}",
            "data-path": str(edge.cell.number),
        },
        element("title", None, _tool_tip(edge)),
    )


def _tool_tip(edge: Edge) -> str:
    count = len(edge.source.names) * len(edge.target.names)
    return edge.cell.description + (f" (and {count - 1} like it)" if count > 1 else "")


def _box(group: GraphGroup, left: int, top: int) -> Element:
    return element(
        "g",
        {"class": "box"},
        element("title", None, "\n".join(group.names)),
        element(
            "rect",
            {"x": str(left + 1), "y": str(top), "width": str(_BOX - 2), "height": str(group.height), "rx": "5"},
        ),
        *_labels(group, left, top),
    )


def _labels(group: GraphGroup, left: int, top: int) -> Iterator[Element]:
    for number, name in enumerate(group.labels):
        short = name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"
        yield element("text", {"x": str(left + 10), "y": str(top + _LINE * (number + 1))}, short)
