"""A path with its prediction, and what its author wants. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from netpol_harness.analysis.display_names import DisplayNames
from netpol_harness.analysis.predict import Prediction, Predictor, broad_verdict
from netpol_harness.model.names import Direction, NamespacedName
from netpol_harness.model.policy import NetworkPolicy
from netpol_harness.oracle.verdict import Answer, Flow, Side
from netpol_harness.paths.outcome import Expected
from netpol_harness.scenario.scenario import Manifest


@dataclass(frozen=True, slots=True)
class CauseContext:
    """A path and its prediction. ``unused`` are policies that no step names.

    ``expected`` is the verdict that the author wants, ``None`` if it is not known.
    """

    predictor: Predictor
    prediction: Prediction
    names: DisplayNames
    expected: Expected | None
    unused: tuple[Manifest, ...] = ()

    @classmethod
    def of(
        cls,
        predictor: Predictor,
        prediction: Prediction,
        names: DisplayNames,
        unused: tuple[Manifest, ...] = (),
        expected: Expected | None = None,
    ) -> "CauseContext":
        """Return the context, by default with the verdict that the step expects; DROPPED and REJECTED are BLOCKED."""
        written = (e.expected for e in predictor.step.expectations if e.path == prediction.path)
        wanted = expected or next(written, None)
        return cls(predictor, prediction, names, broad_verdict(wanted) if wanted else None, unused)

    @property
    def is_surprising(self) -> bool:
        """Whether the author wants another verdict, or it is not known which."""
        return self.expected is not self.prediction.verdict

    def sides(self, answer: Answer) -> Iterator[tuple[Flow, Side]]:
        """Yield the sides of the path's connections that have this answer."""
        for verdict in self.prediction.connections:
            yield from ((verdict.flow, side) for side in (verdict.egress, verdict.ingress) if side.answer is answer)

    def policy(self, ref: NamespacedName) -> NetworkPolicy:
        """Return a policy in force."""
        return next(policy for policy in self.predictor.world.policies if policy.ref == ref)

    def rule_name(self, ref: NamespacedName, direction: Direction, index: int) -> str:
        """Return ``rule 1 (file:line) of db-policy``."""
        return f"{self.names.rule(self.policy(ref), direction, index)} of {ref.name}"
