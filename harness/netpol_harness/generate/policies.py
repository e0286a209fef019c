"""The NetworkPolicy manifests of a step of the catalogue. Pure."""

from netpol_harness.generate.axes import (
    SELECTORS,
    PairedPolicy,
    Peer,
    PolicyPair,
    PolicyTypes,
    PortKind,
    RuleCase,
    RuleProtocol,
    SelectorChoice,
    SelectorForm,
    SubjectAxis,
)
from netpol_harness.generate.topology import PODS, SELECTED_NAMESPACE, SELECTED_POD, SUBJECT, SUBJECT_NAMESPACE
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import Direction

NAME = "under-test"
_PEERS_KEY = {Direction.INGRESS: "from", Direction.EGRESS: "to"}


def policies(step: RuleCase | PolicyPair, prefix: str) -> dict[str, JsonObject]:
    """Return the policies of a step, by file name. ``prefix`` is that of ``topology.network_prefix``.

    The policies of all cases have the same name, so that each step edits the policy of the step before it.
    """
    if isinstance(step, PolicyPair):
        return {str(kind): _paired_policy(kind, step.direction, prefix) for kind in (step.first, step.second)}
    rule = _peers(step, prefix) | _ports(step)
    spec = {"podSelector": _subject(step.subject)} | _types(step) | {step.direction.lower(): [rule]}
    return {step.name: _manifest(NAME, spec)}


def _paired_policy(kind: PairedPolicy, direction: Direction, prefix: str) -> JsonObject:
    spec: JsonObject = {"podSelector": _subject(SubjectAxis.LABELS), "policyTypes": [direction.value]}
    rule = _paired_rule(kind, _PEERS_KEY[direction], prefix)
    return _manifest(kind, spec if rule is None else spec | {direction.lower(): [rule]})


def _paired_rule(kind: PairedPolicy, key: str, prefix: str) -> JsonObject | None:
    match kind:
        case PairedPolicy.DENY_ALL:
            return None
        case PairedPolicy.BY_POD:
            return {key: [{"podSelector": {"matchLabels": {"pod": SELECTED_POD}}}]}
        case PairedPolicy.BY_BLOCK:
            return {key: [_block(prefix, excepted=f"{prefix}.128/25")]}
        case PairedPolicy.BY_PORT:
            return {"ports": [{"port": 81}]}


def _manifest(name: str, spec: JsonObject) -> JsonObject:
    metadata = {"name": str(name), "namespace": SUBJECT_NAMESPACE}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _subject(subject: SubjectAxis) -> JsonObject:
    match subject:
        case SubjectAxis.ALL:
            return {}
        case SubjectAxis.LABELS:
            return {"matchLabels": {"pod": SUBJECT}}
        case SubjectAxis.EXPRESSION:
            return {"matchExpressions": [{"key": "pod", "operator": "In", "values": [SUBJECT]}]}


def _types(case: RuleCase) -> JsonObject:
    return {"policyTypes": [case.direction.value]} if case.policy_types is PolicyTypes.STATED else {}


def _peers(case: RuleCase, prefix: str) -> JsonObject:
    key = _PEERS_KEY[case.direction]
    match case.peer:
        case Peer.EVERYBODY:
            return {}
        case Peer.BLOCK:
            return {key: [_block(prefix)]}
        case Peer.BLOCK_EXCEPT:
            return {key: [{"ipBlock": {"cidr": "0.0.0.0/0", "except": [f"{prefix}.128/25"]}}]}
        case _:
            return {key: [_selectors(case)]}


def _block(prefix: str, *, excepted: str = "") -> JsonObject:
    block: JsonObject = {"cidr": f"{prefix}.0/24"}
    return {"ipBlock": block | ({"except": [excepted]} if excepted else {})}


def _selectors(case: RuleCase) -> JsonObject:
    pods, namespaces = SELECTORS[case.peer]
    names = sorted({name for pods_of in PODS.values() for name in pods_of})
    of_namespaces = selector(namespaces, case.selector_form, "ns", SELECTED_NAMESPACE, [*PODS])
    of_pods = selector(pods, case.selector_form, "pod", SELECTED_POD, names)
    selectors = {"namespaceSelector": of_namespaces, "podSelector": of_pods}
    return {key: selector for key, selector in selectors.items() if selector is not None}


def selector(
    choice: SelectorChoice, selector_form: SelectorForm, key: str, selected: str, known: list[str]
) -> JsonObject | None:
    """Return a selector of ``selected`` out of ``known``.

    All forms select the same, as long as the cluster has nothing else.
    """
    if choice is not SelectorChoice.SOME:
        return None if choice is SelectorChoice.ABSENT else {}
    match selector_form:
        case SelectorForm.LABELS:
            return {"matchLabels": {key: selected}}
        case SelectorForm.IN:
            return _expression(key, "In", [selected, "nobody"])
        case SelectorForm.NOT_IN:
            return _expression(key, "NotIn", [name for name in known if name != selected])
        case SelectorForm.EXISTS:
            return _expression("chosen", "Exists")
        case SelectorForm.DOES_NOT_EXIST:
            return _expression("spare", "DoesNotExist")


def _expression(key: str, operator: str, values: list[str] | None = None) -> JsonObject:
    requirement: JsonObject = {"key": key, "operator": operator}
    return {"matchExpressions": [requirement | ({"values": values} if values else {})]}


def _ports(case: RuleCase) -> JsonObject:
    protocol: JsonObject = {} if case.protocol is RuleProtocol.DEFAULT else {"protocol": case.protocol.upper()}
    entries = [protocol | port for port in _port_entries(case.port, case.protocol)]
    return {} if entries == [{}] else {"ports": entries}


def _port_entries(port: PortKind, protocol: RuleProtocol) -> list[JsonObject]:
    name = "tcp" if protocol is RuleProtocol.DEFAULT else protocol.value
    other = "tcp" if protocol is RuleProtocol.UDP else "udp"
    match port:
        case PortKind.ANY:
            return [{}]
        case PortKind.NUMBER:
            return [{"port": 80}]
        case PortKind.NAME:
            return [{"port": f"serve-81-{name}"}]
        case PortKind.RANGE:
            return [{"port": 53, "endPort": 80}]
        case PortKind.TWO:
            return [{"port": 80}, {"port": f"serve-81-{other}"}]
