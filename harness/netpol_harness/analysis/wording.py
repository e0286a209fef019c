"""Parts of policies in words: selectors, peers, ports, rules. Short enough for one line of a message. Pure."""

from collections.abc import Sequence

from netpol_harness.model.labels import LabelSelector, Operator, Requirement
from netpol_harness.model.policy import IPBlock, Peer, PolicyPort, Rule
from netpol_harness.oracle.points import OpenPoint

LISTED = 3
"""Items of a list that are named one by one."""

QUESTIONS = {
    OpenPoint.IP_BLOCK_OF_PODS: "whether an ipBlock holds pods",
    OpenPoint.TRANSLATION: "whether policies come before or after a Service's translation",
    OpenPoint.ESTABLISHED: "what a change does to open connections",
    OpenPoint.OTHER_PROTOCOLS: "what policies do to ICMP",
    OpenPoint.OWN_NODE: "whether a pod may always reach its own node",
    OpenPoint.HOST_NETWORK: "whether policies know pods on the node's network",
    OpenPoint.TAKING_EFFECT: "when a policy takes effect",
    OpenPoint.HAIRPIN: "whether a pod reaches itself through its Service",
    OpenPoint.ADMIN_TIERS: "how ties among administrators' policies are broken",
    OpenPoint.NAMED_PORT_OUTSIDE: "what a port's name means where the destination is no pod",
    OpenPoint.OPTIONAL_FEATURES: "whether the network plugin knows SCTP and endPort",
    OpenPoint.NO_IMPLEMENTATION: "whether anybody enforces policies",
    OpenPoint.HOW_BLOCKED: "what a denial looks like",
    OpenPoint.NOT_KNOWN: "what address or node an end has, as only a cluster can tell",
}
"""What an answer can hang on, as questions that a sentence can hold."""


def listed(items: Sequence[str], conjunction: str = "and") -> str:
    """``a, b and c``; what goes beyond the first few is counted."""
    shown = list(dict.fromkeys(items))
    if len(shown) > LISTED + 1:
        shown = [*shown[:LISTED], f"{len(shown) - LISTED} more"]
    return f" {conjunction} ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))


def selector_words(selector: LabelSelector) -> str:
    """``app=web, tier in (a, b)``; empty for the selector that matches everything."""
    return ", ".join(map(requirement_words, selector.requirements))


def requirement_words(requirement: Requirement) -> str:
    """One requirement as ``kubectl -l`` takes it."""
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


def peer_words(peer: Peer, namespace: str) -> str:
    """Whom a peer names, in a policy of ``namespace``."""
    if isinstance(peer, IPBlock):
        holes = f" except {listed([*map(str, peer.excepts)])}" if peer.excepts else ""
        return f"{peer.cidr}{holes}"
    pods = _named("pods", peer.pods)
    if peer.namespaces is None:
        return f"{pods} of namespace {namespace}"
    return f"{pods} in {_named('namespaces', peer.namespaces)}"


def port_words(port: PolicyPort) -> str:
    """``3306/TCP``, ``8000-8080/TCP``, ``port http (TCP)`` or ``every TCP port``."""
    if port.port is None:
        return f"every {port.protocol} port"
    if isinstance(port.port, str):
        return f"port {port.port} ({port.protocol})"
    return f"{port.port}{f'-{port.end_port}' if port.end_port else ''}/{port.protocol}"


def rule_words(rule: Rule, namespace: str) -> str:
    """What a rule admits: ``pods app=app of namespace default on 3306/TCP``."""
    peers = "everybody" if rule.peers is None else listed([peer_words(peer, namespace) for peer in rule.peers], "or")
    ports = "every port" if rule.ports is None else listed([*map(port_words, rule.ports)], "or")
    return f"{peers} on {ports}"


def _named(noun: str, selector: LabelSelector | None) -> str:
    words = selector_words(selector) if selector else ""
    return f"{noun} {words}" if words else f"all {noun}"
