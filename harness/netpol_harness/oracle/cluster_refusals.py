"""Which rules of ClusterNetworkPolicies do not match a flow, and why. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netpol_harness.model.cluster_policy import (
    Action,
    ClusterNetworkPolicy,
    ClusterPeer,
    ClusterPort,
    ClusterRule,
    DomainNames,
    NamedPort,
    Networks,
    NodeSelection,
    PodSelection,
    PortRange,
    Tier,
)
from netpol_harness.model.labels import LabelSelector
from netpol_harness.model.names import Direction
from netpol_harness.model.objects import Pod, World
from netpol_harness.model.policy import IPBlock
from netpol_harness.oracle.blocks import block_reasons
from netpol_harness.oracle.cluster_peers import ClusterPeerMatcher
from netpol_harness.oracle.cluster_rules import has_misplaced_names, in_range, unsupported
from netpol_harness.oracle.endpoints import EndpointIndex
from netpol_harness.oracle.match import Certainty
from netpol_harness.oracle.mismatch import (
    ClusterReason,
    DecidedAgainst,
    NamespaceLabelMismatch,
    NodeLabelMismatch,
    NotANode,
    NotAPod,
    OnNodeNetwork,
    OtherName,
    PodLabelMismatch,
    PortField,
    PortMismatch,
)
from netpol_harness.oracle.peers import addresses_of
from netpol_harness.oracle.points import Profile
from netpol_harness.oracle.rules import DirectedFlow
from netpol_harness.oracle.verdict import Flow, Host


@dataclass(frozen=True, slots=True)
class ClusterRefusal:
    """A rule that certainly does not match a flow, and why; ``rule`` is an index from 0.

    ``subject`` has the reasons why the policy does not select the subject. ``peers`` has the reasons of each entry of
    the rule's peers, in order, and ``ports`` the reason of each entry of its protocols. Each of the three is empty if
    that part matches, or may; at least one is not.
    """

    policy: str
    tier: Tier
    priority: int
    rule: int
    subject: tuple[ClusterReason, ...] = ()
    peers: tuple[tuple[ClusterReason, ...], ...] = ()
    ports: tuple[PortMismatch, ...] = ()


class ClusterRefusals:
    """Finds the refusals in one world, as one profile reads the policies."""

    def __init__(self, world: World, endpoints: EndpointIndex, profile: Profile) -> None:
        self._world = world
        self._endpoints = endpoints
        self._profile = profile
        self._matcher = ClusterPeerMatcher(world, endpoints, profile)

    def of(self, flow: Flow, direction: Direction) -> tuple[ClusterRefusal, ...]:
        """Return the refusals in order of evaluation; none if the subject is not a pod.

        Rules that may match, or that fail closed to a denial of everything, are left out.
        """
        source, destination = self._endpoints.find(flow.source), self._endpoints.find(flow.destination)
        subject, peer = (source, destination) if direction is Direction.EGRESS else (destination, source)
        if not isinstance(subject, Pod) or peer is None:
            return ()
        directed = DirectedFlow(flow, direction, subject, peer, destination if isinstance(destination, Pod) else None)
        ordered = sorted(self._world.cluster_policies, key=lambda each: (each.tier, each.priority, each.name))
        return tuple(refusal for policy in ordered for refusal in self._of_policy(policy, directed))

    def _of_policy(self, policy: ClusterNetworkPolicy, directed: DirectedFlow) -> Iterator[ClusterRefusal]:
        subject = self._selector_reasons(policy.subject, directed.subject)
        for index, rule in enumerate(policy.rules(directed.direction)):
            if rule.has_unknown_parts or has_misplaced_names(rule, policy.tier):
                continue
            peers = self._peer_reasons(rule, directed)
            denies_all = rule.action is not Action.ACCEPT and bool(unsupported(rule, self._profile))
            ports = () if denies_all else _port_reasons(rule, directed)
            if subject or peers or ports:
                yield ClusterRefusal(policy.name, policy.tier, policy.priority, index, subject, peers, ports)

    def _peer_reasons(self, rule: ClusterRule, directed: DirectedFlow) -> tuple[tuple[ClusterReason, ...], ...]:
        """Return the reasons of each entry; nothing if one of them matches, or may."""
        if points := unsupported(rule, self._profile):
            return () if rule.action is not Action.ACCEPT else ((DecidedAgainst(points),),) * len(rule.peers)
        reasons = [tuple(self._entry_reasons(peer, directed)) for peer in rule.peers]
        return tuple(reasons) if all(reasons) else ()

    def _entry_reasons(self, peer: ClusterPeer, directed: DirectedFlow) -> Iterator[ClusterReason]:
        """Yield why the entry does not match; nothing if it does, or may."""
        match = self._matcher.peer(peer, directed)
        if match.certainty is not Certainty.NEVER:
            return
        if match.decided:
            yield DecidedAgainst(match.decided)
        elif isinstance(peer, PodSelection):
            yield from self._selector_reasons(peer, directed.peer)
        elif isinstance(peer, Networks):
            addresses = (*addresses_of(directed.peer), *self._virtual_addresses(directed))
            for block in peer.blocks:
                yield from block_reasons(IPBlock(block), addresses, directed.flow.version)
        elif isinstance(peer, NodeSelection):
            yield from self._node_reasons(peer.nodes, directed.peer)
        elif isinstance(peer, DomainNames):
            yield OtherName(peer.names, directed.flow.name)

    def _selector_reasons(self, selection: PodSelection, end: Pod | Host) -> tuple[ClusterReason, ...]:
        """Return why the selectors do not select the end; nothing if they do, or may."""
        if self._matcher.selection(selection, end).certainty is not Certainty.NEVER:
            return ()
        pod = self._endpoints.as_pod(end)
        if isinstance(pod, Host):
            return (NotAPod(),)
        if pod.host_network:
            return (OnNodeNetwork(),)
        namespace = pod.ref.namespace
        labels = self._endpoints.namespace_labels(namespace)
        spaces = [
            NamespaceLabelMismatch(namespace, unmet, labels.get(unmet.key))
            for unmet in selection.namespaces.unmet(labels)
            if not self._endpoints.has_unknown_labels(namespace, LabelSelector((unmet,)))
        ]
        pods = [PodLabelMismatch(unmet, pod.labels.get(unmet.key)) for unmet in selection.pods.unmet(pod.labels)]
        return (*spaces, *pods)

    def _node_reasons(self, selector: LabelSelector, end: Pod | Host) -> Iterator[ClusterReason]:
        node = self._matcher.node_of(end)
        if node is None:
            yield NotANode()
            return
        for unmet in selector.unmet(node.labels):
            yield NodeLabelMismatch(node.name, unmet, node.labels.get(unmet.key))

    def _virtual_addresses(self, directed: DirectedFlow) -> Sequence[str]:
        """Return the addresses before translation, which egress rules may see."""
        if directed.direction is Direction.INGRESS or not self._endpoints.is_translated(directed.flow):
            return ()
        return self._endpoints.virtual_addresses(directed.flow)


def _port_reasons(rule: ClusterRule, directed: DirectedFlow) -> tuple[PortMismatch, ...]:
    """Return the reason of each entry; nothing if one of them matches, or if the rule has none."""
    reasons = [_port_reason(entry, directed) for entry in rule.ports or ()]
    return tuple(filter(None, reasons)) if all(reasons) else ()


def _port_reason(entry: ClusterPort, directed: DirectedFlow) -> PortMismatch | None:
    port, destination = directed.flow.port, directed.destination
    if isinstance(entry, NamedPort):
        numbers = destination.numbers(entry.name, port.protocol) if destination else ()
        return None if port.number in numbers else PortMismatch(PortField.NAME, tuple(sorted(numbers)))
    if not isinstance(entry, PortRange) or in_range(entry, port):
        return None
    return PortMismatch(PortField.NUMBER if entry.protocol is port.protocol else PortField.PROTOCOL)
