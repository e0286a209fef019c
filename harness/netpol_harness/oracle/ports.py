"""Whether one entry of a rule's ``ports`` matches a destination port: NetworkPolicyPort of networking.k8s.io/v1.

A port's name is a name *on a pod*: on the subject in ingress, on the destination in egress, which is the flow's
destination both times. Each pod has its own numbers for a name, for each protocol. Pure.
"""

from netpol_harness.model.names import Direction, Port, Protocol
from netpol_harness.model.objects import Pod
from netpol_harness.model.policy import PolicyPort
from netpol_harness.oracle.match import ALWAYS, NEVER, Match, both, by_profile, definite, supported
from netpol_harness.oracle.mismatch import PortField, PortMismatch
from netpol_harness.oracle.points import OpenPoint, Profile


def port_match(entry: PolicyPort | None, port: Port, profile: Profile, *, named: Match) -> Match:
    """Whether the entry matches the port. ``None`` stands for a rule without ports, which means all ports.

    ``named`` is the result for an entry that gives a name.
    """
    if entry is None:
        return by_profile(profile, OpenPoint.OTHER_PROTOCOLS) if port.protocol is Protocol.ICMP else ALWAYS
    if _differing_field(entry, port):
        return NEVER
    if entry.protocol is Protocol.SCTP:
        return both(supported(profile, OpenPoint.OPTIONAL_FEATURES), _number_match(entry, port, profile, named))
    return _number_match(entry, port, profile, named)


def name_match(name: str, port: Port, destination: Pod | None, direction: Direction, profile: Profile) -> Match:
    """Whether the destination has this port under this name; ``destination`` is ``None`` for a host."""
    not_a_pod = by_profile(profile, OpenPoint.NAMED_PORT_OUTSIDE)
    if destination is None:
        return not_a_pod
    declared = definite(port.number in destination.numbers(name, port.protocol))
    if destination.host_network and direction is Direction.EGRESS:
        return by_profile(profile, OpenPoint.HOST_NETWORK, yes=declared, no=not_a_pod)
    return declared


def port_mismatch(entry: PolicyPort, port: Port, destination: Pod | None) -> PortMismatch:
    """Return why an entry does not match the port, given that it does not, whatever the profile."""
    if field := _differing_field(entry, port):
        return PortMismatch(field)
    numbers = destination.numbers(str(entry.port), entry.protocol) if destination else ()
    return PortMismatch(PortField.NAME, tuple(sorted(numbers)))


def _number_match(entry: PolicyPort, port: Port, profile: Profile, named: Match) -> Match:
    """Documentation on endPort: a network plugin that does not support it applies the first port alone."""
    if isinstance(entry.port, str):
        return named
    return ALWAYS if entry.port in (None, port.number) else supported(profile, OpenPoint.OPTIONAL_FEATURES)


def _differing_field(entry: PolicyPort, port: Port) -> PortField | None:
    """The field of the entry that excludes the port, apart from a name; ``None`` if there is none."""
    if entry.protocol is not port.protocol:
        return PortField.PROTOCOL
    if isinstance(entry.port, int) and not entry.port <= port.number <= (entry.end_port or entry.port):
        return PortField.NUMBER
    return None
