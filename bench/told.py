"""How long a closed world takes to be told: from the evidence of its cells to the message and the table. No cluster."""

import time

from netpol_harness.model.names import NamespacedName
from netpol_harness.paths.ends import PodSource, PodTarget
from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import Expectation, Path, Scheme
from netpol_harness.report import render
from netpol_harness.report.story import Story
from netpol_harness.report.world import world_story
from netpol_harness.results.evidence import Attempt, Evidence, Reply
from netpol_harness.results.table import PathResult, PodPairResult, TruthTable

SIZES = (12, 25, 50, 100)
PORT = 8080


def told(pods: int, *, red: bool) -> float:
    """Seconds to tell of all pairs of this many pods: all cells as expected, or none."""
    evidence = [(source, target, _evidence(red=red)) for source, target in _pairs(pods)]
    start = time.perf_counter()
    path_results = [_finding(*cell) for cell in evidence]
    table = TruthTable.of(path_results)
    if table.wrong:
        world_story(path_results, Story("", ""))
    render(table)
    return time.perf_counter() - start


def _pairs(pods: int) -> list[tuple[str, str]]:
    names = [f"pod-{number}" for number in range(pods)]
    return [(source, target) for source in names for target in names if source != target]


def _finding(source: str, target: str, evidence: Evidence) -> PathResult:
    spelled = f"{target}:{PORT}"
    ends = PodSource(NamespacedName("default", source)), PodTarget(NamespacedName("default", target), PORT)
    path = Path(ends[0], Scheme.TCP, ends[1], source, spelled)
    return PathResult(
        Expectation(path, evidence.expected, "scenario.yaml:1"), (PodPairResult(source, spelled, evidence),)
    )


def _evidence(*, red: bool) -> Evidence:
    """Three attempts at a path that should be allowed."""
    reply = Reply(Outcome.TIMED_OUT if red else Outcome.CONNECTED, "", "agent", f"nc -vz -w 1 10.244.0.1 {PORT}")
    return Evidence(Expected.ALLOWED, tuple(Attempt(0.5 * number, reply) for number in range(3)))
