"""One side of a connection that an edit is to open or to close. Pure."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address

from netpol_harness.analysis.closeness import distance
from netpol_harness.analysis.edits.draft import Draft
from netpol_harness.analysis.refusals import RefusalDescriber
from netpol_harness.analysis.typed_ports import typed_ports
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import Direction, NamespacedName, Port
from netpol_harness.model.objects import Pod
from netpol_harness.model.policy import IPBlock, NetworkPolicy, PodPeer, PolicyPort, Rule
from netpol_harness.oracle.mismatch import ClusterReason
from netpol_harness.oracle.verdict import Flow, FlowEnd, Host, Refusal, Side

RuleKey = tuple[NamespacedName, int]
"""A policy, and the index of a rule."""


@dataclass(frozen=True, slots=True)
class RefusedRule:
    """A rule that refuses a flow, or of which it is open whether it admits it.

    ``refusals`` has an entry for each flow, ``None`` if the rule admits or may. ``uncertain_peers`` are the indexes of
    the peers that may match.
    """

    policy: NetworkPolicy
    index: int
    rule: Rule
    refusals: tuple[Refusal | None, ...]
    distance: int
    uncertain_peers: frozenset[int]

    @property
    def refusal(self) -> Refusal | None:
        """A refusal that has all reasons of the peers."""
        return next(filter(None, self.refusals), None)


@dataclass(frozen=True)
class Task:
    """The sides of one direction of flows that differ only in their port, such as the look-up by UDP and by TCP."""

    draft: Draft
    direction: Direction
    flows: tuple[Flow, ...]
    sides: tuple[Side, ...]
    is_lookup: bool = False

    @property
    def flow(self) -> Flow:
        """The first flow."""
        return self.flows[0]

    @property
    def side(self) -> Side:
        """The side of the first flow."""
        return self.sides[0]

    @property
    def ports(self) -> tuple[Port, ...]:
        """The destination's ports."""
        return tuple(flow.port for flow in self.flows)

    @cached_property
    def subject(self) -> Pod | None:
        """The pod whose policies decide; ``None`` if the end is a host or a pod that does not exist."""
        end = self.flow.source if self.direction is Direction.EGRESS else self.flow.destination
        return self.draft.predictor.world.pods.get(end) if isinstance(end, NamespacedName) else None

    @property
    def peer_end(self) -> FlowEnd:
        """The other end."""
        return self.flow.destination if self.direction is Direction.EGRESS else self.flow.source

    @cached_property
    def peer(self) -> Pod | Host | None:
        """The other end; ``None`` for a pod that does not exist."""
        end = self.peer_end
        return end if isinstance(end, Host) else self.draft.predictor.world.pods.get(end)

    @cached_property
    def destination(self) -> Pod | None:
        """The destination; ``None`` if it is a host."""
        end = self.flow.destination
        return self.draft.predictor.world.pods.get(end) if isinstance(end, NamespacedName) else None

    @property
    def subject_name(self) -> str:
        """The name of the subject in messages."""
        return self.draft.names.end(self.flow.source if self.direction is Direction.EGRESS else self.flow.destination)

    @property
    def peer_name(self) -> str:
        """The name of the other end in messages."""
        return self.draft.names.end(self.peer_end)

    @property
    def destination_name(self) -> str:
        """The name of the destination in messages."""
        return self.draft.names.end(self.flow.destination)

    def reason(self, reason: ClusterReason) -> str:
        """Return why a peer does not match the other end: ``router is in namespace edge``."""
        names, profile = self.draft.names, self.draft.predictor.profile
        return RefusalDescriber(self.flow, self.direction, profile, names.end).peer_reason(reason)

    def subject_reason(self, reason: ClusterReason) -> str:
        """Return why a policy does not select the subject: ``namespace app has no label team``."""
        names, profile = self.draft.names, self.draft.predictor.profile
        return RefusalDescriber(self.flow, self.direction.opposite, profile, names.end).peer_reason(reason)

    @property
    def way(self) -> str:
        """``ingress`` or ``egress``."""
        return self.direction.lower()

    @cached_property
    def typed_ports(self) -> frozenset[int]:
        """The numbers of a Service that clients type in place of the destination's own."""
        return typed_ports(self.flow, self.draft.path.target, self.draft.predictor.world)

    @property
    def isolating(self) -> Iterator[NetworkPolicy]:
        """Yield the policies that isolate the subject."""
        yield from (self.draft.policies[ref] for ref in self.side.isolating)

    def is_for_hosts(self, block: IPBlock) -> bool:
        """Whether a block has the address of a host outside the cluster, or is every address."""
        hosts = self.draft.predictor.step.inventory.externals.values()
        return block.cidr.prefixlen == 0 or any(
            ip_address(host.address) in block.cidr for host in hosts if host.address
        )

    def rule_name(self, policy: NetworkPolicy, index: int) -> str:
        """Return ``rule 1 (file:line) of db-policy``."""
        return f"{self.draft.names.rule(policy, self.direction, index)} of {policy.ref.name}"

    def refused_rules(self) -> Iterator[RefusedRule]:
        """Yield every rule of the isolating policies that does not certainly admit all flows."""
        refusals = [{(refusal.policy, refusal.rule): refusal for refusal in side.refusals} for side in self.sides]
        certain, uncertain = self._admissions()
        for policy in self.isolating:
            for index, rule in enumerate(policy.rules(self.direction)):
                key = policy.ref, index
                of_flows = tuple(refused.get(key) for refused in refusals)
                if any(of_flows) or key not in certain:
                    steps = self._distance(policy, rule, next(filter(None, of_flows), None))
                    yield RefusedRule(policy, index, rule, of_flows, steps, frozenset(uncertain[key]))

    def _distance(self, policy: NetworkPolicy, rule: Rule, refusal: Refusal | None) -> int:
        """Return the distance of a rule."""
        home, selection = policy.ref.namespace, self.draft.selection
        peers = enumerate(rule.peers or ()) if isinstance(self.peer, Pod) else ()
        inert = (n for n, peer in peers if isinstance(peer, PodPeer) and not selection.peers(peer, home))
        return distance(rule, refusal, self.flow.port, self.typed_ports, frozenset(inert))

    def _admissions(self) -> tuple[set[RuleKey], defaultdict[RuleKey, set[int]]]:
        """Return the rules that certainly admit the first flow, and the peers of rules that only may."""
        certain, uncertain = set(), defaultdict[RuleKey, set[int]](set)
        for admission in self.side.admissions:
            key = admission.policy, admission.rule
            if not admission.points:
                certain.add(key)
            elif admission.peer is not None:
                uncertain[key].add(admission.peer)
        return certain, uncertain

    def is_served(self, entry: PolicyPort, policy: NetworkPolicy, rule: Rule) -> bool:
        """Whether a pod that the rule lets connections go to declares the port, so that the entry has a purpose."""
        return any(
            declared.port.protocol is entry.protocol
            and (declared.name == entry.port or _contains(entry, declared.port.number))
            for pod in self._destinations(policy, rule)
            for declared in pod.ports
        )

    def _destinations(self, policy: NetworkPolicy, rule: Rule) -> Iterator[Pod]:
        """Yield the pods that connections of a rule go to: the policy's subjects, or the peers of an egress rule.

        The destination of the task is one of them, since the rule is to admit it.
        """
        selection = self.draft.selection
        yield from [self.destination] if self.destination else ()
        if self.direction is Direction.INGRESS:
            yield from selection.pods(selection.subjects(policy))
            return
        chosen = 0
        for peer in rule.peers or (PodPeer(LabelSelector(), None),):
            chosen |= selection.peers(peer, policy.ref.namespace)
        yield from selection.pods(chosen)


def _contains(entry: PolicyPort, number: int) -> bool:
    if not isinstance(entry.port, int):
        return entry.port is None
    return entry.port <= number <= (entry.end_port or entry.port)
