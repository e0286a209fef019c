"""Why verdicts are undefined, and what would decide each, in words. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from netpol_harness.analysis.describe import OPEN_QUESTIONS, natural_list
from netpol_harness.analysis.predict import Prediction, Predictor
from netpol_harness.analysis.table import VerdictTable
from netpol_harness.oracle.points import OpenPoint
from netpol_harness.oracle.profiles import PROFILES
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Path

MOST_PREDICTED = 500
"""Of how many undefined paths of a table the reasons are looked for."""

DIFFERING = "the verdicts on its connections differ: ask its pods one by one, or let policies treat them alike"
_PAGE = "docs/open-points.md"
_OF_NO_PLUGIN = {
    OpenPoint.NAMESPACE_LABELS: "declare the Namespace with its labels",
    OpenPoint.NOT_KNOWN: "a run on a cluster tells",
}


@dataclass(frozen=True, slots=True)
class OpenReason:
    """A reason, the number of paths of a table that have it, and one of these."""

    text: str
    count: int
    example: Path

    def __str__(self) -> str:
        """Return the line below a table."""
        paths = "path" if self.count == 1 else "paths"
        return f"? {self.count} {paths}, such as {self.example}: {self.text}"


def decided_by(point: OpenPoint) -> str:
    """Return what decides a point: ``--profile calico or embedded decides it``."""
    if point in _OF_NO_PLUGIN:
        return _OF_NO_PLUGIN[point]
    names = [name for name, profile in PROFILES.items() if point in profile.decided]
    if not names:
        return f"no profile decides it, since nobody documents it ({_PAGE})"
    return f"--profile {natural_list(names, 'or')} decides it"


def open_points(prediction: Prediction) -> frozenset[OpenPoint]:
    """Return the points that an undefined verdict depends on."""
    verdicts = (*prediction.lookups, *prediction.connections)
    return frozenset[OpenPoint]().union(*(verdict.points for verdict in verdicts))


def reasons(prediction: Prediction) -> Iterator[str]:
    """Yield why a verdict is undefined, each reason with what would decide it."""
    if doubt := prediction.route.doubt:
        yield f"{doubt}: {doubt.decided_by}"
        return
    points = sorted(open_points(prediction))
    yield from (f"{OPEN_QUESTIONS[point]}: {decided_by(point)}" for point in points)
    if not points:
        yield DIFFERING


def open_reasons(predictor: Predictor, table: VerdictTable) -> tuple[OpenReason, ...]:
    """Return the reasons for the undefined verdicts of a table, the most frequent first."""
    undefined = [path for path, verdict in table.verdicts.items() if verdict is Expected.UNDEFINED]
    paths: dict[str, list[Path]] = {}
    for path in undefined[:MOST_PREDICTED]:
        for text in reasons(predictor.predict(path)):
            paths.setdefault(text, []).append(path)
    found = (OpenReason(text, len(having), having[0]) for text, having in paths.items())
    return tuple(sorted(found, key=lambda reason: -reason.count))
