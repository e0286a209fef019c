"""What a surprising verdict depends on, beside the edits that would change it: sentences about the policies in force.

Pure.
"""

from collections.abc import Iterator

from netpol_harness.analysis.cause_context import CauseContext
from netpol_harness.analysis.describe import natural_list
from netpol_harness.analysis.tier_causes import tier_causes
from netpol_harness.model.names import Direction, NamespacedName
from netpol_harness.oracle.points import OpenPoint
from netpol_harness.oracle.verdict import Answer, Flow, Side
from netpol_harness.paths.outcome import Expected


def causes(context: CauseContext) -> tuple[str, ...]:
    """Return the sentences; none if the author expects the verdict."""
    kinds = (_open_questions, tier_causes, _union, _reply_rules) if context.is_surprising else ()
    return tuple(dict.fromkeys(sentence for kind in kinds for sentence in kind(context)))


def _open_questions(context: CauseContext) -> Iterator[str]:
    """Name ipBlocks of which it is open what they match."""
    points = {point for answer in Answer for _, side in context.sides(answer) for point in side.points}
    if OpenPoint.IP_BLOCK_OF_PODS in points:
        yield "an ipBlock is for hosts outside the cluster, and plugins differ on pods: select pods by podSelector"
    is_open = OpenPoint.NOT_KNOWN in points or context.prediction.verdict is Expected.BLOCKED
    for name in context.prediction.path.external_hosts if is_open else ():
        if not (
            context.predictor.step.inventory.externals[name].address or context.predictor.addresses.hosts.get(name)
        ):
            yield (
                f"{name} has no address before there is a cluster: give it one under 'external' in scenario.yaml, so"
                " that an ipBlock can mean it"
            )
    if OpenPoint.TRANSLATION in points:
        yield _translation(context)


def _translation(context: CauseContext) -> str:
    """Say what an ipBlock may mean on the way through a Service: that may lead to pods, or outside."""
    ends = [flow.destination for flow in context.prediction.route.connections]
    if any(isinstance(end, NamespacedName) for end in ends):
        return "plugins differ on an ipBlock that contains a ClusterIP: select the pods behind it by podSelector"
    return (
        "plugins may apply an ipBlock before or after a Service replaces its address by the one behind it: connect to"
        " that address, or choose the plugin by --profile"
    )


def _union(context: CauseContext) -> Iterator[str]:
    """Name the rules that admit what another policy, such as a default deny, does not."""
    for flow, side in context.sides(Answer.ALLOWED) if context.expected is Expected.BLOCKED else ():
        admitting = sorted({(admission.policy, admission.rule) for admission in side.admissions})
        denying = [ref for ref in side.isolating if ref not in {policy for policy, _ in admitting}]
        if admitting and denying:
            subject = flow.source if side.direction is Direction.EGRESS else flow.destination
            policies = natural_list([context.names.policy(ref) for ref in denying])
            rules = natural_list([context.rule_name(ref, side.direction, index) for ref, index in admitting])
            yield (
                f"{policies} alone would deny this {side.direction.lower()} of {context.names.end(subject)}, but"
                f" policies add up: blocked would need {rules} to change"
            )


def _reply_rules(context: CauseContext) -> Iterator[str]:
    """Name rules for connections of the reverse direction, which replies do not need."""
    for flow, side in context.sides(Answer.BLOCKED):
        reverse = Flow(flow.destination, flow.source, flow.port, version=flow.version)
        for ref, index in _rules_for(context, context.predictor.judge(reverse).side(side.direction)):
            if not _is_expected(context, reverse):
                opener, other = context.names.end(reverse.source), context.names.end(reverse.destination)
                name = context.rule_name(ref, side.direction, index)
                yield (
                    f"{name} is for connections that {opener} opens to {other}: the replies of a connection need no"
                    " rule, and no path of this step needs this one"
                )


def _rules_for(context: CauseContext, side: Side) -> Iterator[tuple[NamespacedName, int]]:
    """Yield the rules of a side that name the other end among their peers, on whatever port."""
    refused = {(refusal.policy, refusal.rule) for refusal in side.refusals if refusal.peers}
    for ref in side.isolating:
        for index, rule in enumerate(context.policy(ref).rules(side.direction)):
            if rule.peers is not None and (ref, index) not in refused:
                yield ref, index


def _is_expected(context: CauseContext, flow: Flow) -> bool:
    """Whether a path of the step is to be allowed that connects these ends in this direction."""
    predictor = context.predictor
    routes = (predictor.route(e.path) for e in predictor.step.expectations if e.expected is Expected.ALLOWED)
    ends = flow.source, flow.destination
    return any((other.source, other.destination) == ends for route in routes for other in route.connections)
