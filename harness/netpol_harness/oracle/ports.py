"""Whether one entry of a rule's ``ports`` admits a destination port: NetworkPolicyPort of networking.k8s.io/v1.

A port's name is a name *on a pod*: on the subject in ingress, on the destination in egress, which is the flow's
destination both times, and each pod has numbers of its own for each protocol. Pure.
"""

from netpol_harness.model.names import Direction, Port, Protocol
from netpol_harness.model.objects import Pod
from netpol_harness.model.policy import PolicyPort
from netpol_harness.oracle.match import NEVER, SURE, Match, admitted, choice, supported, surely
from netpol_harness.oracle.points import Point, Profile


def port_match(entry: PolicyPort | None, port: Port, profile: Profile, *, named: Match) -> Match:
    """Whether the entry admits the port; ``None`` stands for a rule that names no ports, and so means all.

    ``named`` is the answer where the entry gives a name.
    """
    if entry is None:
        return admitted(profile, Point.OTHER_PROTOCOLS) if port.protocol is Protocol.ICMP else SURE
    if entry.protocol is not port.protocol:
        return NEVER
    if entry.protocol is Protocol.SCTP and (known := supported(profile, Point.OPTIONAL_FEATURES)) is not SURE:
        return known
    match entry.port:
        case None:
            return SURE
        case int():
            return _numbered(entry.port, entry.end_port or entry.port, port.number, profile)
        case str():
            return named


def name_match(name: str, port: Port, destination: Pod | None, direction: Direction, profile: Profile) -> Match:
    """Whether the destination has this port under this name; it is ``None`` where it is no pod."""
    outside = admitted(profile, Point.NAMED_PORT_OUTSIDE)
    if destination is None:
        return outside
    declared = surely(port.number in destination.numbers(name, port.protocol))
    if destination.host_network and direction is Direction.EGRESS:
        return choice(profile, Point.HOST_NETWORK, yes=declared, no=outside)
    return declared


def _numbered(first: int, last: int, number: int, profile: Profile) -> Match:
    """Documentation on endPort: a network plugin that does not know it applies the first port alone."""
    if number == first:
        return SURE
    return supported(profile, Point.OPTIONAL_FEATURES) if first < number <= last else NEVER
