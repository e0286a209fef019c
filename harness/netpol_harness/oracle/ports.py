"""Whether one entry of a rule's ``ports`` admits a destination port: NetworkPolicyPort of networking.k8s.io/v1.

A port's name is a name *on a pod*: on the subject in ingress, on the destination in egress, which is the flow's
destination both times, and each pod has numbers of its own for each protocol. Pure.
"""

from netpol_harness.model.names import Direction, Port, Protocol
from netpol_harness.model.objects import Pod
from netpol_harness.model.policy import PolicyPort
from netpol_harness.oracle.match import NEVER, SURE, Match, admitted, both, choice, supported, surely
from netpol_harness.oracle.mismatch import PortField, PortMismatch
from netpol_harness.oracle.points import Point, Profile


def port_match(entry: PolicyPort | None, port: Port, profile: Profile, *, named: Match) -> Match:
    """Whether the entry admits the port; ``None`` stands for a rule that names no ports, and so means all.

    ``named`` is the answer where the entry gives a name.
    """
    if entry is None:
        return admitted(profile, Point.OTHER_PROTOCOLS) if port.protocol is Protocol.ICMP else SURE
    if _differing(entry, port):
        return NEVER
    if entry.protocol is Protocol.SCTP:
        return both(supported(profile, Point.OPTIONAL_FEATURES), _number_match(entry, port, profile, named))
    return _number_match(entry, port, profile, named)


def name_match(name: str, port: Port, destination: Pod | None, direction: Direction, profile: Profile) -> Match:
    """Whether the destination has this port under this name; it is ``None`` where it is no pod."""
    outside = admitted(profile, Point.NAMED_PORT_OUTSIDE)
    if destination is None:
        return outside
    declared = surely(port.number in destination.numbers(name, port.protocol))
    if destination.host_network and direction is Direction.EGRESS:
        return choice(profile, Point.HOST_NETWORK, yes=declared, no=outside)
    return declared


def port_mismatch(entry: PolicyPort, port: Port, destination: Pod | None) -> PortMismatch:
    """Why an entry that refuses the port by the text alone does so."""
    if field := _differing(entry, port):
        return PortMismatch(field)
    numbers = destination.numbers(str(entry.port), entry.protocol) if destination else ()
    return PortMismatch(PortField.NAME, tuple(sorted(numbers)))


def _number_match(entry: PolicyPort, port: Port, profile: Profile, named: Match) -> Match:
    """Documentation on endPort: a network plugin that does not know it applies the first port alone."""
    if isinstance(entry.port, str):
        return named
    return SURE if entry.port in (None, port.number) else supported(profile, Point.OPTIONAL_FEATURES)


def _differing(entry: PolicyPort, port: Port) -> PortField | None:
    """The field of the entry that excludes the port, whatever names mean; ``None`` if none does."""
    if entry.protocol is not port.protocol:
        return PortField.PROTOCOL
    if isinstance(entry.port, int) and not entry.port <= port.number <= (entry.end_port or entry.port):
        return PortField.NUMBER
    return None
