"""Misread ports (networking.k8s.io/v1 NetworkPolicyPort): protocols, numbers, ranges, names."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from netpol_harness.emulator.dataplane.rules import NamedSet, Ruleset
from netpol_harness.emulator.faults.mutant import Mutant, WorldFault
from netpol_harness.emulator.faults.rewriting import port_lists, ports, rules
from netpol_harness.model.names import Direction, Protocol
from netpol_harness.model.objects import World
from netpol_harness.model.policy import IPBlock, NetworkPolicy, PolicyPort, Rule

_TRANSPORTS = (Protocol.TCP, Protocol.UDP, Protocol.SCTP)
_TABLE = 24
_HIGHEST = 65535


def _any_protocol(port: PolicyPort) -> list[PolicyPort]:
    return [replace(port, protocol=protocol) for protocol in _TRANSPORTS]


def _is_named(port: PolicyPort) -> bool:
    return isinstance(port.port, str)


def _names(rule: Rule) -> bool:
    return any(map(_is_named, rule.ports or ()))


def _one_protocol_per_number(entries: tuple[PolicyPort, ...]) -> list[PolicyPort]:
    first = {port.port: port for port in reversed(entries)}
    return [port for port in entries if port.port is None or first[port.port] == port]


def _numbered_only(entries: tuple[PolicyPort, ...]) -> list[PolicyPort]:
    numbered = {port.protocol for port in entries if port.port is not None}
    return [port for port in entries if port.port is not None or port.protocol not in numbered]


def _without_last_port(port: PolicyPort) -> list[PolicyPort]:
    if port.end_port is None or not isinstance(port.port, int):
        return [port]
    return [replace(port, end_port=max(port.port, port.end_port - 1))]


def _by_names(read: Callable[[PolicyPort, World], Iterable[PolicyPort] | None]) -> WorldFault:
    """Replace every named port, given the world to look up its name in. ``None`` opens every port."""

    def rewritten(rule: Rule, now: World) -> Rule:
        replaced: list[PolicyPort] = []
        for port in rule.ports or ():
            replacements = read(port, now) if _is_named(port) else [port]
            if replacements is None:
                return replace(rule, ports=None)
            replaced.extend(replacements)
        return replace(rule, ports=tuple(replaced)) if replaced else rule

    return lambda now, before: rules(lambda rule: [rewritten(rule, now)])(now, before)


def _numbers_on_any_pod(port: PolicyPort, now: World) -> Iterator[PolicyPort]:
    numbers = {n for pod in now.pods.values() for n in pod.numbers(str(port.port), port.protocol)}
    return (replace(port, port=number) for number in sorted(numbers))


def _known(port: PolicyPort, now: World) -> list[PolicyPort] | None:
    return [port] if any(_numbers_on_any_pod(port, now)) else None


def _one_pod_per_name(correct: Ruleset, _: Ruleset) -> Ruleset:
    shortened = {name: _first(entry) for name, entry in correct.sets.items() if _is_of_names(entry)}
    return replace(correct, sets={**correct.sets, **shortened})


def _is_of_names(named_set: NamedSet) -> bool:
    return named_set.type.endswith("_addr . inet_service")


def _first(named_set: NamedSet) -> NamedSet:
    return replace(named_set, elements=dict(list(named_set.elements.items())[:1]))


def _without_named_blocks(rule: Rule) -> list[Rule]:
    if not _names(rule) or rule.peers is None:
        return [rule]
    return [replace(rule, peers=tuple(peer for peer in rule.peers if not isinstance(peer, IPBlock)))]


def _without_labels_of_names(now: World, _: World) -> World:
    """Drop a named port if the policy's podSelector uses a label key with the same name."""

    def rewritten(policy: NetworkPolicy) -> NetworkPolicy:
        keys = {requirement.key for requirement in policy.subject.requirements}
        alone = replace(now, policies=(policy,))
        return port_lists(lambda entries: [p for p in entries if p.port not in keys])(alone, alone).policies[0]

    return replace(now, policies=tuple(map(rewritten, now.policies)))


def _frozen_by_a_port_without_number(now: World, before: World) -> World:
    """Keep the policies unchanged for as long as one of them has a port without a number."""
    entries = (rule for policy in now.policies for rule in (*policy.ingress, *policy.egress))
    stuck = any(port.port is None for rule in entries for port in rule.ports or ())
    return replace(now, policies=before.policies) if stuck else now


MUTANTS = (
    Mutant(
        "protocol-ignored",
        "A port is open for every protocol.",
        ("ports-missing-protocol-defaults-tcp", "udp_rule_admits_no_tcp"),
        world=ports(_any_protocol),
    ),
    Mutant(
        "sctp-read-as-tcp",
        "A port for SCTP is opened for TCP.",
        ("sctp_rule_admits_no_tcp", "sctp_rule_isolates"),
        world=ports(lambda port: [replace(port, protocol=Protocol.TCP) if port.protocol is Protocol.SCTP else port]),
    ),
    Mutant(
        "sctp-spoils-the-rule",
        "A rule with an SCTP port is not installed, and neither are its other ports.",
        ("sctp-rule-silently-dropped",),
        world=port_lists(lambda entries: [] if any(port.protocol is Protocol.SCTP for port in entries) else entries),
    ),
    Mutant(
        "udp-port-lost",
        "A port for UDP is never opened.",
        ("ports-protocol-without-number",),
        world=ports(lambda port: [] if port.protocol is Protocol.UDP else [port]),
    ),
    Mutant(
        "one-protocol-a-number",
        "If a port number is listed with several protocols, only the first is opened.",
        ("except-leaks-into-other-rule",),
        world=port_lists(_one_protocol_per_number),
    ),
    Mutant(
        "protocol-without-number-opens-nothing",
        "A protocol without a port number opens no port.",
        ("ports-protocol-without-number",),
        world=ports(lambda port: [] if port.port is None else [port]),
    ),
    Mutant(
        "protocol-without-number-opens-all",
        "A protocol without a port number opens every port of every protocol.",
        ("ports-protocol-without-number",),
        world=ports(lambda port: _any_protocol(port) if port.port is None else [port]),
    ),
    Mutant(
        "port-without-number-stops-everything",
        "From the first port without a number on, no change of policies takes effect.",
        ("port-without-number-stops-later-policies",),
        world=_frozen_by_a_port_without_number,
    ),
    Mutant(
        "without-ports-means-tcp",
        "A rule without ports opens TCP only.",
        ("allow-all-opens-tcp-only",),
        world=rules(lambda rule: [replace(rule, ports=(PolicyPort(Protocol.TCP),)) if rule.ports is None else rule]),
    ),
    Mutant(
        "empty-port-item-lost",
        "Beside a numbered port, an item without a number is ignored.",
        ("ports-empty-item-plus-numbered-port",),
        world=port_lists(_numbered_only),
    ),
    Mutant(
        "port-number-ignored",
        "A port opens every port of its protocol.",
        ("service-port-vs-target-port", "ports"),
        world=ports(lambda port: [PolicyPort(port.protocol)]),
    ),
    Mutant(
        "only-the-first-port",
        "Of several ports of a rule only the first is opened.",
        ("except-leaks-into-other-rule", "more-than-24-or-40-ports"),
        world=port_lists(lambda entries: entries[:1]),
    ),
    Mutant(
        "only-24-ports",
        "Of the ports of a rule only the first 24 are opened.",
        ("more-than-24-or-40-ports",),
        world=port_lists(lambda entries: entries[:_TABLE]),
    ),
    Mutant(
        "end-port-ignored",
        "Of a range only the first port is opened.",
        ("endport-ignored-first-port-only",),
        world=ports(lambda port: [replace(port, end_port=None)]),
    ),
    Mutant(
        "end-port-excluded",
        "The last port of a range is not opened.",
        ("endport-ignored-first-port-only",),
        world=ports(_without_last_port),
    ),
    Mutant(
        "end-port-unbounded",
        "A range opens every port from its first one up.",
        ("endport-ignored-first-port-only",),
        world=ports(lambda port: [port if port.end_port is None else replace(port, end_port=_HIGHEST)]),
    ),
    Mutant(
        "named-port-of-all-pods",
        "A named port opens, on every pod, all numbers that any pod has under the name.",
        ("namedport-differs-per-pod",),
        world=_by_names(_numbers_on_any_pod),
    ),
    Mutant(
        "named-port-of-one-pod",
        "A named port is opened on one of the pods that have it.",
        ("namedport-set-holds-one-pod",),
        rules=_one_pod_per_name,
    ),
    Mutant(
        "named-port-any-protocol",
        "A named port is opened for the protocol in the pod, whatever the rule says.",
        ("namedport-protocol-mismatch",),
        world=ports(lambda port: _any_protocol(port) if _is_named(port) else [port]),
    ),
    Mutant(
        "unknown-named-port-opens-all",
        "A named port that no pod has opens every port.",
        ("namedport-unsupported-opens-all",),
        world=_by_names(_known),
    ),
    Mutant(
        "named-port-without-peers-lost",
        "A named port in an egress rule without peers is never opened.",
        ("namedport-egress-without-to",),
        world=rules(lambda rule: [] if _names(rule) and rule.peers is None else [rule], Direction.EGRESS),
    ),
    Mutant(
        "named-port-for-blocks-lost",
        "A named port is not opened for an ipBlock.",
        ("namedport-ingress-from-ipblock-dropped",),
        world=rules(_without_named_blocks, Direction.INGRESS),
    ),
    Mutant(
        "label-hides-named-port",
        "A named port is not opened if a label of the policy's podSelector has the same name.",
        ("set-name-shared-by-label-and-port",),
        world=_without_labels_of_names,
    ),
)
