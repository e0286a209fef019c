"""Who reaches whom, as a drawing: sources on the left, targets on the right, a line where a connection came about.

Sources that meet the same with every target are one box, and so are targets: a world of many pods stays readable.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from netpol_harness.plugin.reports.html.cells import PageCell, State, pod_of
from netpol_harness.plugin.reports.html.markup import element

MOST_LINES = 300
"""Lines that an eye can follow; of more, only those that are wrong are drawn."""

MOST_BOXES = 40
"""Boxes up to which also those are drawn from which nothing is reached."""

_BAD = (State.WRONG, State.DOUBT)
_NAMES = 4  # names that a box shows
_WIDTH, _BOX, _LINE, _PAD, _GAP = 760, 250, 16, 8, 12
_LETTERS = 33  # characters that fit into a box


Row = dict[str, tuple[object, ...]]
"""What a name meets with each of the others."""


@dataclass(frozen=True, slots=True)
class GraphGroup:
    """Names that behave alike, one box."""

    names: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The lines of the box."""
        left = len(self.names) - _NAMES
        return (*self.names[:_NAMES], f"and {left} more") if left > 0 else self.names

    @property
    def height(self) -> int:
        """In pixels."""
        return _LINE * len(self.labels) + _PAD


@dataclass(frozen=True, slots=True)
class Edge:
    """A line between two boxes; ``cell`` is one of those that it stands for, the others are like it."""

    source: GraphGroup
    target: GraphGroup
    cell: PageCell


def groups(cells: Sequence[PageCell], *, by_source: bool) -> tuple[GraphGroup, ...]:
    """The sources, or the targets, joined where all of their cells are alike; a pod is not asked about itself."""
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
    """Whether two rows say the same. A cell may be missing in one of them where it would be of a pod and itself."""
    for there in row.keys() ^ known.keys():
        lacking = [name] if there in known else names
        if len(lacking) > 1 or pod_of(there) != pod_of(lacking[0]):
            return False
    shared = row.keys() & known.keys()
    return bool(shared) and all(row[there] == known[there] for there in shared)


def edges(cells: Sequence[PageCell], sources: Sequence[GraphGroup], targets: Sequence[GraphGroup]) -> tuple[Edge, ...]:
    """What is drawn: connections, and whatever is wrong; of too many, only what is wrong."""
    left, right = _homes(sources), _homes(targets)
    found = {(left[c.source], right[c.target]): c for c in cells if c.reaches or c.state in _BAD}
    made = tuple(Edge(source, target, cell) for (source, target), cell in found.items())
    return made if len(made) <= MOST_LINES else tuple(edge for edge in made if edge.cell.state in _BAD)


def drawing(cells: Sequence[PageCell], title: str) -> Element:
    """The drawing of a step, an ``svg``. In one of many boxes, those without a line are left out."""
    sources, targets = groups(cells, by_source=True), groups(cells, by_source=False)
    lines = edges(cells, sources, targets)
    if len(sources) + len(targets) > MOST_BOXES:
        sources = tuple(dict.fromkeys(edge.source for edge in lines))
        targets = tuple(dict.fromkeys(edge.target for edge in lines))
    left, right = _places(sources), _places(targets)
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


def _homes(boxes: Sequence[GraphGroup]) -> Mapping[str, GraphGroup]:
    return {name: group for group in boxes for name in group.names}


def _places(boxes: Sequence[GraphGroup]) -> Mapping[GraphGroup, int]:
    """The top of each box."""
    places, top = {}, _GAP
    for group in boxes:
        places[group] = top
        top += group.height + _GAP
    return places


def _bottom(places: Mapping[GraphGroup, int]) -> int:
    return max((top + group.height for group, top in places.items()), default=0) + _GAP


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
        element("title", None, _told(edge)),
    )


def _told(edge: Edge) -> str:
    count = len(edge.source.names) * len(edge.target.names)
    return edge.cell.told + (f" (and {count - 1} like it)" if count > 1 else "")


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
