"""Parts of policies in words: selectors, peers, ports, rules. Short enough for one line of a message. Pure."""

from collections.abc import Sequence

from netpol_harness.model.cluster_policy import (
    ClusterPeer,
    ClusterPort,
    DomainNames,
    NamedPort,
    Networks,
    NodeSelection,
    PodSelection,
    PortRange,
)
from netpol_harness.model.labels import LabelSelector, Operator, Requirement
from netpol_harness.model.policy import IPBlock, Peer, PodPeer, PolicyPort, Rule
from netpol_harness.oracle.points import OpenPoint

MOST_LISTED = 3
"""How many items of a list are named; the rest are counted."""

OPEN_QUESTIONS = {
    OpenPoint.IP_BLOCK_OF_PODS: "whether an ipBlock matches pods",
    OpenPoint.TRANSLATION: "whether policies apply before or after a Service's translation",
    OpenPoint.FORWARDED: "whether a node that forwards a connection replaces its source",
    OpenPoint.ESTABLISHED: "what a change does to open connections",
    OpenPoint.OTHER_PROTOCOLS: "what policies do to ICMP",
    OpenPoint.OWN_NODE: "whether a pod may always reach its own node",
    OpenPoint.HOST_NETWORK: "whether policies apply to pods on the node's network",
    OpenPoint.TAKING_EFFECT: "when a policy takes effect",
    OpenPoint.HAIRPIN: "whether a pod reaches itself through its Service",
    OpenPoint.ADMIN_TIERS: "which of several ClusterNetworkPolicies of one tier and priority goes first",
    OpenPoint.OTHER_DIRECTION: "whether a NetworkPolicy of one direction keeps the Baseline tier from the other",
    OpenPoint.TIER_HAIRPIN: "whether ClusterNetworkPolicies apply to a pod that reaches itself through its Service",
    OpenPoint.NODE_TO_OWN_POD: "whether ClusterNetworkPolicies apply to a node that connects to its own pods",
    OpenPoint.NODE_PEERS: "whether the network plugin supports peers of nodes",
    OpenPoint.DOMAIN_NAMES: "whether the network plugin supports peers of domainNames",
    OpenPoint.DOMAIN_NAMES_ELSEWHERE: "what domainNames mean in a rule other than an Accept rule of the Admin tier",
    OpenPoint.LOOKED_UP: "whether domainNames match an address that the pod has not just looked up",
    OpenPoint.NAMED_PORT_OUTSIDE: "what a port's name means if the destination is not a pod",
    OpenPoint.OPTIONAL_FEATURES: "whether the network plugin supports SCTP and endPort",
    OpenPoint.NO_IMPLEMENTATION: "whether a network plugin enforces policies",
    OpenPoint.HOW_BLOCKED: "whether a blocked connection is dropped or rejected",
    OpenPoint.NAMESPACE_LABELS: "which labels a namespace has that no manifest declares",
    OpenPoint.NOT_KNOWN: "which address or node an end has, as only a cluster can tell",
}
"""The open points as questions that fit into a sentence."""


def natural_list(items: Sequence[str], conjunction: str = "and") -> str:
    """Join items as ``a, b and c``; those beyond the first few are counted."""
    shown = list(dict.fromkeys(items))
    if len(shown) > MOST_LISTED + 1:
        shown = [*shown[:MOST_LISTED], f"{len(shown) - MOST_LISTED} more"]
    return f" {conjunction} ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))


def describe_selector(selector: LabelSelector) -> str:
    """Return ``app=web, tier in (a, b)``; empty for the selector that matches everything."""
    return ", ".join(map(describe_requirement, selector.requirements))


def describe_requirement(requirement: Requirement) -> str:
    """Return one requirement as ``kubectl -l`` takes it."""
    key, values = requirement.key, sorted(requirement.values)
    match requirement.operator:
        case Operator.IN if len(values) == 1:
            return f"{key}={values[0]}"
        case Operator.IN:
            return f"{key} in ({', '.join(values)})"
        case Operator.NOT_IN if len(values) == 1:
            return f"{key}!={values[0]}"
        case Operator.NOT_IN:
            return f"{key} notin ({', '.join(values)})"
        case Operator.EXISTS:
            return key
        case Operator.DOES_NOT_EXIST:
            return f"!{key}"


def describe_peer(peer: Peer, namespace: str) -> str:
    """Return the peers that an entry means in a policy of ``namespace``: ``pods app=app of namespace default``."""
    if isinstance(peer, IPBlock):
        excepts = f" except {natural_list([*map(str, peer.excepts)])}" if peer.excepts else ""
        return f"{peer.cidr}{excepts}"
    pods = _selected("pods", peer.pods)
    if peer.namespaces is None:
        return f"{pods} of namespace {namespace}"
    return f"{pods} in {_selected('namespaces', peer.namespaces)}"


def describe_port(port: PolicyPort) -> str:
    """Return ``3306/TCP``, ``8000-8080/TCP``, ``port http (TCP)`` or ``every TCP port``."""
    if port.port is None:
        return f"every {port.protocol} port"
    if isinstance(port.port, str):
        return f"port {port.port} ({port.protocol})"
    return f"{port.port}{f'-{port.end_port}' if port.end_port else ''}/{port.protocol}"


def describe_cluster_peer(peer: ClusterPeer) -> str:
    """Return what a peer or a subject of a ClusterNetworkPolicy means: ``pods app=db in namespaces team=back``."""
    match peer:
        case PodSelection(namespaces, pods):
            return describe_peer(PodPeer(namespaces, pods), "")
        case Networks(blocks):
            return natural_list([*map(str, blocks)], "or")
        case NodeSelection(nodes):
            return _selected("nodes", nodes)
        case DomainNames(names):
            return natural_list([*names], "or")
        case _:
            return "what is not known"


def describe_cluster_port(port: ClusterPort) -> str:
    """Return ``3306/TCP``, ``8000-8080/TCP`` or ``port http``."""
    match port:
        case PortRange(protocol, first, last):
            return f"{first}{f'-{last}' if last != first else ''}/{protocol}"
        case NamedPort(name):
            return f"port {name}"
        case _:
            return "what is not known"


def describe_rule(rule: Rule, namespace: str) -> str:
    """Return what a rule admits: ``pods app=app of namespace default on 3306/TCP``."""
    peers, ports = "every peer", "every port"
    if rule.peers is not None:
        peers = natural_list([describe_peer(peer, namespace) for peer in rule.peers], "or")
    if rule.ports is not None:
        ports = natural_list([*map(describe_port, rule.ports)], "or")
    return f"{peers} on {ports}"


def _selected(noun: str, selector: LabelSelector | None) -> str:
    requirements = describe_selector(selector) if selector else ""
    return f"{noun} {requirements}" if requirements else f"all {noun}"
