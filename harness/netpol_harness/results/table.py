"""Findings per path, and the truth table of a step: rows *from*, columns *to*."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter

from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import Expectation
from netpol_harness.results.evidence import Evidence, Judgement, judge_evidence

GLYPHS: Mapping[Outcome, str] = {
    Outcome.CONNECTED: ".",
    Outcome.REFUSED: "X",
    Outcome.TIMED_OUT: "X",
    Outcome.UNREACHABLE: "X",
    Outcome.NAME_FAILED: "X",
    Outcome.PROBE_FAILED: "!",
}
"""One character an outcome: ``.`` allowed, ``X`` blocked, ``!`` probe failed; a cell never asked is ``?``."""

_WORST_FIRST = (
    Judgement.DISAGREES,
    Judgement.FLAPPING,
    Judgement.BROKEN,
    Judgement.UNPROVEN,
    Judgement.AGREES,
)


@dataclass(frozen=True, slots=True)
class PodPairResult:
    """What was really typed for a path: from which pod, to which host and port; and the evidence gathered."""

    source: str
    target: str
    evidence: Evidence


@dataclass(frozen=True, slots=True, repr=False)
class PathResult:
    """All that was seen of one path. A path between workloads with several pods is asked once for every pair of pods.

    ``asked`` is never empty. ``worst`` is the pair of pods that speaks for the path: a sure disagreement before a
    doubt, a doubt before agreement. ``judgement`` is its judgement: a path agrees when every pair of its pods does.
    """

    expectation: Expectation
    asked: tuple[PodPairResult, ...]
    worst: PodPairResult = field(init=False, compare=False)
    judgement: Judgement = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Judge once: a table asks for the judgement of its cells many times."""
        judged = [(_WORST_FIRST.index(judge_evidence(part.evidence)), part) for part in self.asked]
        rank, speaker = min(judged, key=itemgetter(0))
        object.__setattr__(self, "worst", speaker)
        object.__setattr__(self, "judgement", _WORST_FIRST[rank])

    @property
    def source(self) -> str:
        """The left side of the path, as its author spelled it."""
        return self.expectation.path.source_text

    @property
    def target(self) -> str:
        """The right side of the path, as its author spelled it."""
        return self.expectation.path.target_text

    @property
    def expected(self) -> Expected:
        """The word for the path."""
        return self.expectation.expected

    @property
    def outcome(self) -> Outcome:
        """What the worst pair met last."""
        return self.worst.evidence.last.reply.outcome

    @property
    def attempts(self) -> int:
        """How often the worst pair was asked."""
        return len(self.worst.evidence.attempts)

    @property
    def settled_after(self) -> float | None:
        """Seconds from the last change until all pairs had matched for good; ``None`` if one never did."""
        times = [part.evidence.settled_after for part in self.asked]
        return None if None in times else max(time for time in times if time is not None)

    def __str__(self) -> str:
        return self.expectation.path.text

    def __repr__(self) -> str:
        return f"<{self}: {self.judgement}, expected {self.expected}, observed {self.outcome}>"


def worst(path_results: Iterable[PathResult]) -> PathResult:
    """Of several findings for one path the one that speaks for it, the first of equals; ``ValueError`` for none."""
    return min(path_results, key=lambda path_result: _WORST_FIRST.index(path_result.judgement))


@dataclass(frozen=True, slots=True)
class TruthTable:
    """Findings by row (source) and column (target), in order of first appearance."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Mapping[tuple[str, str], PathResult]

    @classmethod
    def of(cls, path_results: Iterable[PathResult]) -> "TruthTable":
        """Arrange findings; two findings for one cell are an error of the caller (``ValueError``)."""
        cells: dict[tuple[str, str], PathResult] = {}
        for path_result in path_results:
            key = (path_result.source, path_result.target)
            if key in cells:
                raise ValueError(f"two findings for {path_result}")
            cells[key] = path_result
        rows, columns = (tuple(dict.fromkeys(key[side] for key in cells)) for side in (0, 1))
        return cls(rows, columns, cells)

    @property
    def wrong(self) -> tuple[PathResult, ...]:
        """Cells that do not agree, in reading order."""
        return tuple(
            path_result for path_result in self.cells.values() if path_result.judgement is not Judgement.AGREES
        )

    def glyph(self, row: str, column: str) -> str:
        """``.``, ``X``, ``!`` or ``?`` as observed; a wrong cell also says what was expected: ``.≠X``."""
        path_result = self.cells.get((row, column))
        if path_result is None:
            return "?"
        seen = GLYPHS[path_result.outcome]
        match path_result.judgement:
            case Judgement.DISAGREES | Judgement.FLAPPING:
                return f"{seen}≠{'.' if path_result.expected is Expected.ALLOWED else 'X'}"
            case Judgement.UNPROVEN:
                return f"{seen}?"
            case _:
                return seen

    def narrowed(self) -> "TruthTable":
        """The rows and columns that hold a wrong cell, for tables too wide to read."""
        wrong = self.wrong
        rows, columns = {path_result.source for path_result in wrong}, {path_result.target for path_result in wrong}
        return TruthTable.of(
            path_result for (row, column), path_result in self.cells.items() if row in rows and column in columns
        )
