"""The policies of a step of the catalogue of ClusterNetworkPolicy. Pure."""

from netpol_harness.generate.axes import SelectorChoice
from netpol_harness.generate.cluster_axes import Behind, ClusterPeerAxis, ClusterRuleCase, ClusterSubject, ProtocolAxis
from netpol_harness.generate.policies import NAME, selector
from netpol_harness.generate.topology import PODS, SELECTED_NAMESPACE, SELECTED_POD, SUBJECT, SUBJECT_NAMESPACE
from netpol_harness.model.cluster_policy import Action, Tier
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.policy import PEERS_FIELD

_PRIORITY, _LATER = 100, 200
_OPPOSITE = {Action.ACCEPT: Action.DENY, Action.DENY: Action.ACCEPT, Action.PASS: Action.DENY}
"""What would decide without the rule. That of a Pass rule is what it skips, or what it leads to."""

_SELECTORS = {
    ClusterPeerAxis.ALL_NAMESPACES: (SelectorChoice.ABSENT, SelectorChoice.ALL),
    ClusterPeerAxis.SOME_NAMESPACES: (SelectorChoice.ABSENT, SelectorChoice.SOME),
    ClusterPeerAxis.ALL_OF_SOME: (SelectorChoice.ALL, SelectorChoice.SOME),
    ClusterPeerAxis.SOME_OF_ALL: (SelectorChoice.SOME, SelectorChoice.ALL),
    ClusterPeerAxis.SOME_OF_SOME: (SelectorChoice.SOME, SelectorChoice.SOME),
}
"""The pods and the namespaces of each peer that has selectors."""


def cluster_policies(case: ClusterRuleCase, prefix: str) -> dict[str, JsonObject]:
    """Return the policies of a step, by file name. ``prefix`` is that of ``topology.network_prefix``.

    The policies under test have the same name in all cases, so that each step edits the policy of the step before it.
    """
    rules = [_rule(case, prefix)]
    behind: dict[str, JsonObject] = {}
    match case.behind:
        case Behind.NEXT_RULE:
            rules.append(_rest(case))
        case Behind.LATER_POLICY:
            later = _spec(case, case.tier, _LATER, [_rest(case)])
            behind = {f"later-{_variant(case)}": _cluster_policy("later", later)}
        case Behind.BASELINE:
            baseline = _spec(case, Tier.BASELINE, _PRIORITY, [_rest(case)])
            behind = {f"baseline-{_variant(case)}": _cluster_policy("baseline", baseline)}
        case Behind.NETWORK_POLICY:
            behind = {f"own-{_variant(case)}": _network_policy(case)}
    tested = _cluster_policy(NAME, _spec(case, case.tier, _PRIORITY, rules))
    return {f"{case.tier.lower()}.{case.name}": tested, **behind}


def _variant(case: ClusterRuleCase) -> str:
    return "-".join(map(str.lower, (case.tier, case.direction, _OPPOSITE[case.action], case.subject)))


def _spec(case: ClusterRuleCase, tier: Tier, priority: int, rules: list[JsonObject]) -> JsonObject:
    fields = {"tier": tier.value, "priority": priority, "subject": _subject(case.subject)}
    return fields | {case.direction.lower(): rules}


def _subject(subject: ClusterSubject) -> JsonObject:
    in_namespace = {"matchLabels": {"ns": SUBJECT_NAMESPACE}}
    match subject:
        case ClusterSubject.NAMESPACES:
            return {"namespaces": in_namespace}
        case ClusterSubject.PODS:
            pods: JsonObject = {"matchLabels": {"pod": SUBJECT}}
        case ClusterSubject.EXPRESSION:
            pods = {"matchExpressions": [{"key": "pod", "operator": "In", "values": [SUBJECT]}]}
    return {"pods": {"namespaceSelector": in_namespace, "podSelector": pods}}


def _rule(case: ClusterRuleCase, prefix: str) -> JsonObject:
    rule = {"name": "tested", "action": case.action.value, PEERS_FIELD[case.direction]: [_peer(case, prefix)]}
    protocols = _protocols(case.protocols)
    return rule | ({"protocols": protocols} if protocols else {})


def _rest(case: ClusterRuleCase) -> JsonObject:
    """Return the rule that does the opposite to all pods, and in egress rules to all hosts too."""
    peers: list[JsonObject] = [{"namespaces": {}}]
    if case.peer.is_network:
        peers.append({"networks": ["0.0.0.0/0", "::/0"]})
    return {"name": "rest", "action": _OPPOSITE[case.action].value, PEERS_FIELD[case.direction]: peers}


def _peer(case: ClusterRuleCase, prefix: str) -> JsonObject:
    if case.peer is ClusterPeerAxis.NETWORK:
        return {"networks": [f"{prefix}.0/25"]}
    if case.peer is ClusterPeerAxis.ALL_NETWORKS:
        return {"networks": ["0.0.0.0/0", "::/0"]}
    pods, namespaces = _SELECTORS[case.peer]
    names = sorted({name for pods_of in PODS.values() for name in pods_of})
    of_namespaces = selector(namespaces, case.selector_form, "ns", SELECTED_NAMESPACE, [*PODS])
    of_pods = selector(pods, case.selector_form, "pod", SELECTED_POD, names)
    if of_pods is None:
        return {"namespaces": of_namespaces}
    return {"pods": {"namespaceSelector": of_namespaces, "podSelector": of_pods}}


def _protocols(protocols: ProtocolAxis) -> list[JsonObject]:
    number: JsonObject = {"destinationPort": {"number": 80}}
    ports: JsonObject = {"destinationPort": {"range": {"start": 53, "end": 80}}}
    match protocols:
        case ProtocolAxis.ABSENT:
            return []
        case ProtocolAxis.TCP_NUMBER:
            return [{"tcp": number}]
        case ProtocolAxis.UDP_NUMBER:
            return [{"udp": number}]
        case ProtocolAxis.SCTP_NUMBER:
            return [{"sctp": number}]
        case ProtocolAxis.TCP_RANGE:
            return [{"tcp": ports}]
        case ProtocolAxis.UDP_RANGE:
            return [{"udp": ports}]
        case ProtocolAxis.NAME:
            return [{"destinationNamedPort": "serve-81-tcp"}]
        case ProtocolAxis.TWO:
            return [{"tcp": number}, {"udp": {"destinationPort": {"number": 81}}}]


def _cluster_policy(name: str, spec: JsonObject) -> JsonObject:
    version = "policy.networking.k8s.io/v1alpha2"
    return {"apiVersion": version, "kind": "ClusterNetworkPolicy", "metadata": {"name": name}, "spec": spec}


def _network_policy(case: ClusterRuleCase) -> JsonObject:
    """Return a policy of the subject's namespace that does the opposite to everybody, in this direction alone."""
    pods = {} if case.subject is ClusterSubject.NAMESPACES else {"matchLabels": {"pod": SUBJECT}}
    rules: list[JsonObject] = [{}] if _OPPOSITE[case.action] is Action.ACCEPT else []
    spec = {"podSelector": pods, "policyTypes": [case.direction.value], case.direction.lower(): rules}
    metadata = {"name": "own", "namespace": SUBJECT_NAMESPACE}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}
