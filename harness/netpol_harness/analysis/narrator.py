"""One side of a flow in a sentence: who isolates the subject there, and which rule admits, or why none does. Pure."""

from netpol_harness.analysis.naming import Speller
from netpol_harness.analysis.predict import Predictor
from netpol_harness.analysis.refusals import RefusalWording, closest_first
from netpol_harness.analysis.wording import QUESTIONS, listed, rule_words
from netpol_harness.model.names import Direction, NamespacedName
from netpol_harness.model.policy import NetworkPolicy, Rule
from netpol_harness.oracle.verdict import Admission, Answer, Flow, Host, Side, Verdict


class Narrator:
    """Sentences about the flows of one step."""

    def __init__(self, outlook: Predictor, naming: Speller) -> None:
        self._profile = outlook.profile
        self._naming = naming
        self._policies = {policy.ref: policy for policy in outlook.world.policies}

    def lookup(self, verdict: Verdict) -> str:
        """How the look-up of a name fares: its two sides, as far as they are not simply open."""
        sides = [side for side in (verdict.egress, verdict.ingress) if side.answer is verdict.answer]
        telling = [side for side in sides if side.isolating or side.points] or sides[:1]
        told = "; ".join(self.side(verdict.flow, side) for side in telling)
        return f"{self._naming.connection(verdict.flow)} is {verdict.answer}: {told}"

    def side(self, flow: Flow, side: Side) -> str:
        """Why one side of a flow is as it is."""
        subject = flow.source if side.direction is Direction.EGRESS else flow.destination
        who, way = self._naming.end(subject), side.direction.lower()
        if isinstance(subject, Host):
            return f"{who} is no pod, so no policy selects it"
        if not side.isolating:
            open_points = f", but it is open {_questions(side)}" if side.answer is Answer.UNDEFINED else ""
            return f"no policy in force isolates {who} for {way}{open_points}"
        head = f"{listed([self._naming.policy(ref) for ref in side.isolating])}"
        isolated = f"{head} isolate{'s' if len(side.isolating) == 1 else ''} {who} for {way}"
        return isolated + self._why(flow, side)

    def rule(self, admission: Admission, direction: Direction) -> str:
        """``rule 2 (file:line) of web-policy``, with the policy where several isolate."""
        return self._naming.rule(self._policies[admission.policy], direction, admission.rule)

    def _why(self, flow: Flow, side: Side) -> str:
        match side.answer:
            case Answer.BLOCKED:
                return self._denied(flow, side)
            case Answer.UNDEFINED:
                unsure = f"; {self._admitted(side, 'may admit')}" if side.admissions else ""
                return f"{unsure}; it is open {_questions(side)}"
            case Answer.ALLOWED if side.admissions:
                return f"; {self._admitted(side, 'admits')}"
            case Answer.ALLOWED if flow.source == flow.destination:
                return ", but a pod always reaches itself"
            case Answer.ALLOWED:
                return f", which does not matter here: {_questions(side)}" if side.points else ", which lets this pass"

    def _admitted(self, side: Side, verb: str) -> str:
        """The first rule that admits, surest first."""
        best = min(side.admissions, key=lambda admission: len(admission.points))
        rule = _rule(self._policies, best, side.direction)
        of = f" of {best.policy.name}" if len(side.isolating) > 1 else ""
        return f"{self.rule(best, side.direction)}{of} {verb} {rule_words(rule, best.policy.namespace)}"

    def _denied(self, flow: Flow, side: Side) -> str:
        """Only the rule that comes closest is explained."""
        refusals, way = closest_first(side.refusals), side.direction.lower()
        if not refusals:
            return f", and {'has' if len(side.isolating) == 1 else 'they have'} no {way} rules"
        closest = refusals[0]
        policy = self._policies[closest.policy]
        rule = policy.rules(side.direction)[closest.rule]
        of = f" of {policy.ref.name}" if len(side.isolating) > 1 else ""
        name = self._naming.rule(policy, side.direction, closest.rule) + of
        admits = rule_words(rule, policy.ref.namespace)
        why = RefusalWording(flow, side.direction, self._profile, self._naming.end).words(closest, rule)
        if len(refusals) == 1:
            return f"; {name} admits {admits}, but {why}"
        return f"; none of {len(refusals)} rules admits this: the closest is {name} for {admits}, but {why}"


def _questions(side: Side) -> str:
    return listed([QUESTIONS[point] for point in sorted(side.points)]) if side.points else "the rest"


def _rule(policies: dict[NamespacedName, NetworkPolicy], admission: Admission, direction: Direction) -> Rule:
    return policies[admission.policy].rules(direction)[admission.rule]
