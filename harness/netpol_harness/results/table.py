"""Results of paths, and the truth table of a step with a row per source and a column per target. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter

from netpol_harness.paths.outcome import Expected, Outcome
from netpol_harness.paths.path import Expectation, Path
from netpol_harness.results.evidence import Evidence, Judgement, judge_evidence
from netpol_harness.results.marks import observed_mark

_WORST_FIRST = (
    Judgement.DISAGREES,
    Judgement.FLAPPING,
    Judgement.BROKEN,
    Judgement.UNPROVEN,
    Judgement.AGREES,
)


@dataclass(frozen=True, slots=True)
class PodPairResult:
    """The evidence of one pair of ends of a path.

    ``source`` is the pod that probed, as ``namespace/name`` on the cluster. ``target`` is what was typed there: a host
    or address, and the port if there is one.
    """

    source: str
    target: str
    evidence: Evidence


@dataclass(frozen=True, slots=True, repr=False)
class PathResult:
    """The result of one path, with one ``PodPairResult`` for every pod of the source and every address of the target.

    ``pairs`` is never empty. ``worst`` is the pair that decides for the path: disagreement comes before doubt, and
    doubt before agreement. ``judgement`` is that pair's judgement, so a path agrees only if every pair agrees.
    """

    expectation: Expectation
    pairs: tuple[PodPairResult, ...]
    worst: PodPairResult = field(init=False, compare=False)
    judgement: Judgement = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Judge once: a table reads the judgement of its cells many times."""
        ranked = [(_WORST_FIRST.index(judge_evidence(pair.evidence)), pair) for pair in self.pairs]
        rank, worst_pair = min(ranked, key=itemgetter(0))
        object.__setattr__(self, "worst", worst_pair)
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
        """The expected verdict."""
        return self.expectation.expected

    @property
    def outcome(self) -> Outcome:
        """The outcome of the worst pair's decisive attempt."""
        return self.worst.evidence.decisive.reply.outcome

    @property
    def wrong_outcome(self) -> Outcome:
        """The last outcome of the worst pair that is not as expected: a path that flaps may end as expected.

        It is that of the decisive attempt if all are as expected.
        """
        outcomes = (attempt.reply.outcome for attempt in reversed(self.worst.evidence.attempts))
        return next((outcome for outcome in outcomes if not self.expected.admits(outcome)), self.outcome)

    @property
    def mark(self) -> str:
        """The mark in a truth table."""
        return observed_mark(self.outcome, self.expected, self.judgement)

    @property
    def attempts(self) -> int:
        """The number of attempts of the worst pair."""
        return len(self.worst.evidence.attempts)

    @property
    def settled_after(self) -> float | None:
        """Seconds from the last change until all pairs matched and kept matching; ``None`` if one did not."""
        times = [pair.evidence.settled_after for pair in self.pairs]
        return None if None in times else max(time for time in times if time is not None)

    def __str__(self) -> str:
        return self.expectation.path.text

    def __repr__(self) -> str:
        return f"<{self}: {self.judgement}, expected {self.expected}, observed {self.outcome}>"


def worst(path_results: Iterable[PathResult]) -> PathResult:
    """Return the worst of several results of one path, the first of equals; ``ValueError`` if there are none."""
    return min(path_results, key=lambda path_result: _WORST_FIRST.index(path_result.judgement))


@dataclass(frozen=True, slots=True)
class TruthTable:
    """Results by row (source) and column (target), in order of first appearance."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Mapping[tuple[str, str], PathResult]

    @classmethod
    def of(cls, path_results: Iterable[PathResult]) -> "TruthTable":
        """Arrange results; two results for one cell are an error of the caller (``ValueError``)."""
        cells: dict[tuple[str, str], PathResult] = {}
        for path_result in path_results:
            key = (path_result.source, path_result.target)
            if key in cells:
                raise ValueError(f"two results for {path_result}")
            cells[key] = path_result
        rows, columns = (tuple(dict.fromkeys(key[side] for key in cells)) for side in (0, 1))
        return cls(rows, columns, cells)

    @property
    def wrong(self) -> tuple[PathResult, ...]:
        """Cells that do not agree, in reading order."""
        return tuple(
            path_result for path_result in self.cells.values() if path_result.judgement is not Judgement.AGREES
        )

    @property
    def marks(self) -> dict[Path, str]:
        """The mark of every cell, by its path."""
        return {path_result.expectation.path: path_result.mark for path_result in self.cells.values()}

    def narrowed(self) -> "TruthTable":
        """Return only the rows and columns that have a wrong cell, for tables too wide to read."""
        wrong = self.wrong
        rows, columns = {path_result.source for path_result in wrong}, {path_result.target for path_result in wrong}
        return TruthTable.of(
            path_result for (row, column), path_result in self.cells.items() if row in rows and column in columns
        )
