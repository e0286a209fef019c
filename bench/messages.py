"""The time to report a closed world: from the evidence of its cells to the message and the table. Needs no cluster."""

import time

from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.ends import PodSource, PodTarget
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import Expectation, Path, Scheme
from netpol_harness.report.closed_world import closed_world_message
from netpol_harness.report.layout import draw
from netpol_harness.report.message import FailureMessage
from netpol_harness.report.table import observed_grid
from netpol_harness.results.evidence import Attempt, Evidence, Reply
from netpol_harness.results.table import PathResult, PodPairResult, TruthTable

SIZES = (12, 25, 50, 100)
PORT = 8080


def report(pods: int, *, red: bool) -> float:
    """Return the seconds to report all pairs of so many pods; ``red``: no cell is as expected, else all are."""
    evidence = [(source, target, _evidence(red=red)) for source, target in _pairs(pods)]
    start = time.perf_counter()
    path_results = [_path_result(*cell) for cell in evidence]
    table = TruthTable.of(path_results)
    if table.wrong:
        closed_world_message(path_results, FailureMessage("", ""))
    draw(observed_grid(table))
    return time.perf_counter() - start


def _pairs(pods: int) -> list[tuple[str, str]]:
    names = [f"pod-{number}" for number in range(pods)]
    return [(source, target) for source in names for target in names if source != target]


def _path_result(source: str, target: str, evidence: Evidence) -> PathResult:
    text = f"{target}:{PORT}"
    ends = PodSource(NamespacedName("default", source)), PodTarget(NamespacedName("default", target), PORT)
    path = Path(ends[0], Scheme.TCP, ends[1], source, text)
    return PathResult(Expectation(path, evidence.expected, "scenario.yaml:1"), (PodPairResult(source, text, evidence),))


def _evidence(*, red: bool) -> Evidence:
    """Return three attempts at a path that should be allowed."""
    reply = Reply(Outcome.TIMED_OUT if red else Outcome.CONNECTED, "", "agent", f"nc -vz -w 1 10.244.0.1 {PORT}")
    return Evidence(Expected.ALLOWED, tuple(Attempt(0.5 * number, reply) for number in range(3)))
