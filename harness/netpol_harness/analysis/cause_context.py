"""A path with its prediction, and the verdicts that it would have under other policies. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from netpol_harness.analysis.display_names import DisplayNames
from netpol_harness.analysis.predict import Prediction, Predictor, broad_verdict
from netpol_harness.model.names import Direction, NamespacedName
from netpol_harness.model.policy import NetworkPolicy, Rule
from netpol_harness.oracle.verdict import Answer, Flow, Side
from netpol_harness.paths.outcome import Expected
from netpol_harness.scenario.scenario import Manifest


@dataclass(frozen=True, slots=True)
class CauseContext:
    """A path and its prediction. ``unused`` are policies that no step names."""

    predictor: Predictor
    prediction: Prediction
    names: DisplayNames
    unused: tuple[Manifest, ...] = ()

    @property
    def expected(self) -> Expected | None:
        """The author's verdict, with BLOCKED for DROPPED and REJECTED; ``None`` if the author wrote none."""
        expectations = self.predictor.step.expectations
        return next((broad_verdict(e.expected) for e in expectations if e.path == self.prediction.path), None)

    @property
    def is_surprising(self) -> bool:
        """Whether the author wrote another verdict, or none."""
        return self.expected is not self.prediction.verdict

    def sides(self, answer: Answer) -> Iterator[tuple[Flow, Side]]:
        """Yield the sides of the path's connections that have this answer."""
        for verdict in self.prediction.connections:
            yield from ((verdict.flow, side) for side in (verdict.egress, verdict.ingress) if side.answer is answer)

    def policies(self, refs: Iterable[NamespacedName]) -> Iterator[NetworkPolicy]:
        """Yield the policies in force with these names."""
        selected = set(refs)
        yield from (policy for policy in self.predictor.world.policies if policy.ref in selected)

    def rules(self, side: Side) -> Iterator[tuple[NetworkPolicy, int, Rule]]:
        """Yield the rules of the policies that isolate a side's subject, with their indexes."""
        for policy in self.policies(side.isolating):
            yield from ((policy, index, rule) for index, rule in enumerate(policy.rules(side.direction)))

    def rule_name(self, policy: NetworkPolicy, direction: Direction, index: int) -> str:
        """Return ``rule 1 (file:line) of db-policy``."""
        return f"{self.names.rule(policy, direction, index)} of {policy.ref.name}"

    def verdict_with(self, policy: NetworkPolicy) -> Expected:
        """Return the path's verdict if this policy were in force, in place of the one of its name."""
        others = [other for other in self.predictor.world.policies if other.ref != policy.ref]
        return self.predictor.with_policies((*others, policy)).verdict(self.prediction.path)

    def changes_with(self, policy: NetworkPolicy, direction: Direction, rules: Iterable[Rule]) -> bool:
        """Whether the verdict would change if these were the policy's rules of one direction."""
        return self.verdict_with(policy.with_rules(direction, tuple(rules))) is not self.prediction.verdict
