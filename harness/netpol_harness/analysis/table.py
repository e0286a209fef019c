"""The truth table of a step's policies, without a cluster: sources as rows, targets as columns. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from netpol_harness.analysis.paths import every_path
from netpol_harness.analysis.predict import Predictor
from netpol_harness.paths.ends import ClusterIPTarget
from netpol_harness.paths.outcome import Expected

GLYPHS: Mapping[Expected, str] = {
    Expected.ALLOWED: ".",
    Expected.BLOCKED: "X",
    Expected.UNRESOLVED: "N",
    Expected.UNDEFINED: "?",
}
"""One character for each verdict; a cell that is not a path of the scenario, such as a pod to itself, is empty."""

LEGEND = "   ".join(f"{glyph} {verdict}" for verdict, glyph in GLYPHS.items())


@dataclass(frozen=True, slots=True)
class VerdictTable:
    """Verdicts by row (source) and column (target), in order of first appearance."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    verdicts: Mapping[tuple[str, str], Expected]

    @classmethod
    def of(cls, predictor: Predictor) -> "VerdictTable":
        """Predict every path of a step. A Service stands under its name alone: its ClusterIP leads to the same pods."""
        paths = [path for path in every_path(predictor.step) if not isinstance(path.target, ClusterIPTarget)]
        verdicts = {(path.source_text, path.target_text): predictor.verdict(path) for path in paths}
        rows, columns = (tuple(dict.fromkeys(ends[side] for ends in verdicts)) for side in (0, 1))
        return cls(rows, columns, verdicts)

    def glyph(self, row: str, column: str) -> str:
        """Return the character of a cell."""
        verdict = self.verdicts.get((row, column))
        return GLYPHS[verdict] if verdict else ""
