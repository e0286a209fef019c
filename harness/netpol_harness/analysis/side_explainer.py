"""One side of a flow in a sentence: the policies that isolate the subject, and the rule that decides. Pure."""

from netpol_harness.analysis.closeness import distance
from netpol_harness.analysis.describe import OPEN_QUESTIONS, describe_rule, natural_list
from netpol_harness.analysis.display_names import DisplayNames
from netpol_harness.analysis.predict import Predictor
from netpol_harness.analysis.refusals import RefusalDescriber
from netpol_harness.analysis.tier_explainer import TierExplainer
from netpol_harness.analysis.typed_ports import typed_ports
from netpol_harness.model.cluster_policy import Tier
from netpol_harness.model.names import Direction, NamespacedName
from netpol_harness.oracle.verdict import Answer, Flow, Host, Refusal, Side, Stage, Verdict


class SideExplainer:
    """Explains the flows of one step."""

    def __init__(self, predictor: Predictor, names: DisplayNames) -> None:
        self._world = predictor.world
        self._target = names.path.target
        self._profile = predictor.profile
        self._names = names
        self._tiers = TierExplainer(names)
        self._policies = {policy.ref: policy for policy in predictor.world.policies}

    def lookup(self, verdict: Verdict) -> str:
        """Explain the look-up of a name: its two sides, apart from those that are simply not isolated."""
        sides = [side for side in (verdict.egress, verdict.ingress) if side.answer is verdict.answer]
        decisive = [side for side in sides if side.isolating or side.points or side.rulings] or sides[:1]
        reasons = "; ".join(self.side(verdict.flow, side) for side in decisive)
        return f"{self._names.connection(verdict.flow)} is {verdict.answer}: {reasons}"

    def side(self, flow: Flow, side: Side) -> str:
        """Explain the answer of one side of a flow."""
        subject = flow.source if side.direction is Direction.EGRESS else flow.destination
        name, way = self._names.end(subject), side.direction.lower()
        if isinstance(subject, Host):
            return f"{name} is not a pod, so no policy selects it"
        if side.stages == {Stage.ADMIN} and side.answer is not Answer.UNDEFINED:
            return self._tiers.final(side)
        admin = self._tiers.sentences(side, Tier.ADMIN)
        return "; ".join([*admin, self._by_network_policies(flow, side, name, way)])

    def _by_network_policies(self, flow: Flow, side: Side, name: str, way: str) -> str:
        if not side.isolating:
            baseline = "".join(f"; {sentence}" for sentence in self._tiers.sentences(side, Tier.BASELINE))
            unsure = f", but it is open {_questions(side)}" if side.answer is Answer.UNDEFINED else ""
            return f"no policy in force isolates {name} for {way}{baseline}{unsure}"
        policies = natural_list([self._names.policy(ref) for ref in side.isolating])
        verb = "isolates" if len(side.isolating) == 1 else "isolate"
        return f"{policies} {verb} {name} for {way}{self._reason(flow, side)}"

    def _reason(self, flow: Flow, side: Side) -> str:
        match side.answer:
            case Answer.BLOCKED:
                return self._denial(flow, side)
            case Answer.UNDEFINED:
                admission = f"; {self._admission(side, 'may admit')}" if side.admissions else ""
                return f"{admission}; it is open {_questions(side)}"
            case Answer.ALLOWED if side.admissions:
                return f"; {self._admission(side, 'admits')}"
            case Answer.ALLOWED if flow.source == flow.destination:
                return ", but a pod can always reach itself"
            case Answer.ALLOWED if side.points:
                return f", but the flow is allowed: profile {self._profile.name} decides {_questions(side)}"
            case Answer.ALLOWED:
                return ", but traffic between a pod and its own node is always allowed"

    def _admission(self, side: Side, verb: str) -> str:
        """Name the first rule that admits, with the fewest open points."""
        best = min(side.admissions, key=lambda admission: len(admission.points))
        policy = self._policies[best.policy]
        rule = describe_rule(policy.rules(side.direction)[best.rule], policy.ref.namespace)
        return f"{self._rule_name(side, best.policy, best.rule)} {verb} {rule}"

    def _denial(self, flow: Flow, side: Side) -> str:
        """Explain only the rule that comes closest."""
        refusals = self._closest_first(flow, side)
        if not refusals:
            return f", and {'has' if len(side.isolating) == 1 else 'they have'} no {side.direction.lower()} rules"
        closest = refusals[0]
        name, rule = self._rule_name(side, closest.policy, closest.rule), self._refused_rule(flow, side, closest)
        if len(refusals) == 1:
            return f"; {name} admits {rule}"
        return f"; none of {len(refusals)} rules admits this: the closest is {name} for {rule}"

    def _closest_first(self, flow: Flow, side: Side) -> list[Refusal]:
        """Sort the refusals by how far their rules are from meaning the connection."""
        typed = typed_ports(flow, self._target, self._world)
        rules = {ref: self._policies[ref].rules(side.direction) for ref in side.isolating}
        return sorted(side.refusals, key=lambda r: distance(rules[r.policy][r.rule], r, flow.port, typed))

    def _refused_rule(self, flow: Flow, side: Side, refusal: Refusal) -> str:
        policy = self._policies[refusal.policy]
        rule = policy.rules(side.direction)[refusal.rule]
        describer = RefusalDescriber(flow, side.direction, self._profile, self._names.end)
        return f"{describe_rule(rule, policy.ref.namespace)}, but {describer.describe(refusal, rule)}"

    def _rule_name(self, side: Side, ref: NamespacedName, index: int) -> str:
        """``rule 2 (file:line) of web-policy``, without the policy if it is the only one that isolates."""
        name = self._names.rule(self._policies[ref], side.direction, index)
        return f"{name} of {ref.name}" if len(side.isolating) > 1 else name


def _questions(side: Side) -> str:
    return natural_list([OPEN_QUESTIONS[point] for point in sorted(side.points)])
