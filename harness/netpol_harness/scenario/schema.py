"""The keys of scenario.yaml, as shapes. ``SCENARIO`` is the reference of the format."""

from typing import Any

from netpol_harness.model.addresses import is_address
from netpol_harness.paths.outcome import Expected
from netpol_harness.paths.readiness import PREFIX
from netpol_harness.scenario.metadata import DNS_LABEL, DOMAIN_NAME, HOST_NAME, LABEL_KEY, LABEL_RULE, LABEL_VALUE
from netpol_harness.scenario.node import YamlKind, YamlNode
from netpol_harness.scenario.scenario import Others, Restart
from netpol_harness.scenario.shape import (
    Report,
    Shape,
    all_of,
    by_kind,
    documented,
    flag,
    integer,
    mapping,
    mapping_by_key,
    mapping_of,
    nullable,
    one_of,
    rule,
    seconds,
    sequence,
    text,
)
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL

_PORT = r"0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])(/(TCP|UDP|SCTP))?"


def _is_changeable(node: YamlNode, report: Report) -> None:
    if node.text == NAMESPACE_NAME_LABEL:
        report.add(node.place, f"the label {NAMESPACE_NAME_LABEL} is the API server's own", "use another label")


_CHANGEABLE = rule(_is_changeable, **{"not": {"const": NAMESPACE_NAME_LABEL}})


def _expects_something(node: YamlNode, report: Report) -> None:
    paths, others = node.at("paths"), node.at("others")
    unread = YamlKind.NOTHING if node.get("paths") is None else YamlKind.MAPPING
    silent = paths.kind is unread and not paths.entries and others.text in ("", Others.UNCHECKED)
    if node.kind is YamlKind.MAPPING and silent and node.get("expect") is None:
        report.add(node.place, "this step expects nothing", "add 'paths:', or 'others: blocked' or 'others: allowed'")


_EXPECTS_SOMETHING = rule(
    _expects_something,
    anyOf=[
        {"required": ["paths"], "properties": {"paths": {"minProperties": 1}}},
        {"required": ["others"], "properties": {"others": {"not": {"const": Others.UNCHECKED}}}},
        {"required": ["expect"]},
    ],
)
"""A step without an expectation would pass whatever the network does."""


def _has_verdicts(node: YamlNode, report: Report) -> None:
    paths = node.at("paths")
    if paths.kind is YamlKind.LIST and node.get("expect") is None:
        report.add(paths.place, "these paths have no verdicts", "add 'expect: oracle', or write PATH: VERDICT")


_HAS_VERDICTS = rule(
    _has_verdicts,
    **{
        "if": {"required": ["paths"], "properties": {"paths": {"type": "array"}}},
        "then": {"required": ["expect"]},
    },
)
"""Paths without verdicts are for steps whose verdicts are derived."""


def _repeats_a_change(node: YamlNode, report: Report) -> None:
    if node.items and (repeat := node.items[0].get("repeat")):
        report.add(
            repeat.place, "the first step cannot be repeated: there is no step before it", "add a step before it"
        )


_REPEATS_A_CHANGE = rule(_repeats_a_change, items=[{"not": {"required": ["repeat"]}}])
"""Entering a step again needs a step before it to return to."""


def _is_address(node: YamlNode, report: Report) -> None:
    if not is_address(node.text):
        report.add(node.place, f"'{node.text}' is not an IP address", "write one such as 169.254.20.10")


def _unique_names(node: YamlNode, report: Report) -> None:
    lines: dict[str, int] = {}
    for step in node.items:
        name = step.at("name")
        line = lines.setdefault(name.text, name.place.line) if name.text else name.place.line
        if line != name.place.line:
            report.add(name.place, f"the step '{name.text}' is already on line {line}", "give each step its own name")


_LABELS = mapping_of(
    nullable(text("a label value", LABEL_VALUE, LABEL_RULE)),
    "a mapping of label keys to values",
    key=all_of(text("a label key", LABEL_KEY, LABEL_RULE), _CHANGEABLE),
)
_FILE = text("a file or glob", r"[^/\0][^\0]*", "write it relative to the scenario's directory")
_FILES = sequence(_FILE, "a list of files")
_NAMESPACE = text("a name", DNS_LABEL, "write lower-case letters, digits and '-'")
_HOST = text(
    "the name of an external host",
    rf"(?!any\Z){HOST_NAME}",
    "write lower-case letters, digits and '-', or a DNS name outside of the cluster",
)
_PORT_TEXT = text("a port", _PORT, "write 80, 53/UDP or 7777/SCTP")
_PORT_NUMBER = {"type": "integer", "minimum": 1, "maximum": 65_535}
_HOST_PORT = Shape(_PORT_TEXT, {"anyOf": [_PORT_NUMBER, {**_PORT_TEXT.json_schema, "type": "string"}]})
_HOST_FIELDS: dict[str, Shape] = {
    "address": documented("Its IP address; without one the harness chooses.", text("an IP address")),
    "ports": documented(
        "The ports on which it listens, such as 443 or 53/UDP.",
        sequence(_HOST_PORT, "a list of ports"),
    ),
}
_EXTERNAL = by_kind(
    {
        YamlKind.LIST: sequence(_HOST, "a list of names"),
        YamlKind.MAPPING: mapping_of(
            nullable(mapping(_HOST_FIELDS, what="a mapping of address and ports")), "hosts", key=_HOST
        ),
    },
    "a list of names, or a mapping of names to address and ports",
)

_DOMAIN = text("a domain name", DOMAIN_NAME, "write a DNS name outside of the cluster, in lower case")
_ANSWERS = sequence(text("an IP address or an external host"), "a list of addresses", least=1)
_RECORD_FIELDS: dict[str, Shape] = {
    "addresses": documented("IP addresses, and external hosts, which stand for theirs.", _ANSWERS),
    "alias": documented("Another name that it stands for (CNAME).", _DOMAIN),
    "ttl": documented("Seconds for which an answer is valid; 1 by default.", integer("a time to live", 0, 3600)),
}
_RECORD = by_kind(
    {YamlKind.LIST: _ANSWERS, YamlKind.MAPPING: mapping(_RECORD_FIELDS, what="a mapping of addresses or alias")},
    "a list of addresses, or a mapping of addresses or alias",
)

_NAME_SERVER = mapping(
    {
        "namespace": documented("The namespace of its pods and of its Service; kube-system by default.", _NAMESPACE),
        "service": documented("The name of its Service; kube-dns by default.", _NAMESPACE),
        "labels": documented(
            "Labels of its pods; k8s-app: kube-dns by default.",
            mapping_of(
                text("a label value", LABEL_VALUE, LABEL_RULE),
                "a mapping of label keys to values",
                key=text("a label key", LABEL_KEY, LABEL_RULE),
            ),
        ),
        "port": documented("The port at which its pods listen; 53 by default.", integer("a port", 1, 65_535)),
        "address": documented(
            "The address of a server that is not a pod, such as 169.254.20.10 for NodeLocal DNSCache.",
            all_of(text("an IP address"), rule(_is_address)),
        ),
    },
    what="a mapping of namespace, labels and port",
)

_STEP_FIELDS: dict[str, Shape] = {
    "name": documented(
        "The step's name, which is part of test ids.",
        text("a step's name", r"[A-Za-z0-9._-]+", "write letters, digits, '.', '_' and '-': it is part of test ids"),
    ),
    "description": documented("What this step shows.", text("a description")),
    "policies": documented("All policies that are in force in this step: files or globs.", _FILES),
    "paths": documented(
        "Connections and their verdicts, such as `web -> db:3306: blocked`; a list of paths with `expect: oracle`. "
        "And pods that must be Ready, or must not: `ready(web): true`.",
        by_kind(
            {
                YamlKind.MAPPING: mapping_by_key(
                    PREFIX, flag, one_of(Expected, "a verdict"), "a mapping of paths to verdicts"
                ),
                YamlKind.LIST: sequence(text("a path"), "a list of paths", least=1),
            },
            "a mapping of paths to verdicts",
        ),
    ),
    "others": documented(
        "The verdict of every other pair of pods and served port; `oracle`: what the policies say, pair by pair.",
        one_of(Others, "a verdict for the other paths"),
    ),
    "expect": documented(
        "Derive all verdicts of this step from the policies.",
        one_of(("oracle",), "a source of verdicts"),
    ),
    "strangers": documented(
        "Add a pod without labels to every namespace, one in a namespace of its own, one host outside the cluster, and"
        " a pod for each peer of a rule that matches none.",
        flag,
    ),
    "repeat": documented(
        "Enter this step so many times, from the step before it.",
        integer("a number of times to enter the step", 2, 100),
    ),
    "restart": documented(
        "Restart the network plugin's policy agent on entering this step.",
        one_of(Restart, "a component that can be restarted"),
    ),
    "labels": documented(
        "Labels that pods and namespaces carry in this step; null removes a label.",
        mapping(
            {
                "pods": mapping_of(_LABELS, "a mapping of pods to labels"),
                "namespaces": mapping_of(_LABELS, "a mapping of namespaces to labels"),
            },
            what="a mapping of pods and namespaces",
        ),
    ),
    "recreate": documented(
        "Pods, Deployments and their like that are deleted and created again.",
        sequence(text("a workload"), "a list of workloads"),
    ),
    "names": documented(
        "Names that the cluster's name server answers differently in this step; null removes one.",
        mapping_of(nullable(_RECORD), "a mapping of names to addresses", key=_DOMAIN),
    ),
    "absent": documented("Workloads that do not exist in this step.", sequence(text("an object"), "a list of objects")),
}
STEP = all_of(
    mapping(_STEP_FIELDS, required=("name",), what="a step (a mapping with a name)"),
    _EXPECTS_SOMETHING,
    _HAS_VERDICTS,
)

SCENARIO = mapping(
    {
        "title": documented("The scenario in one line.", text("a title")),
        "description": documented("What the scenario shows.", text("a description")),
        "workloads": documented(
            "Namespaces, Pods, Deployments, Services and other objects: files, globs or folders.",
            sequence(_FILE, "a list of files", least=1),
        ),
        "external": documented("Hosts outside the cluster.", _EXTERNAL),
        "names": documented(
            "Names outside the cluster that its name server answers, for `domainNames` of ClusterNetworkPolicies.",
            mapping_of(_RECORD, "a mapping of names to addresses", key=_DOMAIN),
        ),
        "dns": documented("Where the cluster's name server is, for predictions without a cluster.", _NAME_SERVER),
        "exclusive": documented("Run alone on the cluster, for objects that are in no namespace.", flag),
        "marks": documented(
            "Markers of pytest, for `-m`.",
            sequence(
                text("a marker of pytest", r"[A-Za-z][A-Za-z0-9_]*", "write letters, digits and '_'"),
                "a list of markers",
            ),
        ),
        "requires": documented(
            "Capabilities, such as SCTP; the scenario is skipped where the backend lacks one.",
            sequence(text("a capability"), "a list of capabilities"),
        ),
        "timeouts": documented(
            "Seconds to wait for the paths of a step to settle, and for the workloads to be ready.",
            mapping({"settle": seconds, "ready": seconds}, what="a mapping of durations"),
        ),
        "steps": documented(
            "States of the cluster, entered in this order.",
            all_of(sequence(STEP, "a list of steps", least=1), _unique_names, _REPEATS_A_CHANGE),
        ),
    },
    required=("title", "workloads", "steps"),
    what="a scenario (a mapping with title, workloads and steps)",
)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 7) of scenario.yaml, which ``scenario.schema.json`` in this package holds."""
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "scenario.yaml", **SCENARIO.json_schema}
