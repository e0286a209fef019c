"""The truth table that a step's policies make, without a cluster: who asks, downwards; what is asked, across. Pure."""

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
"""One character a word; a cell that is no path of the scenario, such as a pod's to itself, is empty."""

LEGEND = "   ".join(f"{glyph} {word}" for word, glyph in GLYPHS.items())


@dataclass(frozen=True, slots=True)
class WordTable:
    """Words by row (source) and column (target), in order of first appearance."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    words: Mapping[tuple[str, str], Expected]

    @classmethod
    def of(cls, outlook: Predictor) -> "WordTable":
        """The words for every path of a step; a Service by its name alone: its ClusterIP leads to the same pods."""
        paths = [path for path in every_path(outlook.step) if not isinstance(path.target, ClusterIPTarget)]
        words = {(path.source_text, path.target_text): outlook.word(path) for path in paths}
        rows, columns = (tuple(dict.fromkeys(ends[side] for ends in words)) for side in (0, 1))
        return cls(rows, columns, words)

    def glyph(self, row: str, column: str) -> str:
        """The character of a cell."""
        word = self.words.get((row, column))
        return GLYPHS[word] if word else ""
