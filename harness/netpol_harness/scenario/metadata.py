"""Shapes of what objects of all kinds have: names, labels, label selectors and ports."""

from netpol_harness.model.labels import Operator
from netpol_harness.scenario.node import YamlKind, YamlNode
from netpol_harness.scenario.shape import (
    Report,
    Shape,
    all_of,
    anything,
    by_kind,
    integer,
    mapping,
    mapping_of,
    nullable,
    one_of,
    sequence,
    string,
)

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_ALNUM = r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
_LOWER = "write lower-case letters, digits and '-', at most 63"
DNS_LABEL = rf"(?=.{{1,63}}\Z){_LABEL}"
HOST_NAME = rf"(?=.{{1,63}}\Z)(?![0-9.]+\Z)(?!.*\.(svc|cluster\.local)\Z){_LABEL}(\.{_LABEL})*"
DOMAIN_NAME = rf"(?=.{{1,253}}\Z)(?![0-9.]+\Z)(?!.*\.(svc|cluster\.local)\Z){_LABEL}(\.{_LABEL})+"
LABEL_KEY = rf"({_LABEL}(\.{_LABEL})*/)?(?=[^/]{{1,63}}\Z){_ALNUM}"
LABEL_VALUE = rf"(?=.{{0,63}}\Z)({_ALNUM})?"
API_VERSION = rf"({_LABEL}(\.{_LABEL})*/)?{_LABEL}"
KIND = r"[A-Za-z][A-Za-z0-9]{0,62}"
LABEL_RULE = "write at most 63 letters, digits, '-', '_' and '.'"

DNS_NAME = string("a DNS label", DNS_LABEL, _LOWER)
_NAMESPACE_OR_EMPTY = string("a DNS label", rf"({DNS_LABEL})?", _LOWER)
"""An empty namespace is none, as charts render it that leave the choice to kubectl."""
_SUBDOMAIN = string(
    "an object's name", rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*", "write lower-case letters, digits, '-' and '.'"
)
_LABEL_KEY = string("a label key", LABEL_KEY, f"{LABEL_RULE}, after an optional prefix/")
_LABEL_VALUE = string("a label value", LABEL_VALUE, LABEL_RULE)
LABELS = nullable(mapping_of(_LABEL_VALUE, "a mapping of label keys to values", key=_LABEL_KEY))
PORT_NAME = string(
    "a port's name", rf"(?=.{{1,15}}\Z)(?=.*[a-z]){_LABEL}", "write at most 15 lower-case letters, digits and '-'"
)
PORT_NUMBER = integer("a port", 1, 65535)


def _check_port_text(node: YamlNode, report: Report) -> None:
    if node.text.isdecimal():
        remedy = f"a name needs a letter; write {node.text} without quotes"
        report.add(node.place, f"'{node.text[:60]}' is not a port's name", remedy)
    else:
        PORT_NAME(node, report)


PORT = by_kind(
    {YamlKind.NUMBER: PORT_NUMBER, YamlKind.TEXT: Shape(_check_port_text, PORT_NAME.json_schema)},
    "a port's number or name",
)
PROTOCOL = one_of(("TCP", "UDP", "SCTP"), "a protocol")

_SEGMENT = string(
    "a valid path segment",
    r"(?!\.{1,2}\Z)[^/%\x00-\x1f\x7f]+",
    "write a name without '/' and '%', and neither '.' nor '..'",
)

NAMES: dict[str, Shape] = {
    "Namespace": DNS_NAME,
    "Service": string("a Service's name", rf"(?=[a-z])(?=.{{1,63}}\Z){_LABEL}", f"{_LOWER}, beginning with a letter"),
    **dict.fromkeys(("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"), _SEGMENT),
}
"""The shapes of the names of some kinds; those of all others are DNS subdomains."""


def metadata(kind: str) -> Shape:
    """Return the shape of the ``metadata`` of an object of this kind."""
    return mapping(
        {
            "name": NAMES.get(kind, _SUBDOMAIN),
            "namespace": nullable(_NAMESPACE_OR_EMPTY),
            "labels": LABELS,
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
SELECTOR = mapping(
    {"matchLabels": LABELS, "matchExpressions": nullable(sequence(_REQUIREMENT, "a list of requirements"))},
    what="a label selector",
)
