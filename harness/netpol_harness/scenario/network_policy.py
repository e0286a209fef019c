"""The shape of a NetworkPolicy (networking.k8s.io/v1): what a server would refuse is reported without a server.

Unknown keys are problems everywhere: a misspelt key makes a policy that means something else.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from netpol_harness.scenario.metadata import PORT, PORT_NUMBER, PROTOCOL, SELECTOR
from netpol_harness.scenario.node import YamlKind, YamlNode
from netpol_harness.scenario.shape import (
    Report,
    Shape,
    all_of,
    mapping,
    nullable,
    one_of,
    rule,
    sequence,
    string,
)


def _check_cidr(node: YamlNode, report: Report) -> None:
    string("a CIDR such as 10.0.0.0/8")(node, report)
    if node.kind is YamlKind.TEXT and _network(node) is None:
        report.add(node.place, f"'{node.text[:60]}' is not a CIDR", "write address/length, such as 10.0.0.0/8")


_CIDR = rule(_check_cidr, type="string")


def _network(node: YamlNode) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(node.text, strict=False) if "/" in node.text and "%" not in node.text else None
    except ValueError:
        return None


def _excepts_lie_within(node: YamlNode, report: Report) -> None:
    block = _network(node.at("cidr"))
    for item in node.at("except").items:
        hole = _network(item)
        if block and hole and (hole.version != block.version or hole == block or not hole.subnet_of(block)):  # type: ignore[arg-type]
            report.add(
                item.place, f"{item.text} does not lie strictly within {block}", "write a smaller part of the block"
            )


def _end_port_fits(node: YamlNode, report: Report) -> None:
    port, end = node.at("port"), node.at("endPort")
    if end.kind is not YamlKind.NUMBER:
        return
    if port.kind is not YamlKind.NUMBER:
        report.add(end.place, "endPort needs a numeric port", "add 'port:' with the first number of the range")
    elif isinstance(port.value, int) and isinstance(end.value, int) and end.value < port.value:
        report.add(
            end.place, f"endPort {end.value} is less than port {port.value}", "write the last number of the range"
        )


def _one_peer(node: YamlNode, report: Report) -> None:
    present = [
        name for name in ("podSelector", "namespaceSelector", "ipBlock") if node.at(name).kind is not YamlKind.NOTHING
    ]
    if node.kind is YamlKind.MAPPING and not present:
        report.add(node.place, "this peer selects nothing", "add podSelector, namespaceSelector or ipBlock")
    if "ipBlock" in present and len(present) > 1:
        report.add(
            node.place,
            f"a peer cannot have both ipBlock and {present[0]}",
            "split it into two peers, each with its own '-'",
        )


_IP_BLOCK = all_of(
    mapping({"cidr": _CIDR, "except": nullable(sequence(_CIDR, "a list of CIDRs"))}, required=("cidr",)),
    _excepts_lie_within,
)
_PEER_FIELDS = {
    "podSelector": nullable(SELECTOR),
    "namespaceSelector": nullable(SELECTOR),
    "ipBlock": nullable(_IP_BLOCK),
}
_PORT_FIELDS = {"protocol": nullable(PROTOCOL), "port": nullable(PORT), "endPort": nullable(PORT_NUMBER)}


def _all_under(keys: Iterable[str], place: str) -> dict[str, str]:
    """Return the remedy for each of these keys, which belong under ``place``."""
    return dict.fromkeys(keys, f"it belongs under {place}:")


_SELECTOR_PARTS = _all_under(("matchLabels", "matchExpressions"), "podSelector")
_BLOCK_PARTS = _all_under(("cidr", "except"), "ipBlock")


def _peer(key: str) -> Shape:
    """Return the shape of an item of ``from`` or ``to``."""
    beside = f"it belongs beside {key}:, as far to the left"
    elsewhere = {**_all_under(_PORT_FIELDS, "ports"), "ports": beside, **_SELECTOR_PARTS, **_BLOCK_PARTS}
    return all_of(mapping(_PEER_FIELDS, what="a peer", elsewhere=elsewhere), _one_peer)


def _port(key: str) -> Shape:
    """Return the shape of an item of ``ports`` in a rule whose peers are under ``key``."""
    what = "a port (a mapping of protocol and port)"
    return all_of(mapping(_PORT_FIELDS, what=what, elsewhere=_all_under(_PEER_FIELDS, key)), _end_port_fits)


def _rules(direction: str, key: str, other: str) -> Shape:
    """Return the shape of ``ingress`` or ``egress``. ``other`` is the key of peers in the other direction."""
    fields = {
        key: nullable(sequence(_peer(key), "a list of peers")),
        "ports": nullable(sequence(_port(key), "a list of ports")),
    }
    elsewhere = {
        **_all_under(_PEER_FIELDS, key),
        **_all_under(_PORT_FIELDS, "ports"),
        other: f"the peers of an {direction} rule are under {key}:",
    }
    what = f"a rule (a mapping of {key} and ports)"
    return nullable(sequence(nullable(mapping(fields, what=what, elsewhere=elsewhere)), "a list of rules"))


_SPEC_FIELDS = {
    "podSelector": nullable(SELECTOR),
    "policyTypes": nullable(sequence(one_of(("Ingress", "Egress"), "a policy type"), "a list of policy types")),
    "ingress": _rules("ingress", "from", "to"),
    "egress": _rules("egress", "to", "from"),
}
NETWORK_POLICY = mapping(
    _SPEC_FIELDS,
    elsewhere={
        **_all_under(("from",), "ingress"),
        **_all_under(("to",), "egress"),
        **_all_under(("ports",), "ingress: or egress"),
        **_SELECTOR_PARTS,
    },
)
OUTSIDE_SPEC = _all_under(_SPEC_FIELDS, "spec")
"""Remedies for the keys of ``spec`` that are written beside it."""
