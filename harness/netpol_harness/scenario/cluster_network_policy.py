"""The shape of a ClusterNetworkPolicy (policy.networking.k8s.io/v1alpha2), with the rules of its experimental CRD.

What the CustomResourceDefinition's schema and its CEL rules refuse is reported without a server. Null means absent, as
the server removes it before it validates. Source: config/crd/experimental of network-policy-api v0.3.0.
"""

from collections.abc import Callable, Collection, Mapping
from ipaddress import ip_network

from netpol_harness.model.cluster_policy import Action, Tier
from netpol_harness.scenario.metadata import PORT_NUMBER, SELECTOR
from netpol_harness.scenario.node import YamlKind, YamlNode
from netpol_harness.scenario.shape import (
    Check,
    Report,
    Shape,
    all_of,
    integer,
    mapping,
    nullable,
    one_of,
    rule,
    sequence,
    string,
)

_MOST = 25
_LONGEST_CIDR = 43
_DOMAIN_LABEL = r"[a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?"


def _has(node: YamlNode, key: str) -> bool:
    return node.at(key).kind is not YamlKind.NOTHING


def _fields(
    fields: Mapping[str, Shape],
    what: str,
    *,
    required: Collection[str] = (),
    elsewhere: Mapping[str, str] | None = None,
) -> Shape:
    """Return the shape of a mapping of optional and required fields, where a null field is an absent one."""

    def check(node: YamlNode, report: Report) -> None:
        for key in required:
            if node.get(key) is not None and not _has(node, key):
                report.add(node.place, f"'{key}' has no value", f"write a value after '{key}:'")

    nullables = {key: nullable(shape) for key, shape in fields.items()}
    return all_of(mapping(nullables, required=required, what=what, elsewhere=elsewhere or {}), check)


def _exactly_one(what: str, keys: Collection[str]) -> Check:
    def check(node: YamlNode, report: Report) -> None:
        present = [key for key in keys if _has(node, key)]
        if node.kind is not YamlKind.MAPPING or len(present) == 1:
            return
        listed = " and ".join(present) or "no field"
        report.add(node.place, f"{what} has {listed}", f"write exactly one of {', '.join(keys)}")

    return check


def _choice(fields: Mapping[str, Shape], what: str, elsewhere: Mapping[str, str] | None = None) -> Shape:
    return all_of(_fields(fields, what, elsewhere=elsewhere), _exactly_one(what, tuple(fields)))


def _at_most(count: int, what: str) -> Check:
    def check(node: YamlNode, report: Report) -> None:
        if len(node.items) > count:
            report.add(node.items[count].place, f"more than {count} {what}", "split them between two rules or policies")

    return check


def _distinct(node: YamlNode, report: Report) -> None:
    texts = [item.text for item in node.items]
    for index, item in enumerate(node.items):
        if item.text in texts[:index]:
            report.add(item.place, f"'{item.text[:60]}' is listed twice", "remove one of the two")


def _list(item: Shape, what: str, *more: Check) -> Shape:
    return all_of(sequence(item, f"a list of {what}", least=1), _at_most(_MOST, what), *more)


def _check_network(node: YamlNode, report: Report) -> None:
    string("a CIDR such as 10.0.0.0/8")(node, report)
    if node.kind is not YamlKind.TEXT:
        return
    try:
        network = ip_network(node.text, strict=False) if "/" in node.text and "%" not in node.text else None
    except ValueError:
        network = None
    if network is None or len(node.text) > _LONGEST_CIDR or not node.text.partition("/")[2].isdecimal():
        report.add(node.place, f"'{node.text[:60]}' is not a CIDR", "write address/length, such as 10.0.0.0/8")
    elif ip_network(network.network_address) != ip_network(node.text.partition("/")[0]):
        report.add(node.place, f"{node.text} has bits beyond its length", f"write {network}")


def _range_ascends(node: YamlNode, report: Report) -> None:
    start, end = node.at("start").value, node.at("end").value
    if isinstance(start, int) and isinstance(end, int) and start >= end:
        report.add(node.place, f"the range starts at {start} and ends at {end}", "start must be less than end")


def _named_port_has_pods(node: YamlNode, report: Report) -> None:
    """The CEL rule of an egress rule: addresses have no named ports."""
    named = [item.at("destinationNamedPort") for item in node.at("protocols").items]
    addressed = [
        key for peer in node.at("to").items for key in ("networks", "nodes", "domainNames") if peer.get(key) is not None
    ]
    for name in named:
        if name.kind is not YamlKind.NOTHING and addressed:
            message = f"destinationNamedPort cannot be beside a peer of {addressed[0]}"
            report.add(name.place, message, "write the port's number, or a rule for each")


_RANGE = all_of(
    _fields({"start": PORT_NUMBER, "end": PORT_NUMBER}, "a range of ports", required=("start", "end")), _range_ascends
)
_DESTINATION = _choice({"number": PORT_NUMBER, "range": _RANGE}, "a destination port")
_TRANSPORT = _choice({"destinationPort": _DESTINATION}, "a protocol's field")
_PROTOCOL = _choice(
    {"tcp": _TRANSPORT, "udp": _TRANSPORT, "sctp": _TRANSPORT, "destinationNamedPort": string("a port's name")},
    "an item of protocols",
    elsewhere={key: "it belongs under tcp:, udp: or sctp:" for key in ("destinationPort", "port", "protocol")},
)
_PODS = _fields(
    {"namespaceSelector": SELECTOR, "podSelector": SELECTOR}, "a selection of pods", required=("podSelector",)
)
_SELECTING = {"namespaces": SELECTOR, "pods": _PODS}
_SELECTOR_PARTS = dict.fromkeys(
    ("matchLabels", "matchExpressions"), "it belongs under namespaces: or a selector of pods:"
)
_SELECTORS = dict.fromkeys(("podSelector", "namespaceSelector"), "it belongs under pods:")
_DOMAIN_NAME = string(
    "a domain name",
    rf"(\*\.)?({_DOMAIN_LABEL}\.)+{_DOMAIN_LABEL}\.?",
    "write a name such as example.com or *.example.com",
)
_OUTSIDE = {
    "networks": _list(rule(_check_network, type="string"), "networks", _distinct),
    "nodes": SELECTOR,
    "domainNames": _list(_DOMAIN_NAME, "domain names", _distinct),
}
_ONLY_EGRESS = dict.fromkeys(_OUTSIDE, "only peers of egress rules have it")


def _peers(fields: Mapping[str, Shape], elsewhere: Mapping[str, str]) -> Shape:
    return _list(_choice(fields, "a peer", {**_SELECTOR_PARTS, **_SELECTORS, **elsewhere}), "peers")


def _rules(key: str, other: str, peers: Shape, *more: Callable[[YamlNode, Report], None]) -> Shape:
    fields = {
        "name": string("a name of at most 100 characters", ".{0,100}", "write a shorter name"),
        "action": one_of(Action, "an action"),
        key: peers,
        "protocols": _list(_PROTOCOL, "protocols"),
    }
    elsewhere = {
        other: f"the peers of this rule are under {key}:",
        "ports": "ports are under protocols:",
        **dict.fromkeys(("namespaces", "pods", *_OUTSIDE), f"it belongs under {key}:"),
        **dict.fromkeys(("tcp", "udp", "sctp", "destinationNamedPort"), "it belongs under protocols:"),
    }
    each = all_of(_fields(fields, "a rule", required=("action", key), elsewhere=elsewhere), *more)
    return all_of(sequence(each, "a list of rules"), _at_most(_MOST, "rules"))


CLUSTER_NETWORK_POLICY = _fields(
    {
        "tier": one_of(Tier, "a tier"),
        "priority": integer("a priority", 0, 1000),
        "subject": _choice(_SELECTING, "a subject", {**_SELECTOR_PARTS, **_SELECTORS, **_ONLY_EGRESS}),
        "ingress": _rules("from", "to", _peers(_SELECTING, _ONLY_EGRESS)),
        "egress": _rules("to", "from", _peers({**_SELECTING, **_OUTSIDE}, {}), _named_port_has_pods),
    },
    "the spec of a ClusterNetworkPolicy",
    required=("tier", "priority", "subject"),
    elsewhere={"podSelector": "it belongs under subject: pods:", "policyTypes": "remove it; rules say the direction"},
)
"""The shape of ``spec``."""
