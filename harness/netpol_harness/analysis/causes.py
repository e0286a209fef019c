"""What typically lies behind a word that surprises, and what to do about it. Pure.

Nothing is guessed: a mistake is named where the policies as they were probably meant would change the word, which the
oracle is asked. Where a path has the word that its author expects, only the look-up of names is spoken of.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from netpol_harness.analysis.naming import Speller
from netpol_harness.analysis.predict import Prediction, Predictor, plain
from netpol_harness.analysis.wording import listed, requirement_words
from netpol_harness.analysis.world import NAME_SERVER
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import Direction, NamespacedName
from netpol_harness.model.policy import NetworkPolicy, Peer, PodPeer, Rule
from netpol_harness.oracle.mismatch import NamespaceLabelMismatch
from netpol_harness.oracle.points import OpenPoint
from netpol_harness.oracle.sides import isolates, selects
from netpol_harness.oracle.verdict import Answer, Flow, Refusal, Side
from netpol_harness.paths.ends import AnyServiceTarget
from netpol_harness.paths.outcome import Expected
from netpol_harness.scenario.family import ApiGroupFamily
from netpol_harness.scenario.scenario import Manifest
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL

MOST = 3
"""Causes of one kind that are told."""


@dataclass(frozen=True, slots=True)
class CauseContext:
    """A path and what the oracle makes of it. ``spare`` are policies that no step names."""

    outlook: Predictor
    reading: Prediction
    naming: Speller
    spare: tuple[Manifest, ...] = ()

    @property
    def wanted(self) -> Expected | None:
        """The author's word for the path, if there is one, without how a denial should look."""
        said = [plain(e.expected) for e in self.outlook.step.expectations if e.path == self.reading.path]
        return said[0] if said else None

    @property
    def surprising(self) -> bool:
        """Whether the author said nothing, or something else."""
        return self.wanted is not self.reading.word

    def sides(self, answer: Answer) -> Iterator[tuple[Flow, Side]]:
        """The sides of the path's connections that have this answer."""
        for verdict in self.reading.legs:
            yield from ((verdict.flow, side) for side in (verdict.egress, verdict.ingress) if side.answer is answer)

    def policies(self, refs: Iterable[NamespacedName]) -> Iterator[NetworkPolicy]:
        """Policies in force, by reference."""
        wanted = set(refs)
        yield from (policy for policy in self.outlook.world.policies if policy.ref in wanted)

    def rule(self, policy: NetworkPolicy, direction: Direction, index: int) -> str:
        """``rule 1 (file:line) of db-policy``."""
        return f"{self.naming.rule(policy, direction, index)} of {policy.ref.name}"

    def supposing(self, policy: NetworkPolicy) -> Expected:
        """The word for the path, were this policy in force, in the place of one of its name."""
        others = [other for other in self.outlook.world.policies if other.ref != policy.ref]
        return self.outlook.supposing((*others, policy)).word(self.reading.path)

    def rewriting(self, policy: NetworkPolicy, direction: Direction, rules: Iterable[Rule]) -> Expected:
        """The word for the path, were these the policy's rules of one direction."""
        changed = tuple(rules)
        ingress = direction is Direction.INGRESS
        return self.supposing(replace(policy, ingress=changed) if ingress else replace(policy, egress=changed))


def causes(case: CauseContext) -> tuple[str, ...]:
    """What to look at, each in a sentence that also says the remedy."""
    kinds: list[Callable[[CauseContext], Iterator[str]]] = [_names]
    if case.surprising:
        kinds += [*_SURPRISES]
    return tuple(dict.fromkeys(sentence for kind in kinds for sentence in list(kind(case))[:MOST]))


def _names(case: CauseContext) -> Iterator[str]:
    """Egress rules that name the servers and forget the name server."""
    for verdict in case.reading.lookups:
        if verdict.egress.answer is Answer.BLOCKED:
            policies = listed([ref.name for ref in verdict.egress.isolating])
            yield (
                f"the egress rules of {policies} forget the name server: admit egress to pods k8s-app=kube-dns in"
                f" namespaces {NAMESPACE_NAME_LABEL}={NAME_SERVER.namespace} on 53/UDP and 53/TCP"
            )


def _namespace_labels(case: CauseContext) -> Iterator[str]:
    """A namespaceSelector that wants a label which the namespace does not have."""
    for _, side in case.sides(Answer.BLOCKED):
        policies = {policy.ref: policy for policy in case.policies(side.isolating)}
        for refusal in side.refusals:
            policy = policies[refusal.policy]
            rule = policy.rules(side.direction)[refusal.rule]
            for peer, namespace, missing in _lacking(rule, refusal):
                lenient = replace(rule, peers=(peer,))
                if case.rewriting(policy, side.direction, [lenient]) is not case.reading.word:
                    name = case.rule(policy, side.direction, refusal.rule)
                    yield (
                        f"{name} wants namespaces with {listed(missing)}, and {namespace} has no such label: label it,"
                        f" or select {NAMESPACE_NAME_LABEL}={namespace}"
                    )


def _lacking(rule: Rule, refusal: Refusal) -> Iterator[tuple[PodPeer, str, list[str]]]:
    """Peers that want labels which the namespace lacks: the peer without these, the namespace, and what it lacks."""
    for peer, reasons in zip(rule.peers or (), refusal.peers, strict=False):
        lacks = [r for r in reasons if isinstance(r, NamespaceLabelMismatch) and r.value is None]
        if lacks and isinstance(peer, PodPeer) and peer.namespaces:
            missing = [reason.requirement for reason in lacks]
            kept = LabelSelector(tuple(need for need in peer.namespaces.requirements if need not in missing))
            yield replace(peer, namespaces=kept), lacks[0].namespace, [requirement_words(need) for need in missing]


def _one_item(case: CauseContext) -> Iterator[str]:
    """One peer with both selectors, where two peers may have been meant."""
    for _, side in case.sides(Answer.BLOCKED):
        for policy, index, rule in _rules(case, side):
            loose = replace(rule, peers=tuple(_halved(rule)))
            if loose.peers and case.rewriting(policy, side.direction, [loose]) is not case.reading.word:
                yield (
                    f"a peer of {case.rule(policy, side.direction, index)} has both selectors in one item, and both"
                    " must match: with a '-' before each of them, either would do"
                )


def _halved(rule: Rule) -> Iterator[Peer]:
    """The two halves of every peer that has both selectors."""
    for peer in rule.peers or ():
        if isinstance(peer, PodPeer) and peer.namespaces and peer.pods:
            yield from (replace(peer, pods=None), replace(peer, namespaces=None))


def _two_items(case: CauseContext) -> Iterator[str]:
    """Two peers, or two rules, where one was meant: each of them is enough."""
    for _, side in case.sides(Answer.ALLOWED):
        for policy, index, rule in _rules(case, side):
            others = [r for i, r in enumerate(policy.rules(side.direction)) if i != index]
            for strict, what in _joined(rule):
                if case.rewriting(policy, side.direction, [*others, strict]) is not case.reading.word:
                    yield f"{case.rule(policy, side.direction, index)} {what}"
        for policy in case.policies(side.isolating):
            yield from _split_rules(case, policy, side.direction)


def _joined(rule: Rule) -> Iterator[tuple[Rule, str]]:
    """The rule with two neighbouring peers made one."""
    peers = rule.peers or ()
    for at, (one, two) in enumerate(pairwise(peers)):
        if isinstance(one, PodPeer) and isinstance(two, PodPeer) and _halves(one, two):
            whole = PodPeer(one.namespaces or two.namespaces, one.pods or two.pods)
            what = "has two selectors as two items, of which either is enough: without the second '-' both must match"
            yield replace(rule, peers=(*peers[:at], whole, *peers[at + 2 :])), what


def _halves(one: PodPeer, two: PodPeer) -> bool:
    """Whether one names only namespaces and the other only pods."""
    return (one.namespaces is None) != (two.namespaces is None) and (one.pods is None) != (two.pods is None)


def _split_rules(case: CauseContext, policy: NetworkPolicy, direction: Direction) -> Iterator[str]:
    """A rule of peers and a rule of ports, where one rule of both was meant."""
    rules = policy.rules(direction)
    for at, (one, two) in enumerate(pairwise(rules)):
        if (one.peers is None) != (two.peers is None) and (one.ports is None) != (two.ports is None):
            whole = Rule(one.peers or two.peers, one.ports or two.ports)
            if case.rewriting(policy, direction, [*rules[:at], whole, *rules[at + 2 :]]) is not case.reading.word:
                yield (
                    f"{case.rule(policy, direction, at)} and the next hold the peers and the ports apart, and either is"
                    " enough: without the second '-' both must match"
                )


def _service_ports(case: CauseContext) -> Iterator[str]:
    """A rule that names the Service's port, where the pod listens on another."""
    path = case.reading.path
    asked = path.target.port
    for flow, side in case.sides(Answer.BLOCKED) if isinstance(path.target, AnyServiceTarget) else ():
        for policy, index, rule in _rules(case, side) if flow.port.number != asked else ():
            ports = tuple(replace(p, port=flow.port.number) if p.port == asked else p for p in rule.ports or ())
            meant = replace(rule, ports=ports or None)
            if ports != rule.ports and case.rewriting(policy, side.direction, [meant]) is not case.reading.word:
                yield (
                    f"{case.rule(policy, side.direction, index)} names {asked}, the Service's port, but policies see"
                    f" the pod's own: write {flow.port.number}"
                )


def _blocks(case: CauseContext) -> Iterator[str]:
    """An ipBlock that was meant for pods, or that holds pods though it was meant for the outside."""
    points = {point for answer in Answer for _, side in case.sides(answer) for point in side.points}
    if OpenPoint.IP_BLOCK_OF_PODS in points:
        yield "an ipBlock is for hosts outside the cluster, and whether it holds pods differs: name pods by podSelector"
    path, hosts = case.reading.path, case.outlook.step.inventory.externals
    for name in path.external_hosts:
        if OpenPoint.NOT_KNOWN in points and not hosts[name].address:
            yield f"{name} has no address before there is a cluster: give it one under 'external' in scenario.yaml"
    if OpenPoint.TRANSLATION in points:
        yield "an ipBlock that names a ClusterIP is no sure way to a Service: name the pods behind it by podSelector"


def _types(case: CauseContext) -> Iterator[str]:
    """policyTypes that isolate more, or less, than the rules suggest."""
    for _, side in case.sides(Answer.BLOCKED):
        for policy in case.policies(side.isolating):
            manifest = case.naming.manifest(policy.ref)
            implied = manifest is not None and not (manifest.data.get("spec") or {}).get("policyTypes")
            meant = _other(side.direction)
            if implied and policy.rules(meant) and not policy.rules(side.direction):
                yield (
                    f"{case.naming.policy(policy.ref)} leaves policyTypes out, and so isolates for"
                    f" {side.direction.lower()} too: write policyTypes: [{meant}]"
                )
    for flow, side in case.sides(Answer.ALLOWED) if case.reading.word is Expected.ALLOWED else ():
        subject = flow.source if side.direction is Direction.EGRESS else flow.destination
        if not side.isolating and isinstance(subject, NamespacedName):
            yield from _one_way(case, subject, side.direction)


def _one_way(case: CauseContext, subject: NamespacedName, direction: Direction) -> Iterator[str]:
    """Policies that select the subject, but not in this direction."""
    pod, way = case.outlook.world.pods[subject], direction.lower()
    for policy in case.outlook.world.policies:
        if selects(policy, pod):
            name = case.naming.policy(policy.ref)
            both = replace(policy, directions=frozenset(Direction))
            if policy.rules(direction):
                yield f"{name} has {way} rules that mean nothing, since its policyTypes lack {direction}: add it"
            elif case.supposing(both) is not case.reading.word:
                yield f"{name} leaves {way} open, since its policyTypes lack {direction}"


def _not_in_force(case: CauseContext) -> Iterator[str]:
    """Policies that would make a difference, were they in force too."""
    for manifest, policy, word in _elsewhere(case):
        if not any(case.policies([policy.ref])):
            yield f"{policy.ref.name} ({manifest.where}) {_effect(case, policy, word)}: with it, this would be {word}"


def _otherwise(case: CauseContext) -> Iterator[str]:
    """Other versions of policies in force, that would make a difference in their place."""
    for manifest, policy, word in _elsewhere(case):
        if any(case.policies([policy.ref])):
            yield f"there is another {policy.ref.name} at {manifest.where}: with that one, this would be {word}"


def _elsewhere(case: CauseContext) -> Iterator[tuple[Manifest, NetworkPolicy, Expected]]:
    """Policies of the scenario, not in force in this step, that would change the word to what its author says."""
    scenario, step = case.outlook.scenario, case.outlook.step
    here = {manifest.where for manifest in step.policies}
    others = [manifest for other in scenario.steps for manifest in other.policies]
    known = {
        m.where: m for m in (*others, *case.spare) if m.family is ApiGroupFamily.KUBERNETES and m.where not in here
    }
    for manifest in known.values():
        policy = NetworkPolicy.parse(manifest.data)
        supposed = case.supposing(policy)
        if supposed is not case.reading.word and case.wanted in (None, supposed):
            yield manifest, policy, supposed


def _effect(case: CauseContext, policy: NetworkPolicy, word: Expected) -> str:
    """What a policy that is not in force would do."""
    flows = (*case.reading.route.lookups, *case.reading.route.legs)
    for flow in flows if word is not Expected.ALLOWED else ():
        for end, direction in ((flow.source, Direction.EGRESS), (flow.destination, Direction.INGRESS)):
            pod = case.outlook.world.pods.get(end) if isinstance(end, NamespacedName) else None
            if pod and isolates(policy, pod, direction):
                return f"would isolate {case.naming.end(end)} for {direction.lower()}, and is not in force in this step"
    return "is not in force in this step"


def _rules(case: CauseContext, side: Side) -> Iterator[tuple[NetworkPolicy, int, Rule]]:
    """The rules of the policies that isolate a side's subject."""
    for policy in case.policies(side.isolating):
        yield from ((policy, index, rule) for index, rule in enumerate(policy.rules(side.direction)))


def _other(direction: Direction) -> Direction:
    return Direction.EGRESS if direction is Direction.INGRESS else Direction.INGRESS


_SURPRISES = (_not_in_force, _namespace_labels, _one_item, _two_items, _service_ports, _types, _blocks, _otherwise)
