"""From a step of the catalogue to its NetworkPolicy manifests. PURE."""

from netpol_harness.generate.axes import (
    SELECTORS,
    AxisChoice,
    Meeting,
    Peer,
    PortKind,
    RuleCase,
    RuleProtocol,
    Spelling,
    Stance,
    SubjectAxis,
    Types,
)
from netpol_harness.generate.surroundings import CHOSEN_NAMESPACE, CHOSEN_POD, PODS, SUBJECT, SUBJECT_NAMESPACE
from netpol_harness.model.json_object import JsonObject
from netpol_harness.model.names import Direction

NAME = "under-test"
_PEERS_KEY = {Direction.INGRESS: "from", Direction.EGRESS: "to"}


def policies(step: RuleCase | Meeting, prefix: str) -> dict[str, JsonObject]:
    """The policies that are in force in a step, by names for their files. ``prefix``: see ``surroundings.network``.

    Those of cases all bear one name, so that each step edits the policy of the step before it.
    """
    if isinstance(step, Meeting):
        return {str(stance): _by_stance(stance, step.direction, prefix) for stance in (step.one, step.other)}
    rule = _peers(step, prefix) | _ports(step)
    spec = {"podSelector": _subject(step.subject)} | _types(step) | {step.direction.lower(): [rule]}
    return {step.name: _manifest(NAME, spec)}


def _by_stance(stance: Stance, direction: Direction, prefix: str) -> JsonObject:
    spec: JsonObject = {"podSelector": _subject(SubjectAxis.LABELS), "policyTypes": [direction.value]}
    rule = _stance_rule(stance, _PEERS_KEY[direction], prefix)
    return _manifest(stance, spec if rule is None else spec | {direction.lower(): [rule]})


def _stance_rule(stance: Stance, key: str, prefix: str) -> JsonObject | None:
    match stance:
        case Stance.DENY_ALL:
            return None
        case Stance.BY_POD:
            return {key: [{"podSelector": {"matchLabels": {"pod": CHOSEN_POD}}}]}
        case Stance.BY_BLOCK:
            return {key: [_block(prefix, excepted=f"{prefix}.128/25")]}
        case Stance.BY_PORT:
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
    return {"policyTypes": [case.direction.value]} if case.types is Types.STATED else {}


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
    names = sorted({name for found in PODS.values() for name in found})
    of_namespaces = _selector(namespaces, case.spelling, "ns", CHOSEN_NAMESPACE, [*PODS])
    of_pods = _selector(pods, case.spelling, "pod", CHOSEN_POD, names)
    given = {"namespaceSelector": of_namespaces, "podSelector": of_pods}
    return {key: selector for key, selector in given.items() if selector is not None}


def _selector(choice: AxisChoice, spelling: Spelling, key: str, chosen: str, known: list[str]) -> JsonObject | None:
    """``chosen`` out of ``known`` in one of the spellings; all of them would choose the same, were there nothing else
    in the cluster."""
    if choice is not AxisChoice.SOME:
        return None if choice is AxisChoice.ABSENT else {}
    match spelling:
        case Spelling.LABELS:
            return {"matchLabels": {key: chosen}}
        case Spelling.IN:
            return _expression(key, "In", [chosen, "nobody"])
        case Spelling.NOT_IN:
            return _expression(key, "NotIn", [name for name in known if name != chosen])
        case Spelling.EXISTS:
            return _expression("chosen", "Exists")
        case Spelling.DOES_NOT_EXIST:
            return _expression("spare", "DoesNotExist")


def _expression(key: str, operator: str, values: list[str] | None = None) -> JsonObject:
    requirement: JsonObject = {"key": key, "operator": operator}
    return {"matchExpressions": [requirement | ({"values": values} if values else {})]}


def _ports(case: RuleCase) -> JsonObject:
    protocol: JsonObject = {} if case.protocol is RuleProtocol.DEFAULT else {"protocol": case.protocol.upper()}
    entries = [protocol | port for port in _port_entries(case.port, case.protocol)]
    return {} if entries == [{}] else {"ports": entries}


def _port_entries(port: PortKind, protocol: RuleProtocol) -> list[JsonObject]:
    spoken = "tcp" if protocol is RuleProtocol.DEFAULT else protocol.value
    other = "tcp" if protocol is RuleProtocol.UDP else "udp"
    match port:
        case PortKind.ANY:
            return [{}]
        case PortKind.NUMBER:
            return [{"port": 80}]
        case PortKind.NAME:
            return [{"port": f"serve-81-{spoken}"}]
        case PortKind.RANGE:
            return [{"port": 53, "endPort": 80}]
        case PortKind.TWO:
            return [{"port": 80}, {"port": f"serve-81-{other}"}]
