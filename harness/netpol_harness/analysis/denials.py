"""Steps whose policies deny nothing that is asked, and what would have to be asked instead. Pure."""

from collections.abc import Iterator

from netpol_harness.analysis.describe import describe_selector, natural_list
from netpol_harness.analysis.predict import Predictor
from netpol_harness.model.cluster_policy import Action
from netpol_harness.model.names import Direction
from netpol_harness.model.objects import Pod
from netpol_harness.model.policy import NetworkPolicy, Rule
from netpol_harness.oracle.sides import selects
from netpol_harness.results.asked import Asked
from netpol_harness.scenario.scenario import Others, closed_world

MOST_REASONS = 3
"""How many policies are named."""

_EVERYTHING = Rule(None, None)


def scenario_denies_nothing(predictor: Predictor, asked: Asked) -> str:
    """Return ``nothing_denied`` of the predictor's step; empty if another step of the scenario asks a denial.

    A step that shows what policies admit stands beside those that show what they deny.
    """
    text = nothing_denied(predictor, asked)
    others = (step for step in predictor.scenario.steps if step.name != predictor.step.name)
    return "" if text and any(_asks_denial(predictor.with_step(step)) for step in others) else text


def _asks_denial(predictor: Predictor) -> bool:
    step = predictor.with_predicted_verdicts()
    if any(expectation.expected.needs_proof for expectation in step.expectations):
        return True
    match step.others:
        case Others.BLOCKED:
            return bool(closed_world(step))
        case Others.ORACLE:
            return any(verdict.needs_proof for verdict in predictor.closed_world_verdicts().values())
        case Others.ALLOWED | Others.UNCHECKED:
            return False


def nothing_denied(predictor: Predictor, asked: Asked) -> str:
    """Return why a step asks no denial although policies are in force, and what to ask; empty if it asks one."""
    if asked.denials or not predictor.step.policies:
        return ""
    reasons = list(_reasons(predictor))
    more = f"; and {len(reasons) - MOST_REASONS} more policies" if len(reasons) > MOST_REASONS else ""
    text = f"the policies in force deny none of the {asked.paths} paths, which would pass without them too"
    return f"{text}: {'; '.join(reasons[:MOST_REASONS])}{more}"


def _reasons(predictor: Predictor) -> Iterator[str]:
    """Yield for each policy in force why it denies nothing that could be asked, or what has to be asked."""
    if predictor.beyond:
        yield f"every verdict is undefined ({predictor.beyond}): write the verdicts out"
        return
    pods = [pod for pod in predictor.world.pods.values() if pod.running]
    for policy in predictor.world.policies:
        yield f"{policy.ref} {_reason(policy, [pod for pod in pods if selects(policy, pod)])}"
    for rules in predictor.world.cluster_policies:
        denies = any(rule.action is Action.DENY for direction in Direction for rule in rules.rules(direction))
        needed = "needs a path that one of its Deny rules matches first" if denies else "has no Deny rule"
        yield f"ClusterNetworkPolicy {rules.name} {needed}"


def _reason(policy: NetworkPolicy, subjects: list[Pod]) -> str:
    if not subjects:
        wanted = describe_selector(policy.subject) or "any labels"
        return f"selects no pod: add a pod with {wanted} in {policy.ref.namespace}"
    closed = [way for way in sorted(policy.directions) if _EVERYTHING not in policy.rules(way)]
    if not closed:
        return "admits everything"
    return natural_list([_missing_path(way, subjects) for way in closed], "or")


def _missing_path(direction: Direction, subjects: list[Pod]) -> str:
    """Return the path that would be denied."""
    name = str(subjects[0].workload)
    if direction is Direction.EGRESS:
        return f"needs a target to which {name} is not admitted"
    served = next((entry.port for pod in subjects for entry in pod.ports), None)
    if served is None:
        return f"selects {name}, which serves no port: declare one"
    return f"needs a source that is not admitted to {name} on {served}"
