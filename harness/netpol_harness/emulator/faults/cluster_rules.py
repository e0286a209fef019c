"""ClusterNetworkPolicy: subjects, peers and protocols misread."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from netpol_harness.emulator.faults.cluster_tiers import cluster_policies, cluster_rules
from netpol_harness.emulator.faults.mutant import Mutant, WorldFault
from netpol_harness.emulator.faults.rewriting import EVERYTHING
from netpol_harness.model.cluster_policy import (
    ClusterPeer,
    ClusterPort,
    ClusterRule,
    NamedPort,
    Networks,
    NodeSelection,
    PodSelection,
    PortRange,
)
from netpol_harness.model.names import Protocol

_LAST_PORT = 65535


def _peer_lists(rewrite: Callable[[tuple[ClusterPeer, ...]], Iterable[ClusterPeer]]) -> WorldFault:
    """Rewrite the peers of every rule. A rule that keeps none is removed."""

    def rewritten(rule: ClusterRule) -> list[ClusterRule]:
        peers = tuple(rewrite(rule.peers))
        return [replace(rule, peers=peers)] if peers else []

    return cluster_rules(rewritten)


def _port_lists(rewrite: Callable[[tuple[ClusterPort, ...]], Iterable[ClusterPort]]) -> WorldFault:
    """Rewrite the protocols of every rule that has them. A rule that keeps none is removed."""

    def rewritten(rule: ClusterRule) -> list[ClusterRule]:
        if rule.ports is None:
            return [rule]
        ports = tuple(rewrite(rule.ports))
        return [replace(rule, ports=ports)] if ports else []

    return cluster_rules(rewritten)


def _ranges(rewrite: Callable[[PortRange], PortRange]) -> WorldFault:
    return _port_lists(lambda ports: [rewrite(port) if isinstance(port, PortRange) else port for port in ports])


def _shorter(port: PortRange) -> PortRange:
    return port if port.first == port.last else replace(port, last=port.last - 1)


def _every_namespace(peer: ClusterPeer) -> ClusterPeer:
    is_of_pods = isinstance(peer, PodSelection) and peer.pods.requirements
    return replace(peer, namespaces=EVERYTHING) if isinstance(peer, PodSelection) and is_of_pods else peer


def _every_pod(peer: ClusterPeer) -> ClusterPeer:
    return replace(peer, pods=EVERYTHING) if isinstance(peer, PodSelection) else peer


def _first_network(peer: ClusterPeer) -> ClusterPeer:
    return Networks(peer.blocks[:1]) if isinstance(peer, Networks) else peer


def _tcp_alone(rule: ClusterRule) -> ClusterRule:
    return rule if rule.ports is not None else replace(rule, ports=(PortRange(Protocol.TCP, 1, _LAST_PORT),))


def _mutant(name: str, description: str, sources: str, fault: WorldFault) -> Mutant:
    return Mutant(name, description, tuple(sources.split()), world=fault)


MUTANTS = (
    _mutant(
        "cnp-subject-pods-ignored",
        "A subject's podSelector is ignored: the policy applies to whole namespaces.",
        "admin_pod_selectors baseline_pod_selectors",
        cluster_policies(lambda policy: [replace(policy, subject=replace(policy.subject, pods=EVERYTHING))]),
    ),
    _mutant(
        "cnp-subject-namespaces-ignored",
        "A subject's selector of namespaces is ignored.",
        "admin_pod_selectors admin_both_directions",
        cluster_policies(lambda policy: [replace(policy, subject=replace(policy.subject, namespaces=EVERYTHING))]),
    ),
    _mutant(
        "cnp-peer-pods-ignored",
        "The podSelector of a peer is ignored: the rule matches whole namespaces.",
        "admin_pod_selectors admin_priority",
        _peer_lists(lambda peers: map(_every_pod, peers)),
    ),
    _mutant(
        "cnp-peer-namespaces-ignored",
        "The namespaceSelector beside a peer's podSelector is ignored.",
        "admin_pod_selectors admin_priority",
        _peer_lists(lambda peers: map(_every_namespace, peers)),
    ),
    _mutant(
        "cnp-only-the-first-peer",
        "Of several peers of a rule of a ClusterNetworkPolicy only the first counts.",
        "admin_egress_nodes admin_egress_networks",
        _peer_lists(lambda peers: peers[:1]),
    ),
    _mutant(
        "cnp-only-the-first-network",
        "Of several networks of a peer only the first counts.",
        "admin_egress_networks",
        _peer_lists(lambda peers: map(_first_network, peers)),
    ),
    _mutant(
        "cnp-nodes-unknown",
        "A peer of nodes matches nothing.",
        "admin_egress_nodes",
        _peer_lists(lambda peers: (peer for peer in peers if not isinstance(peer, NodeSelection))),
    ),
    _mutant(
        "cnp-only-the-first-protocol",
        "Of several protocols of a rule of a ClusterNetworkPolicy only the first counts.",
        "admin_both_directions",
        _port_lists(lambda ports: ports[:1]),
    ),
    _mutant(
        "cnp-protocols-ignored",
        "A rule of a ClusterNetworkPolicy applies to all traffic, whatever its protocols.",
        "admin_egress_tcp admin_egress_udp",
        cluster_rules(lambda rule: [replace(rule, ports=None)]),
    ),
    _mutant(
        "cnp-without-protocols-means-tcp",
        "A rule of a ClusterNetworkPolicy without protocols applies to TCP only.",
        "admin_both_directions",
        cluster_rules(lambda rule: [_tcp_alone(rule)]),
    ),
    _mutant(
        "cnp-range-is-its-first-port",
        "Of a range of ports of a ClusterNetworkPolicy only the first port counts.",
        "admin_port_ranges",
        _ranges(lambda port: replace(port, last=port.first)),
    ),
    _mutant(
        "cnp-range-without-its-last-port",
        "The last port of a range of a ClusterNetworkPolicy does not count.",
        "admin_port_ranges",
        _ranges(_shorter),
    ),
    _mutant(
        "cnp-named-port-unknown",
        "A destinationNamedPort matches nothing.",
        "admin_egress_named_port",
        _port_lists(lambda ports: (port for port in ports if not isinstance(port, NamedPort))),
    ),
)
