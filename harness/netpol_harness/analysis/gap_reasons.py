"""Why no path of a scenario can test a part of a policy: whether it is never reached, matches nothing, or is redundant.

Pure.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from netpol_harness.analysis.display_names import DisplayNames
from netpol_harness.analysis.predict import Prediction, Predictor
from netpol_harness.analysis.route_sides import deciding, first_in_tier, flows_of
from netpol_harness.model.names import Direction, NamespacedName
from netpol_harness.oracle.verdict import Answer, Flow, Side
from netpol_harness.paths.outcome import Expected


@dataclass(frozen=True, slots=True)
class RulePart:
    """A rule, or a part of it. ``policy`` is its ClusterNetworkPolicy by name, or its NetworkPolicy by reference."""

    policy: str | NamespacedName
    direction: Direction
    index: int
    is_whole: bool


class GapKind(StrEnum):
    """Why no path can test a part. The value is a heading."""

    UNREACHED = "never reached, because others decide before"
    UNMATCHED = "matched by nothing in this scenario: a mistake, or a workload is missing"
    REDUNDANT = "redundant: without the rule, the verdicts are the same"
    UNDISTINGUISHED = "for workloads that are missing: no path of the scenario tells the difference"
    UNDECIDED = "without a known effect, because the API leaves the verdicts open"


@dataclass(frozen=True, slots=True)
class GapReason:
    """The kind, and what shows it; ``text`` may be empty."""

    kind: GapKind
    text: str = ""


@dataclass(frozen=True, slots=True)
class Tried:
    """A path under the policies as written, and the predictor of the step without the part."""

    prediction: Prediction
    predictor: Predictor
    without: Predictor

    @property
    def names(self) -> DisplayNames:
        """The names of the step."""
        return DisplayNames(self.predictor.scenario, self.predictor.step, self.prediction.path)


def gap_reason(part: RulePart | None, tried: Iterable[Tried], *, selects_pods: bool) -> GapReason:
    """Return the reason for a rule or a part of it, or for a part of a policy if ``part`` is ``None``."""
    if not selects_pods:
        return GapReason(GapKind.UNMATCHED, "its policy selects no pod")
    kinds = {kind: GapReason(kind, text) for kind, text in reversed([*_found(part, tried)])}
    order = (GapKind.REDUNDANT, GapKind.UNDISTINGUISHED, GapKind.UNDECIDED, GapKind.UNREACHED)
    return next((kinds[kind] for kind in order if kind in kinds), GapReason(GapKind.UNMATCHED))


def _found(part: RulePart | None, tried: Iterable[Tried]) -> Iterator[tuple[GapKind, str]]:
    """Yield what single connections show, until one of them is matched with a known verdict."""
    for each in tried:
        for flow, side in flows_of(each.prediction):
            if part is not None and side.direction is not part.direction:
                continue
            if part is not None and not _matches(part, side):
                text = _precluded(part, each, flow, side)
                yield from [(GapKind.UNREACHED, text)] if text else []
            elif Expected.UNDEFINED in (each.prediction.verdict, each.without.verdict(each.prediction.path)):
                yield GapKind.UNDECIDED, f"such as that on {each.prediction.path}"
            elif part is not None and part.is_whole:
                yield GapKind.REDUNDANT, _same(each, flow, each.without.judge(flow).side(side.direction))
                return
            else:
                yield GapKind.UNDISTINGUISHED, ""
                return


def _matches(part: RulePart, side: Side) -> bool:
    """Whether the rule takes part in the answer."""
    key = (part.policy, part.index)
    if isinstance(part.policy, str):
        return key in {(ruling.policy, ruling.rule) for ruling in side.rulings}
    return key in {(admission.policy, admission.rule) for admission in side.admissions}


def _same(each: Tried, flow: Flow, after: Side) -> str:
    """Name what gives a path the same verdict without the part."""
    path, verdict = each.prediction.path, each.prediction.verdict
    other = each.without.judge(flow).side(after.direction.opposite)
    side = other if after.answer is Answer.ALLOWED and other.answer is Answer.BLOCKED else after
    return f"without it, {path} is {verdict} by {deciding(_as_written(side, each), each.names)}"


def _as_written(side: Side, each: Tried) -> Side:
    """Return a side without the part, with the indexes that the rules have in the file."""
    changed, written = (
        {policy.name: policy.rules(side.direction) for policy in predictor.world.cluster_policies}
        for predictor in (each.without, each.predictor)
    )
    places = [(changed[ruling.policy][ruling.rule], written[ruling.policy]) for ruling in side.rulings]
    rulings = tuple(
        replace(ruling, rule=rules.index(rule)) if rule in rules else ruling
        for ruling, (rule, rules) in zip(side.rulings, places, strict=True)
    )
    return replace(side, rulings=rulings)


def _precluded(part: RulePart, each: Tried, flow: Flow, side: Side) -> str:
    """Name what decides about a connection that the rule would match; empty if it would not."""
    path = each.prediction.path
    if isinstance(part.policy, NamespacedName):
        is_before = part.policy in side.bypassed
        return f"{deciding(side, each.names)} decides before it on {path}" if is_before else ""
    refused = {(refusal.policy, refusal.rule) for refusal in each.predictor.cluster_refusals(flow, part.direction)}
    if not (side.rulings or side.isolating) or (part.policy, part.index) in refused:
        return ""
    tier = next(policy.tier for policy in each.predictor.world.cluster_policies if policy.name == part.policy)
    return f"{first_in_tier(side, tier, each.names)} decides before it on {path}"
