"""The closed keys of scenario.yaml, as shapes. ``SCENARIO`` is the reference of the format."""

from netpol_harness.paths.outcome import Expected
from netpol_harness.scenario.kubernetes import DNS_LABEL, LABEL_KEY, LABEL_RULE, LABEL_VALUE
from netpol_harness.scenario.node import YamlKind, YamlNode
from netpol_harness.scenario.scenario import Others, Restart
from netpol_harness.scenario.shape import (
    Report,
    Shape,
    both,
    choice,
    either,
    flag,
    integer,
    mapping,
    nullable,
    seconds,
    sequence,
    table,
    text,
)
from netpol_harness.wellknown import NAMESPACE_NAME_LABEL

_PORT = r"0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])(/(TCP|UDP|SCTP))?"


def _changeable(node: YamlNode, report: Report) -> None:
    if node.text == NAMESPACE_NAME_LABEL:
        report.add(node.place, f"the label {NAMESPACE_NAME_LABEL} is the API server's own", "use another label")


def _asserts(node: YamlNode, report: Report) -> None:
    """A step must say something of the network, or its green would mean nothing."""
    paths, others = node.at("paths"), node.at("others")
    unread = YamlKind.NOTHING if node.get("paths") is None else YamlKind.MAPPING
    silent = paths.kind is unread and not paths.entries and others.text in ("", Others.UNCHECKED)
    if node.kind is YamlKind.MAPPING and silent and node.get("expect") is None:
        report.add(node.place, "this step expects nothing", "add 'paths:', or 'others: blocked' or 'others: allowed'")


def _has_words(node: YamlNode, report: Report) -> None:
    """Paths without words are for steps whose words are derived."""
    paths = node.at("paths")
    if paths.kind is YamlKind.LIST and node.get("expect") is None:
        report.add(paths.place, "these paths have no words", "add 'expect: oracle', or write PATH: WORD")


def _repeats_a_change(node: YamlNode, report: Report) -> None:
    """To enter a step again takes a step before it to return to."""
    if node.items and (repeat := node.items[0].get("repeat")):
        report.add(repeat.place, "the first step cannot be repeated: no step is before it", "put a step before it")


def _unique_names(node: YamlNode, report: Report) -> None:
    lines: dict[str, int] = {}
    for step in node.items:
        name = step.at("name")
        line = lines.setdefault(name.text, name.place.line) if name.text else name.place.line
        if line != name.place.line:
            report.add(name.place, f"the step '{name.text}' is already on line {line}", "give each step its own name")


_LABELS = table(
    nullable(text("a label value", LABEL_VALUE, LABEL_RULE)),
    "a mapping of label keys to values",
    key=both(text("a label key", LABEL_KEY, LABEL_RULE), _changeable),
)
_FILE = text("a file or glob", r"[^/\0][^\0]*", "write it relative to the scenario's directory")
_FILES = sequence(_FILE, "a list of files")
_HOST = text("the name of an external host", rf"(?!any\Z){DNS_LABEL}", "write lower-case letters, digits and '-'")
_HOST_FIELDS: dict[str, Shape] = {
    "address": text("an IP address"),
    "ports": sequence(text("a port", _PORT, "write 80, 53/UDP or 7777/SCTP"), "a list of ports"),
}
_EXTERNAL = either(
    {
        YamlKind.LIST: sequence(_HOST, "a list of names"),
        YamlKind.MAPPING: table(
            nullable(mapping(_HOST_FIELDS, what="a mapping of address and ports")), "hosts", key=_HOST
        ),
    },
    "a list of names, or a mapping of names to address and ports",
)

STEP = both(
    mapping(
        {
            "name": text(
                "a step's name", r"[A-Za-z0-9._-]+", "write letters, digits, '.', '_' and '-': it is part of test ids"
            ),
            "description": text("a description"),
            "policies": _FILES,
            "paths": either(
                {
                    YamlKind.MAPPING: table(choice(Expected, "a verdict word"), "a mapping of paths to words"),
                    YamlKind.LIST: sequence(text("a path"), "a list of paths", least=1),
                },
                "a mapping of paths to words",
            ),
            "others": choice(Others, "a word for the other paths"),
            "expect": choice(("oracle",), "what the words of the paths are derived from"),
            "repeat": integer("a number of times to enter the step", 2, 100),
            "restart": choice(Restart, "something to restart"),
            "labels": mapping(
                {
                    "pods": table(_LABELS, "a mapping of pods to labels"),
                    "namespaces": table(_LABELS, "a mapping of namespaces to labels"),
                },
                what="a mapping of pods and namespaces",
            ),
            "recreate": sequence(text("a pod"), "a list of pods"),
            "absent": sequence(text("an object"), "a list of objects"),
        },
        required=("name",),
        what="a step (a mapping with a name)",
    ),
    _asserts,
    _has_words,
)

SCENARIO = mapping(
    {
        "title": text("a title"),
        "description": text("a description"),
        "workloads": sequence(_FILE, "a list of files", least=1),
        "external": _EXTERNAL,
        "exclusive": flag,
        "marks": sequence(
            text("a marker of pytest", r"[A-Za-z][A-Za-z0-9_]*", "write letters, digits and '_'"), "a list of markers"
        ),
        "requires": sequence(text("a capability"), "a list of capabilities"),
        "timeouts": mapping({"settle": seconds, "ready": seconds}, what="a mapping of durations"),
        "steps": both(sequence(STEP, "a list of steps", least=1), _unique_names, _repeats_a_change),
    },
    required=("title", "workloads", "steps"),
    what="a scenario (a mapping with title, workloads and steps)",
)
