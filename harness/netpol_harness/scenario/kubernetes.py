"""Shapes of the API objects that connectivity depends on: they report what a server would refuse, without a server.

Unknown keys of a NetworkPolicy (networking.k8s.io/v1) are problems everywhere: a misspelt key makes a policy that means
something else. Of pods, controllers and Services only what the harness reads is checked; the rest is the server's.
"""

from ipaddress import IPv4Network, IPv6Network, ip_network

from netpol_harness.model.labels import LabelSelector, Operator
from netpol_harness.scenario.node import YamlKind, YamlNode
from netpol_harness.scenario.shape import (
    Report,
    Shape,
    all_of,
    anything,
    by_kind,
    flag,
    integer,
    mapping,
    mapping_of,
    nullable,
    one_of,
    rule,
    sequence,
    string,
)

API_VERSIONS = {
    "Namespace": "v1",
    "Pod": "v1",
    "Service": "v1",
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
}
"""The kinds that are checked, and the version in which they are."""

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_ALNUM = r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
_LOWER = "write lower-case letters, digits and '-', at most 63"
DNS_LABEL = rf"(?=.{{1,63}}\Z){_LABEL}"
LABEL_KEY = rf"({_LABEL}(\.{_LABEL})*/)?(?=[^/]{{1,63}}\Z){_ALNUM}"
LABEL_VALUE = rf"(?=.{{0,63}}\Z)({_ALNUM})?"
API_VERSION = rf"({_LABEL}(\.{_LABEL})*/)?{_LABEL}"
KIND = r"[A-Za-z][A-Za-z0-9]{0,62}"
LABEL_RULE = "write at most 63 letters, digits, '-', '_' and '.'"

_DNS_LABEL = string("a DNS label", DNS_LABEL, _LOWER)
_SUBDOMAIN = string(
    "an object's name", rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*", "write lower-case letters, digits, '-' and '.'"
)
_LABEL_KEY = string("a label key", LABEL_KEY, f"{LABEL_RULE}, after an optional prefix/")
_LABEL_VALUE = string("a label value", LABEL_VALUE, LABEL_RULE)
_LABELS = nullable(mapping_of(_LABEL_VALUE, "a mapping of label keys to values", key=_LABEL_KEY))
_PORT_NAME = string(
    "a port's name", rf"(?=.{{1,15}}\Z)(?=.*[a-z]){_LABEL}", "write at most 15 lower-case letters, digits and '-'"
)
_PORT_NUMBER = integer("a port", 1, 65535)
_PORT = by_kind({YamlKind.NUMBER: _PORT_NUMBER, YamlKind.TEXT: _PORT_NAME}, "a port's number or name")
_PROTOCOL = one_of(("TCP", "UDP", "SCTP"), "a protocol")

_SEGMENT = string(
    "a valid path segment",
    r"(?!\.{1,2}\Z)[^/%\x00-\x1f\x7f]+",
    "write a name without '/' and '%', and neither '.' nor '..'",
)

NAMES: dict[str, Shape] = {
    "Namespace": _DNS_LABEL,
    "Service": string("a Service's name", rf"(?=[a-z])(?=.{{1,63}}\Z){_LABEL}", f"{_LOWER}, beginning with a letter"),
    **dict.fromkeys(("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"), _SEGMENT),
}
"""The shapes of the names of some kinds; those of all others are DNS subdomains."""


def metadata(kind: str) -> Shape:
    """Return the shape of the ``metadata`` of an object of this kind."""
    return mapping(
        {
            "name": NAMES.get(kind, _SUBDOMAIN),
            "namespace": nullable(_DNS_LABEL),
            "labels": _LABELS,
            "annotations": nullable(mapping_of(string("a string"), "a mapping of strings")),
        },
        required=("name",),
        rest=anything,
    )


def _values_fit(node: YamlNode, report: Report) -> None:
    operator, values = node.at("operator"), node.at("values")
    if operator.text in (Operator.IN, Operator.NOT_IN) and not values.items:
        report.add(operator.place, f"{operator.text} needs values", "add 'values:' with at least one")
    if operator.text in (Operator.EXISTS, Operator.DOES_NOT_EXIST) and values.items:
        report.add(values.place, f"{operator.text} takes no values", "remove 'values'")


_REQUIREMENT = all_of(
    mapping(
        {
            "key": _LABEL_KEY,
            "operator": one_of(Operator, "an operator"),
            "values": nullable(sequence(_LABEL_VALUE, "a list of label values")),
        },
        required=("key", "operator"),
    ),
    _values_fit,
)
_SELECTOR = mapping(
    {"matchLabels": _LABELS, "matchExpressions": nullable(sequence(_REQUIREMENT, "a list of requirements"))},
    what="a label selector",
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
_PEER = all_of(
    mapping(
        {
            "podSelector": nullable(_SELECTOR),
            "namespaceSelector": nullable(_SELECTOR),
            "ipBlock": nullable(_IP_BLOCK),
        },
        what="a peer",
    ),
    _one_peer,
)
_POLICY_PORT = all_of(
    mapping(
        {"protocol": nullable(_PROTOCOL), "port": nullable(_PORT), "endPort": nullable(_PORT_NUMBER)},
        what="a port (a mapping of protocol and port)",
    ),
    _end_port_fits,
)


def _rules(peers: str) -> Shape:
    fields = {
        peers: nullable(sequence(_PEER, "a list of peers")),
        "ports": nullable(sequence(_POLICY_PORT, "a list of ports")),
    }
    return nullable(
        sequence(nullable(mapping(fields, what=f"a rule (a mapping of {peers} and ports)")), "a list of rules")
    )


_NETWORK_POLICY = mapping(
    {
        "podSelector": nullable(_SELECTOR),
        "policyTypes": nullable(sequence(one_of(("Ingress", "Egress"), "a policy type"), "a list of policy types")),
        "ingress": _rules("from"),
        "egress": _rules("to"),
    },
)

_CONTAINER_PORT = mapping(
    {
        "containerPort": _PORT_NUMBER,
        "name": nullable(_PORT_NAME),
        "protocol": nullable(_PROTOCOL),
        "hostPort": nullable(integer("a port", 0, 65535)),
        "hostIP": nullable(string("an address")),
    },
    required=("containerPort",),
    what="a port (a mapping with containerPort)",
)
_CONTAINER = mapping(
    {
        "name": _DNS_LABEL,
        "image": string("an image", ".+", "name an image"),
        "ports": nullable(sequence(_CONTAINER_PORT, "a list of ports")),
    },
    required=("name", "image"),
    what="a container",
    rest=anything,
)
_POD = mapping(
    {
        "containers": sequence(_CONTAINER, "a list of containers", least=1),
        "initContainers": nullable(sequence(_CONTAINER, "a list of containers")),
        "hostNetwork": nullable(flag),
        "nodeName": nullable(string("a node's name")),
    },
    required=("containers",),
    rest=anything,
)


def _selects_its_template(node: YamlNode, report: Report) -> None:
    selector, labels = node.at("selector"), node.at("template", "metadata", "labels").plain() or {}
    scratch = Report()
    _SELECTOR(selector, scratch)
    if scratch.problems or not isinstance(labels, dict):
        return
    if not any(selector.at(key).entries or selector.at(key).items for key in ("matchLabels", "matchExpressions")):
        report.add(selector.place, "the selector is empty", "add matchLabels")
    elif not LabelSelector.parse(selector.plain()).matches(labels):
        report.add(selector.place, "the selector does not match the template's labels", "write the same labels in both")


_CONTROLLER = all_of(
    mapping(
        {
            "replicas": nullable(integer("a number of replicas", 0, 10_000)),
            "selector": _SELECTOR,
            "template": mapping(
                {"metadata": mapping({"labels": _LABELS}, rest=anything), "spec": _POD},
                required=("spec",),
                rest=anything,
            ),
        },
        required=("selector", "template"),
        rest=anything,
    ),
    _selects_its_template,
)

_SERVICE_PORT = mapping(
    {
        "port": _PORT_NUMBER,
        "targetPort": nullable(_PORT),
        "protocol": nullable(_PROTOCOL),
        "name": nullable(_DNS_LABEL),
        "nodePort": nullable(_PORT_NUMBER),
        "appProtocol": nullable(string("a protocol")),
    },
    required=("port",),
    what="a port (a mapping with port)",
)
_SERVICE = mapping(
    {
        "ports": nullable(sequence(_SERVICE_PORT, "a list of ports")),
        "selector": _LABELS,
        "clusterIP": nullable(string("an address or None")),
        "clusterIPs": nullable(sequence(string("an address"), "a list of addresses")),
    },
    rest=anything,
)

SPECS: dict[str, Shape] = {
    "Pod": _POD,
    "Service": _SERVICE,
    "NetworkPolicy": nullable(_NETWORK_POLICY),
    **dict.fromkeys(("Deployment", "StatefulSet", "ReplicaSet", "DaemonSet"), _CONTROLLER),
}
"""The shapes of ``spec``, for the kinds in which it is checked."""
