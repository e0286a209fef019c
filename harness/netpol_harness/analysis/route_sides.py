"""The sides of a path's connections and look-ups, and what has decided one of them. Pure."""

from collections.abc import Iterator

from netpol_harness.analysis.describe import natural_list
from netpol_harness.analysis.display_names import DisplayNames
from netpol_harness.analysis.predict import Prediction
from netpol_harness.model.cluster_policy import Action, Tier
from netpol_harness.oracle.verdict import Answer, Flow, Side, Stage


def flows_of(prediction: Prediction) -> Iterator[tuple[Flow, Side]]:
    """Yield both sides of each flow of a path, those of look-ups first."""
    for verdict in (*prediction.lookups, *prediction.connections):
        yield from ((verdict.flow, side) for side in (verdict.egress, verdict.ingress))


def deciding(side: Side, names: DisplayNames) -> str:
    """Return the rule of a tier, or the NetworkPolicies, that decide; ``the default`` if none does."""
    for stage in (Stage.ADMIN, Stage.BASELINE):
        found = [each for each in side.rulings if Stage.of(each.tier) is stage and each.action is not Action.PASS]
        if stage in side.stages and found:
            return names.cluster_rule(found[-1], side.direction)
    admitting = [admission.policy for admission in side.admissions] if side.answer is Answer.ALLOWED else []
    return natural_list([names.policy(ref) for ref in admitting or side.isolating]) or "the default"


def first_in_tier(side: Side, tier: Tier, names: DisplayNames) -> str:
    """Return the first rule of a tier that certainly matches; if there is none, what decides before the tier."""
    ruling = next((each for each in side.rulings if each.tier is tier and not each.points), None)
    return names.cluster_rule(ruling, side.direction) if ruling else deciding(side, names)
