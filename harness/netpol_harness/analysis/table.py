"""The truth table of a step's policies, without a cluster: sources as rows, targets as columns. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from netpol_harness.analysis.paths import SourcesByTarget, every_path
from netpol_harness.analysis.predict import Predictor
from netpol_harness.paths.arrangement import Arrangement
from netpol_harness.paths.ends import ClusterIPTarget
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.path import Path
from netpol_harness.results.asked import Asked
from netpol_harness.results.marks import predicted_mark


@dataclass(frozen=True, slots=True)
class VerdictTable:
    """The predicted verdicts of paths, and the places of their ends in a table."""

    verdicts: Mapping[Path, Expected]
    arrangement: Arrangement

    @classmethod
    def of(cls, predictor: Predictor, only: SourcesByTarget | None = None) -> "VerdictTable":
        """Predict every path of a step, to some pods from the ``only`` sources given for them.

        A Service stands under its name alone: its ClusterIP leads to the same pods.
        """
        paths = [path for path in every_path(predictor.step, only) if not isinstance(path.target, ClusterIPTarget)]
        return cls(predictor.verdicts(paths), Arrangement(predictor.step.inventory))

    @property
    def asked(self) -> Asked:
        """How many paths it has, and how many of them are denied."""
        return Asked.of(self.verdicts.values())

    @property
    def marks(self) -> dict[Path, str]:
        """The mark of every path."""
        return {path: predicted_mark(verdict) for path, verdict in self.verdicts.items()}
