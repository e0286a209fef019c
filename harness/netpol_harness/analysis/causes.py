"""Typical mistakes that explain a surprising verdict, each with its fix. Pure.

Nothing is guessed: a mistake is named only if the policies as they were probably meant would change the verdict, by the
oracle. For a path that has the verdict that its author expects, only mistakes with the look-up of names are named.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from netpol_harness.analysis.cause_context import CauseContext
from netpol_harness.analysis.describe import describe_name_server, describe_requirement, natural_list
from netpol_harness.analysis.item_causes import one_item_for_two, two_items_for_one
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import Direction, NamespacedName
from netpol_harness.model.policy import NetworkPolicy, PodPeer, Rule
from netpol_harness.oracle.mismatch import NamespaceLabelMismatch
from netpol_harness.oracle.points import OpenPoint
from netpol_harness.oracle.sides import isolates, selects
from netpol_harness.oracle.verdict import Answer, Refusal
from netpol_harness.paths.ends import AnyServiceTarget
from netpol_harness.paths.outcome import Expected
from netpol_harness.scenario.family import ApiGroupFamily
from netpol_harness.scenario.scenario import Manifest
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL

MOST_CAUSES = 3
"""How many causes of one kind are named."""


def causes(context: CauseContext) -> tuple[str, ...]:
    """Return the causes of a path's verdict, each a sentence with its fix."""
    kinds: list[Callable[[CauseContext], Iterator[str]]] = [_forgotten_name_server]
    if context.is_surprising:
        kinds += [*_SURPRISES]
    return tuple(dict.fromkeys(sentence for kind in kinds for sentence in list(kind(context))[:MOST_CAUSES]))


def _forgotten_name_server(context: CauseContext) -> Iterator[str]:
    """Find egress rules that admit the servers but not the name server."""
    for verdict in context.prediction.lookups:
        if verdict.egress.answer is Answer.BLOCKED:
            policies = natural_list([ref.name for ref in verdict.egress.isolating])
            admission = describe_name_server(context.predictor.name_server)
            yield f"the egress rules of {policies} forget the name server: admit egress to {admission}"


def _missing_namespace_labels(context: CauseContext) -> Iterator[str]:
    """Find namespaceSelectors that require a label which the namespace does not have."""
    for _, side in context.sides(Answer.BLOCKED):
        policies = {policy.ref: policy for policy in context.policies(side.isolating)}
        for refusal in side.refusals:
            policy = policies[refusal.policy]
            rule = policy.rules(side.direction)[refusal.rule]
            for peer, namespace, missing in _without_missing_labels(rule, refusal):
                if context.changes_with(policy, side.direction, [replace(rule, peers=(peer,))]):
                    name = context.rule_name(policy, side.direction, refusal.rule)
                    yield (
                        f"{name} requires namespaces with {natural_list(missing)}, and {namespace} has no such label:"
                        f" label it, or select {NAMESPACE_NAME_LABEL}={namespace}"
                    )


def _without_missing_labels(rule: Rule, refusal: Refusal) -> Iterator[tuple[PodPeer, str, list[str]]]:
    """Yield each peer without the requirements on labels that the namespace lacks, the namespace, and these."""
    for peer, reasons in zip(rule.peers or (), refusal.peers, strict=False):
        lacks = [r for r in reasons if isinstance(r, NamespaceLabelMismatch) and r.value is None]
        if lacks and isinstance(peer, PodPeer) and peer.namespaces:
            missing = [reason.requirement for reason in lacks]
            others = LabelSelector(tuple(r for r in peer.namespaces.requirements if r not in missing))
            yield replace(peer, namespaces=others), lacks[0].namespace, [*map(describe_requirement, missing)]


def _service_ports(context: CauseContext) -> Iterator[str]:
    """Find rules that name the Service's port where the pod listens on another."""
    target = context.prediction.path.target
    for flow, side in context.sides(Answer.BLOCKED) if isinstance(target, AnyServiceTarget) else ():
        for policy, index, rule in context.rules(side) if flow.port.number != target.port else ():
            ports = tuple(replace(p, port=flow.port.number) if p.port == target.port else p for p in rule.ports or ())
            meant = replace(rule, ports=ports or None)
            if ports != rule.ports and context.changes_with(policy, side.direction, [meant]):
                yield (
                    f"{context.rule_name(policy, side.direction, index)} names {target.port}, the Service's port, but"
                    f" policies apply to the pod's own: write {flow.port.number}"
                )


def _blocks(context: CauseContext) -> Iterator[str]:
    """Find ipBlocks that were meant for pods, or that match pods though they were meant for hosts outside."""
    points = {point for answer in Answer for _, side in context.sides(answer) for point in side.points}
    if OpenPoint.IP_BLOCK_OF_PODS in points:
        yield "an ipBlock is for hosts outside the cluster, and plugins differ on pods: select pods by podSelector"
    path, hosts = context.prediction.path, context.predictor.step.inventory.externals
    for name in path.external_hosts:
        if OpenPoint.NOT_KNOWN in points and not hosts[name].address:
            yield f"{name} has no address before there is a cluster: give it one under 'external' in scenario.yaml"
    if OpenPoint.TRANSLATION in points:
        yield "plugins differ on an ipBlock that contains a ClusterIP: select the pods behind it by podSelector"


def _policy_types(context: CauseContext) -> Iterator[str]:
    """Find policyTypes that isolate more, or less, than the rules suggest."""
    for _, side in context.sides(Answer.BLOCKED):
        for policy in context.policies(side.isolating):
            manifest = context.names.manifest(policy.ref)
            is_implied = manifest is not None and not (manifest.data.get("spec") or {}).get("policyTypes")
            meant = _opposite(side.direction)
            if is_implied and policy.rules(meant) and not policy.rules(side.direction):
                yield (
                    f"{context.names.policy(policy.ref)} has no policyTypes, and therefore isolates for"
                    f" {side.direction.lower()} too: write policyTypes: [{meant}]"
                )
    for flow, side in context.sides(Answer.ALLOWED) if context.prediction.verdict is Expected.ALLOWED else ():
        subject = flow.source if side.direction is Direction.EGRESS else flow.destination
        if not side.isolating and isinstance(subject, NamespacedName):
            yield from _missing_policy_type(context, subject, side.direction)


def _missing_policy_type(context: CauseContext, subject: NamespacedName, direction: Direction) -> Iterator[str]:
    """Find policies that select the subject, but not in this direction."""
    pod, way = context.predictor.world.pods[subject], direction.lower()
    for policy in context.predictor.world.policies:
        if selects(policy, pod):
            name = context.names.policy(policy.ref)
            both = replace(policy, directions=frozenset(Direction))
            if policy.rules(direction):
                yield f"{name} has {way} rules without effect, since its policyTypes lack {direction}: add it"
            elif context.verdict_with(both) is not context.prediction.verdict:
                yield f"{name} does not isolate for {way}, since its policyTypes lack {direction}"


def _not_in_force(context: CauseContext) -> Iterator[str]:
    """Find policies that would change the verdict if they were in force too."""
    for manifest, policy, verdict in _other_policies(context):
        if not any(context.policies([policy.ref])):
            effect = _effect(context, policy, verdict)
            yield f"{policy.ref.name} ({manifest.where}) {effect}: with it, this would be {verdict}"


def _other_versions(context: CauseContext) -> Iterator[str]:
    """Find other versions of policies in force that would change the verdict in their place."""
    for manifest, policy, verdict in _other_policies(context):
        if any(context.policies([policy.ref])):
            yield f"there is another {policy.ref.name} at {manifest.where}: with that one, this would be {verdict}"


def _other_policies(context: CauseContext) -> Iterator[tuple[Manifest, NetworkPolicy, Expected]]:
    """Yield the scenario's policies, not in force in this step, that would give the verdict that its author expects."""
    scenario, step = context.predictor.scenario, context.predictor.step
    in_force = {manifest.where for manifest in step.policies}
    manifests = [*(manifest for other in scenario.steps for manifest in other.policies), *context.unused]
    candidates = {m.where: m for m in manifests if m.family is ApiGroupFamily.KUBERNETES and m.where not in in_force}
    for manifest in candidates.values():
        policy = NetworkPolicy.parse(manifest.data)
        verdict = context.verdict_with(policy)
        if verdict is not context.prediction.verdict and context.expected in (None, verdict):
            yield manifest, policy, verdict


def _effect(context: CauseContext, policy: NetworkPolicy, verdict: Expected) -> str:
    """Return what a policy that is not in force would do."""
    flows = (*context.prediction.route.lookups, *context.prediction.route.connections)
    for flow in flows if verdict is not Expected.ALLOWED else ():
        for end, direction in ((flow.source, Direction.EGRESS), (flow.destination, Direction.INGRESS)):
            pod = context.predictor.world.pods.get(end) if isinstance(end, NamespacedName) else None
            if pod and isolates(policy, pod, direction):
                name = context.names.end(end)
                return f"would isolate {name} for {direction.lower()}, and is not in force in this step"
    return "is not in force in this step"


def _opposite(direction: Direction) -> Direction:
    return Direction.EGRESS if direction is Direction.INGRESS else Direction.INGRESS


_SURPRISES = (
    _not_in_force,
    _missing_namespace_labels,
    one_item_for_two,
    two_items_for_one,
    _service_ports,
    _policy_types,
    _blocks,
    _other_versions,
)
